"""Handlers in an event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
from guard import GUARD, PATIENT, collect_until, wait_for_event_in_loop

import amop
from amop import aio


async def test_coroutine_handler_gets_messages_in_order(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    seen: list[int] = []
    running = 0
    done = asyncio.Event()

    async def handler(message: amop.Message) -> None:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        seen.append(int(message.data))
        running -= 1
        if len(seen) == 100:
            done.set()

    subscription = await aio_subscriber.subscribe(topic, handler)
    await aio_publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 100):
        await aio_publisher.publish(topic, str(number))
    async with asyncio.timeout(GUARD):
        await done.wait()
    assert seen == list(range(100))
    with pytest.raises(amop.ArgumentError, match="passed to its handler"):
        await subscription.next()
    assert "handled" in repr(subscription)


async def test_plain_function_handler_runs_in_the_loop(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    threads: list[int] = []

    def handler(request: amop.Request) -> str:
        threads.append(threading.get_ident())
        return "plain"

    await aio_subscriber.serve(topic, handler)
    assert (await aio_publisher.publish(topic, wait_for_subscriber=True)).data == b"plain"
    assert threads == [threading.get_ident()]


async def test_handlers_run_before_a_node_has_confirmed(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()
    options = {"credentials": devnet.credentials, "call_timeout": 600.0, "heartbeat": 600.0}
    async with aio.connect(devnet.endpoints[1], **options) as subscriber:  # type: ignore[arg-type]
        # The node lists topics, and its answers about them are lost.
        fault = devnet.control("fault lose node=1 type=0x12")["fault"]
        try:
            serving = asyncio.create_task(subscriber.serve(topic, lambda request: b"served"))
            subscribing = asyncio.create_task(
                subscriber.subscribe(topic + "/all", lambda message: got.put_nowait(message.data))
            )
            async with asyncio.timeout(GUARD):
                reply = await aio_publisher.publish(topic, wait_for_subscriber=True, timeout=GUARD)
                await aio_publisher.publish(topic + "/all", "x", wait_for_subscriber=True, timeout=GUARD)
                assert (reply.data, await got.get()) == (b"served", b"x")
            assert not serving.done()
            assert not subscribing.done()
            for task in (serving, subscribing):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        finally:
            devnet.control(f"remove-fault {fault}")
        # Nothing is left of either.
        service = await subscriber.serve(topic, lambda request: b"again")
        assert (await aio_publisher.publish(topic, wait_for_subscriber=True)).data == b"again"
        await service.unsubscribe()


async def test_handler_with_a_full_queue_lets_other_tasks_run(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    go_on, done = asyncio.Event(), asyncio.Event()
    turns = handled = 0

    async def handler(_: amop.Message) -> None:
        nonlocal handled
        await go_on.wait()
        handled += 1
        if handled == 1000:
            done.set()

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    await aio_subscriber.subscribe(topic, handler)
    await aio_publisher.publish(topic, wait_for_subscriber=True)
    await asyncio.gather(*(aio_publisher.publish(topic) for _ in range(999)))
    running = asyncio.ensure_future(other())
    go_on.set()
    async with asyncio.timeout(GUARD):
        await done.wait()
    running.cancel()
    assert turns >= 1000 // 64


async def test_concurrency_limits_running_requests(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    running = most = 0
    full = asyncio.Event()

    async def handler(request: amop.Request) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        running -= 1
        return request.data

    await aio_subscriber.serve(topic, handler, concurrency=3)
    calls = [
        aio_publisher.publish_async(topic, str(number), timeout=GUARD, wait_for_subscriber=True)
        for number in range(10)
    ]
    assert [int((await call).data) for call in calls] == list(range(10))
    assert most == 3
    with pytest.raises(amop.ArgumentError, match="concurrency"):
        await aio_subscriber.serve(topic + " none", handler, concurrency=0)


async def test_exception_of_a_handler_is_logged_reported_and_answered(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    events = aio_subscriber.events()

    async def request(request: amop.Request) -> str:
        if request.data == b"bad":
            raise KeyError("lost")
        return "good"

    def message(message: amop.Message) -> None:
        if message.data == b"bad":
            raise ValueError("no good")
        fine.set()

    fine = asyncio.Event()
    await aio_subscriber.serve(topic, request)
    await aio_subscriber.subscribe(topic + "/m", message)
    with pytest.raises(amop.SubscriberError) as caught:
        await aio_publisher.publish(topic, "bad", wait_for_subscriber=True)
    assert caught.value.kind == amop.ErrorKind.SUBSCRIBER_FAILED
    assert caught.value.data == b"the handler failed"
    assert "lost" not in str(caught.value)
    assert (await aio_publisher.publish(topic, "good")).data == b"good"
    assert await wait_for_event_in_loop(events, amop.events.HandlerFailed) == amop.events.HandlerFailed(
        topic, "KeyError: 'lost'"
    )
    await aio_publisher.publish(topic + "/m", "bad", wait_for_subscriber=True)
    await aio_publisher.publish(topic + "/m", "good")
    async with asyncio.timeout(GUARD):
        await fine.wait()
    assert await wait_for_event_in_loop(events, amop.events.HandlerFailed) == amop.events.HandlerFailed(
        topic + "/m", "ValueError: no good"
    )
    failures = [record.exc_info for record in caplog.records if record.name == "amop"]
    assert [info and info[0] for info in failures] == [KeyError, ValueError]


async def test_handler_may_unsubscribe_and_close_its_client(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    client = await aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT)
    ended = asyncio.Event()

    async def handler(_: amop.Message) -> None:
        await subscription.unsubscribe()
        await client.close()
        ended.set()

    subscription = await client.subscribe(topic, handler)
    await aio_publisher.publish(topic, wait_for_subscriber=True)
    async with asyncio.timeout(GUARD):
        await ended.wait()
        await client.close()


async def test_unsubscribe_waits_for_the_handler_until_its_timeout(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    go_on, entered = asyncio.Event(), asyncio.Event()
    done: list[bytes] = []

    async def handler(message: amop.Message) -> None:
        entered.set()
        await go_on.wait()
        done.append(message.data)

    subscription = await aio_subscriber.subscribe(topic, handler)
    await aio_publisher.publish(topic, "one", wait_for_subscriber=True)
    await entered.wait()
    with pytest.raises(amop.CallTimeoutError):
        await subscription.unsubscribe(0.01)
    ending = asyncio.ensure_future(subscription.unsubscribe(GUARD))
    go_on.set()
    await ending
    assert done == [b"one"]


async def test_close_lets_handlers_process_their_queue(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    client = await aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT)
    seen: list[bytes] = []

    async def handler(message: amop.Message) -> None:
        await asyncio.sleep(0)
        seen.append(message.data)

    await client.subscribe(topic, handler)
    await aio_publisher.publish(topic, wait_for_subscriber=True)
    for _ in range(99):
        await aio_publisher.publish(topic)
    await client.close()
    assert len(seen) == 100


@pytest.mark.parametrize("end", ["unsubscribe", "close"])
async def test_handler_is_released_after_the_end(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str, end: str
) -> None:
    client = await aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT)

    class Handler:
        async def __call__(self, _: amop.Message) -> None: ...

    handler = Handler()
    subscription = await client.subscribe(topic, handler)
    await aio_publisher.publish(topic, wait_for_subscriber=True)
    living = weakref.ref(handler)
    del handler
    gc.collect()
    assert living() is not None
    await (subscription.unsubscribe() if end == "unsubscribe" else client.close())
    await asyncio.sleep(0)
    del subscription
    collect_until(lambda: living() is None)
    await client.close()


async def test_client_referenced_by_its_handlers_is_collected(devnet: amop.devnet.Devnet, topic: str) -> None:
    class Program:
        def __init__(self, client: aio.Client) -> None:
            self.client = client

        async def message(self, _: amop.Message) -> None:
            await self.client.broadcast("hold")

    client = await aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT)
    program = Program(client)
    await client.subscribe(topic, program.message)
    await asyncio.sleep(0)
    living = weakref.ref(client), weakref.ref(program)
    with pytest.warns(ResourceWarning, match=r"unclosed <amop.aio.Client"):
        del client, program
        gc.collect()
    # The warning has kept the client alive until now.
    gc.collect()
    assert [reference() for reference in living] == [None, None]
    # The tasks of the client end with it.
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0.001)


async def test_invalid_handlers_are_rejected(aio_subscriber: aio.Client, topic: str) -> None:
    with pytest.raises(TypeError, match="callable"):
        await aio_subscriber.subscribe(topic, 7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="callable"):
        await aio_subscriber.serve(topic, "handler")  # type: ignore[arg-type]


async def test_handler_may_answer_through_the_request_later(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    kept: list[amop.Request] = []

    async def later(request: amop.Request) -> None:
        kept.append(request)
        await asyncio.sleep(0)
        kept.pop().reply("later")

    await aio_subscriber.serve(topic, later)
    assert (await aio_publisher.publish(topic, wait_for_subscriber=True)).data == b"later"
