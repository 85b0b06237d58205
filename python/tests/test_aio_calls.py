"""Calls from asyncio: replies, errors, cancellation, many at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from guard import GUARD, PATIENT, SHORT_LIMITS
from programs import clean, run

import amop
from amop import aio
from amop.aio import _bridge
from amop.devnet import Devnet

PUBLIC_KEY = (
    "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
    "385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1"
)


async def test_publish_returns_the_reply(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    async def handler(request: amop.Request) -> bytes:
        return request.data.upper()

    await aio_subscriber.serve(topic, handler)
    reply = await aio_publisher.publish(topic, "hi", timeout=GUARD, wait_for_subscriber=True)
    assert reply.data == b"HI"


async def test_broadcast_reaches_a_subscription(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    await aio_publisher.publish(topic, "1", wait_for_subscriber=True)
    await aio_publisher.broadcast(topic, b"2")
    assert [(await subscription.next(GUARD)).data for _ in range(2)] == [b"1", b"2"]


async def test_private_topic_sends_without_the_option(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    with aio_publisher.private_topic(topic, [PUBLIC_KEY]) as opened:
        assert repr(opened) == f"<amop.aio.PrivateTopic topic={topic!r}>"
        subscription = await aio_subscriber.subscribe(topic, key="11" * 32)
        assert (await opened.publish("1", wait_for_subscriber=True, timeout=GUARD)).data == b""
        await opened.broadcast("2", wait_for_subscriber=True, timeout=GUARD)
        assert (await opened.publish_async("3", wait_for_subscriber=True, timeout=GUARD)).data == b""
        await opened.broadcast_async("4", wait_for_subscriber=True, timeout=GUARD)
        assert [(await subscription.next(GUARD)).data for _ in range(4)] == [b"1", b"2", b"3", b"4"]


async def test_errors_are_the_same_as_for_threads(aio_publisher: aio.Client, topic: str) -> None:
    with pytest.raises(amop.NoSubscriberError) as caught:
        await aio_publisher.publish(topic, "hi")
    assert caught.value.code == 100
    with pytest.raises(amop.ArgumentError):
        await aio_publisher.publish("", "hi")
    with pytest.raises(amop.ArgumentError, match="invalid timeout -1"):
        await aio_publisher.publish(topic, "hi", timeout=-1)
    with pytest.raises(TypeError):
        await aio_publisher.publish(topic, 7)  # type: ignore[arg-type]
    with pytest.raises(amop.NoSubscriberError):
        await aio_publisher.publish_async(topic)


async def test_connect_can_be_awaited_or_used_with_async_with(devnet: amop.devnet.Devnet) -> None:
    client = await aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT)
    await client.broadcast("topic")
    await client.close()
    await client.close()
    assert client.is_closed
    async with aio.connect(*devnet.endpoints, credentials=devnet.credentials) as client:
        await client.broadcast("topic")
        assert repr(client) == f"<amop.aio.Client {', '.join(devnet.endpoints)}>"
    with pytest.raises(amop.ClosedError):
        await client.broadcast("topic")
    with pytest.raises(amop.CredentialsError):
        await aio.connect(devnet.endpoints[0], credentials="/nowhere")
    with pytest.raises(TypeError, match="unknown option"):
        await aio.connect(devnet.endpoints[0], colour="red")  # type: ignore[call-arg]
    with pytest.raises(amop.ArgumentError):
        async with aio.connect("nowhere"):
            pass


async def test_thousands_of_calls_get_their_replies(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    await aio_subscriber.serve(topic, lambda request: request.data)
    await aio_publisher.publish(topic, wait_for_subscriber=True)
    replies = await asyncio.gather(
        *(aio_publisher.publish(topic, str(number), timeout=GUARD) for number in range(3000))
    )
    assert [reply.data for reply in replies] == [str(number).encode() for number in range(3000)]
    assert _bridge.bridge().in_flight <= 2


async def test_results_during_a_busy_loop_need_few_wake_ups(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    with devnet.connect(1) as service:
        service.serve(topic, lambda request: request.data)
        await aio_publisher.publish(topic, wait_for_subscriber=True)
        bridge = _bridge.bridge()
        wakes = bridge.wakes
        calls = [aio_publisher.publish_async(topic, timeout=GUARD) for _ in range(100)]
        # The loop is blocked until all calls have been answered.
        with devnet.connect(0) as other:
            while aio_publisher.stats().total().in_flight:
                other.publish(topic, wait_for_subscriber=True)
        await asyncio.gather(*calls)
        # One for all of them, and another one for a result that came while these were processed.
        assert 1 <= bridge.wakes - wakes < 10


async def test_messages_are_sent_in_the_order_of_the_calls(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    await aio_publisher.publish(topic, "0", wait_for_subscriber=True)
    calls = [aio_publisher.publish_async(topic, str(number)) for number in range(1, 500)]
    await asyncio.gather(*calls)
    assert [int((await subscription.next(GUARD)).data) for _ in range(500)] == list(range(500))


async def test_cancelling_a_task_cancels_its_call(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    service = await aio_subscriber.serve(topic)
    call = asyncio.ensure_future(
        aio_publisher.publish(topic, "first", timeout=GUARD, wait_for_subscriber=True)
    )
    request = await service.next(GUARD)
    assert aio_publisher.stats().total().in_flight == 1
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert _bridge.bridge().in_flight <= 1
    request.reply("nobody waits")
    again = aio_publisher.publish_async(topic, "second", timeout=GUARD)
    (await service.next(GUARD)).reply("answered")
    assert (await again).data == b"answered"
    assert aio_publisher.stats().total().in_flight == 0


async def test_cancelling_a_future_cancels_its_call(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    service = await aio_subscriber.serve(topic)
    call = aio_publisher.publish_async(topic, timeout=GUARD, wait_for_subscriber=True)
    await service.next(GUARD)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0)
    assert _bridge.bridge().in_flight <= 1


async def test_asyncio_timeout_ends_a_call(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    unanswered = await aio_subscriber.serve(topic)
    for limit in SHORT_LIMITS:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(limit):
                await aio_publisher.publish(topic, timeout=GUARD, wait_for_subscriber=True)
        assert not isinstance(caught.value, amop.Error)
        # Otherwise the message could not be sent in that time.
        if unanswered.stats().accepted:
            break
    assert unanswered.stats().accepted >= 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(aio_publisher.events().next(), 0.01)
    with pytest.raises(amop.CallTimeoutError):
        await aio_publisher.publish(topic, timeout=0.1, retry="never")


async def test_cancelled_connect_leaves_nothing_behind(devnet: amop.devnet.Devnet) -> None:
    # The peer accepts connections and sends nothing.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await aio.connect(endpoint, credentials=devnet.credentials, connect_timeout=GUARD)
    assert _bridge.bridge().in_flight == 0


def test_dropped_connect_with_a_handler_leaves_nothing_behind(devnet: amop.devnet.Devnet) -> None:
    source = """
    import asyncio, gc, socket, sys

    async def begin(is_closed):
        connecting = amop.aio.connect(silent, credentials=credentials, on_event=lambda _: None)
        connecting.send(None)
        if is_closed:
            connecting.close()
        return connecting

    with socket.create_server(('127.0.0.1', 0)) as server:
        silent = f'127.0.0.1:{server.getsockname()[1]}'
        asyncio.run(begin(True))
        with asyncio.Runner() as runner:
            connecting = runner.run(begin(False))
        # Its loop is closed.
        del connecting
        gc.collect()
    """
    assert clean(run(source, devnet)) == ""


async def test_close_keeps_its_time_at_a_frozen_node() -> None:
    long = 600.0
    with Devnet(nodes=1) as nodes:
        client = await aio.connect(
            nodes.endpoints[0],
            credentials=nodes.credentials,
            heartbeat=long,
            call_timeout=long,
            close_timeout=long,
        )
        nodes.freeze(0)
        # More than the buffers of two sockets hold.
        call = asyncio.ensure_future(client.publish("t", bytes(24 << 20)))
        while client.stats().total().queued_bytes == 0:
            await asyncio.sleep(0.001)
        # On a busy machine the end of the client comes after the time.
        with contextlib.suppress(amop.CallTimeoutError):
            await client.close(0.1)
        await client.close(GUARD)
        with pytest.raises(amop.ClosedError):
            await asyncio.wait_for(call, GUARD)


async def test_close_times_out_while_a_handler_of_events_waits(devnet: Devnet) -> None:
    go_on = asyncio.Event()
    handled: list[type] = []

    async def handle(event: amop.events.Event) -> None:
        await go_on.wait()
        handled.append(type(event))

    client = await aio.connect(devnet.endpoints[0], credentials=devnet.credentials, on_event=handle)
    with pytest.raises(amop.CallTimeoutError, match="handler"):
        await client.close(0.1)
    assert handled == []
    go_on.set()
    await client.close(GUARD)
    assert handled == [amop.events.Connected, amop.events.Closed]


async def test_failed_connect_does_not_wait_for_a_handler_of_events() -> None:
    with Devnet(nodes=1) as nodes:
        nodes.kill(0)

        async def handle(_: amop.events.Event) -> None:
            await asyncio.Event().wait()

        connecting = aio.connect(
            nodes.endpoints[0], credentials=nodes.credentials, on_event=handle, close_timeout=0.05
        )
        with pytest.raises(amop.NodeConnectionError):
            await connecting


async def test_close_completes_calls_in_flight(
    aio_subscriber: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    service = await aio_subscriber.serve(topic)
    client = await aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT)
    call = asyncio.ensure_future(client.publish(topic, timeout=GUARD, wait_for_subscriber=True))
    kept = await service.next(GUARD)
    await client.close()
    with pytest.raises(amop.ClosedError):
        await call
    assert kept.is_open
