"""Event loops of all kinds: uvloop's, one that can't watch descriptors, several, one after the other, on threads."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import uvloop
from guard import GUARD, PATIENT, collect_until

import amop
from amop import aio
from amop.aio import _bridge
from amop.devnet import Devnet


class Unwatching(asyncio.SelectorEventLoop):
    """A loop without add_reader, as Windows' is, unless it is asyncio itself that asks."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        raise NotImplementedError


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
    "without add_reader": Unwatching,
}


async def conversation(devnet: Devnet, topic: str) -> int:
    """Use most functions, and return the number of replies."""
    async with (
        aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT) as publisher,
        aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT) as subscriber,
    ):
        seen = asyncio.Queue[bytes]()

        async def handler(message: amop.Message) -> None:
            await seen.put(message.data)

        async def answer(request: amop.Request) -> bytes:
            await asyncio.sleep(0)
            return request.data

        await subscriber.serve(topic, answer)
        await subscriber.subscribe(topic + "/handled", handler)
        read = await subscriber.subscribe(topic + "/read")
        for part in ("", "/handled", "/read"):
            await publisher.publish(topic + part, wait_for_subscriber=True)
        replies = await asyncio.gather(*(publisher.publish(topic, str(n)) for n in range(200)))
        await asyncio.gather(*(publisher.publish(topic + "/handled") for _ in range(200)))
        await asyncio.gather(*(publisher.publish(topic + "/read") for _ in range(200)))
        async with asyncio.timeout(GUARD):
            for _ in range(201):
                await seen.get()
                await read.next()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await read.next()
        return len(replies)


@pytest.mark.parametrize("loop_of", LOOPS.values(), ids=LOOPS.keys())
def test_conversation_works_in_every_kind_of_loop(
    devnet: Devnet, topic: str, loop_of: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    for _ in range(2):
        with asyncio.Runner(loop_factory=loop_of) as runner:
            assert runner.run(conversation(devnet, topic)) == 200
            # A loop may be run again.
            assert runner.run(conversation(devnet, topic)) == 200


def test_loops_on_several_threads_share_a_client(devnet: Devnet, topic: str) -> None:
    with asyncio.Runner() as runner:
        client = runner.run(_connected(devnet))
        service = devnet.connect(1)
        service.serve(topic, lambda request: request.data)
        replies: list[bytes] = []

        async def publish(text: str) -> None:
            reply = await client.publish(topic, text, wait_for_subscriber=True, timeout=GUARD)
            replies.append(reply.data)

        threads = [threading.Thread(target=asyncio.run, args=(publish(str(n)),)) for n in range(3)]
        for thread in threads:
            thread.start()
        runner.run(publish("3"))
        for thread in threads:
            thread.join(GUARD)
        assert sorted(replies) == [b"0", b"1", b"2", b"3"]
        runner.run(client.close())
        service.close()


@pytest.mark.parametrize("loop_of", LOOPS.values(), ids=LOOPS.keys())
def test_calls_of_a_closed_loop_are_dropped(
    devnet: Devnet, topic: str, loop_of: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    loop = loop_of()
    client = loop.run_until_complete(_connected(devnet))

    async def begin() -> asyncio.Future[amop.Reply]:
        return client.publish_async(topic, timeout=GUARD, wait_for_subscriber=True)

    call = loop.run_until_complete(begin())
    bridge = _bridge._bridges[id(loop)]
    assert bridge.in_flight == 1
    loop.close()
    living = weakref.ref(loop), weakref.ref(call)
    del loop, call
    # The bridge of the next loop finds that this one is closed.
    with asyncio.Runner() as runner:
        runner.run(_bridged())
        assert bridge.in_flight == 0
        collect_until(lambda: [reference() for reference in living] == [None, None])
        runner.run(client.close())


def test_thread_of_a_collected_loop_ends() -> None:
    before = threading.enumerate()
    loop = Unwatching()
    loop.run_until_complete(_bridged())
    (thread,) = [thread for thread in threading.enumerate() if thread not in before]
    loop.close()
    del loop
    gc.collect()
    thread.join(GUARD)
    assert not thread.is_alive()


class Interrupted(asyncio.SelectorEventLoop):
    """A loop during whose next call_soon the user presses Ctrl-C."""

    is_armed = False

    def call_soon(self, *args: Any, **options: Any) -> asyncio.Handle:  # type: ignore[override]
        if self.is_armed:
            self.is_armed = False
            raise KeyboardInterrupt
        return super().call_soon(*args, **options)


def test_ctrl_c_while_a_call_completes_reaches_the_program(devnet: Devnet, topic: str) -> None:
    loop = Interrupted()
    client = loop.run_until_complete(_connected(devnet))

    async def begin() -> asyncio.Future[amop.Reply]:
        return client.publish_async(topic, timeout=0.5, wait_for_subscriber=True)

    call = loop.run_until_complete(begin())
    call.add_done_callback(lambda _: None)
    loop.call_later(GUARD, loop.stop)
    # The completion of the call schedules its callback.
    loop.is_armed = True
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert isinstance(call.exception(), amop.Error)
    loop.run_until_complete(client.close())
    loop.close()


def test_no_thread_is_started_for_a_call(devnet: Devnet, topic: str) -> None:
    async def count() -> int:
        async with aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT) as client:
            before = _threads()
            calls = [client.publish_async(topic, timeout=0.5, wait_for_subscriber=True) for _ in range(1000)]
            during = _threads()
            await asyncio.gather(*calls, return_exceptions=True)
            return during - before

    # Some threads may start or end meanwhile for other reasons, but not one for each of the 1,000 calls.
    assert asyncio.run(count()) < 100


def _threads() -> int:
    with open("/proc/self/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("Threads:")))


async def _connected(devnet: Devnet) -> aio.Client:
    return await aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT)


async def _bridged() -> None:
    _bridge.bridge()
