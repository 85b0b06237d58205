"""Subscriptions, services and events that are read in asyncio."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from guard import GUARD, PATIENT, wait_for_event_in_loop

import amop
from amop import aio


async def test_async_for_reads_messages_until_the_client_is_closed(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    client = await aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT)
    subscription = await client.subscribe(topic)
    await aio_publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 200):
        await aio_publisher.publish(topic, str(number))
    await client.close()
    assert [int(message.data) async for message in subscription] == list(range(200))
    with pytest.raises(amop.ClosedError):
        await subscription.next()


async def test_async_for_subscribes_without_await(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    async def read() -> list[bytes]:
        messages: list[bytes] = []
        async for message in aio_subscriber.subscribe(topic):
            messages.append(message.data)
            if message.data == b"last":
                break
        return messages

    reading = asyncio.create_task(read())
    for text in ("first", "last"):
        await aio_publisher.publish(topic, text, wait_for_subscriber=True, timeout=GUARD)
    assert await reading == [b"first", b"last"]


async def test_async_for_serves_without_await(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    async def serve() -> None:
        async for request in aio_subscriber.serve(topic):
            request.reply(request.data + b"!")
            return

    serving = asyncio.create_task(serve())
    assert (await aio_publisher.publish(topic, "hi", wait_for_subscriber=True, timeout=GUARD)).data == b"hi!"
    await serving


async def test_async_with_unsubscribes_at_the_end(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    async with aio_subscriber.subscribe(topic) as subscription:
        assert isinstance(subscription, aio.Subscription)
        await aio_publisher.publish(topic, "in", wait_for_subscriber=True)
    with pytest.raises((amop.NoSubscriberError, amop.SubscriberError)):
        await aio_publisher.publish(topic, "out")
    assert [message.data async for message in subscription] == [b"in"]
    async with aio_subscriber.serve(topic) as service:
        assert isinstance(service, aio.Service)


async def test_started_calls_are_coroutines(aio_subscriber: aio.Client, topic: str) -> None:
    started = asyncio.create_task(aio_subscriber.subscribe(topic))
    assert isinstance(await started, aio.Subscription)
    with pytest.raises(amop.ArgumentError):
        await asyncio.wait_for(aio_subscriber.subscribe(""), GUARD)
    with pytest.raises(amop.ArgumentError):
        async for _ in aio_subscriber.subscribe(""):
            pass
    unused = aio_subscriber.subscribe(topic)
    assert "async with" in repr(unused)
    unused.close()


async def test_message_wakes_one_of_many_tasks(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    inbox = subscription._reading()
    readers = [asyncio.create_task(subscription.next()) for _ in range(100)]
    await asyncio.sleep(0)
    assert inbox.waiting == 100
    for number in range(100):
        await aio_publisher.publish(topic, str(number), wait_for_subscriber=True)
    assert [int((await reader).data) for reader in readers] == list(range(100))
    assert inbox.wakes == 100


async def test_task_that_is_cancelled_passes_its_wake_on(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    inbox = subscription._reading()
    first, second = (asyncio.create_task(subscription.next()) for _ in range(2))
    await asyncio.sleep(0)
    await aio_publisher.publish(topic, "one", wait_for_subscriber=True)
    # The message may have woken the first task, which has not run since then.
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        assert (await first).data == b"one"
        await aio_publisher.publish(topic, "two")
    assert (await asyncio.wait_for(second, GUARD)).data in (b"one", b"two")
    assert inbox.waiting == 0


async def test_wire_names_of_private_topics_are_rejected(aio_subscriber: aio.Client) -> None:
    for call in (aio_subscriber.subscribe, aio_subscriber.serve):
        with pytest.raises(amop.ArgumentError, match="private topic") as caught:
            await call("#!$TopicNeedVerify_a")
        assert caught.value.kind == amop.ErrorKind.INVALID_TOPIC


async def test_next_waits_until_its_timeout(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    for timeout, shown in ((0, "has arrived"), (0.01, "within 10 ms"), (0.0123456, "within 12.3 ms")):
        with pytest.raises(amop.CallTimeoutError, match=shown):
            await subscription.next(timeout)
    waiting = asyncio.ensure_future(subscription.next())
    await aio_publisher.publish(topic, "now", wait_for_subscriber=True)
    assert (await waiting).data == b"now"
    for number in range(5):
        await aio_publisher.publish(topic, str(number))
    assert [message.data for message in await subscription.next_many(3)] == [b"0", b"1", b"2"]
    assert [message.data for message in await subscription.next_many(9, 0)] == [b"3", b"4"]
    with pytest.raises(amop.ArgumentError):
        await subscription.next_many(0)
    with pytest.raises(amop.CallTimeoutError):
        await subscription.next_many(1, 0)


async def test_cancelled_next_loses_no_message(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    await aio_publisher.publish(topic, "0", wait_for_subscriber=True)
    got = [await subscription.next()]
    for number in range(1, 100):
        reader = asyncio.ensure_future(subscription.next())
        await asyncio.sleep(0)
        await aio_publisher.publish(topic, str(number))
        # The reader has the message, or the message is still queued.
        reader.cancel()
        try:
            got.append(await reader)
        except asyncio.CancelledError:
            got.append(await subscription.next(GUARD))
    assert [int(message.data) for message in got] == list(range(100))


async def test_many_tasks_may_read_one_subscription(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    read: list[int] = []

    async def reader() -> None:
        async for message in subscription:
            read.append(int(message.data))
            await asyncio.sleep(0)

    readers = [asyncio.ensure_future(reader()) for _ in range(4)]
    await aio_publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 100):
        await aio_publisher.publish(topic, str(number))
    await subscription.unsubscribe()
    await asyncio.gather(*readers)
    assert sorted(read) == list(range(100))


async def test_reader_with_a_full_queue_lets_other_tasks_run(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    await aio_publisher.publish(topic, wait_for_subscriber=True)
    await asyncio.gather(*(aio_publisher.publish(topic) for _ in range(999)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.ensure_future(other())
    for _ in range(1000):
        await subscription.next()
    running.cancel()
    assert turns >= 1000 // 64


async def test_async_with_block_unsubscribes(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    async with await aio_subscriber.subscribe(topic) as subscription:
        await aio_publisher.publish(topic, "in", wait_for_subscriber=True)
    with pytest.raises((amop.NoSubscriberError, amop.SubscriberError)):
        await aio_publisher.publish(topic, "out")
    assert [message.data async for message in subscription] == [b"in"]


async def test_requests_are_read_and_answered_later(
    aio_publisher: aio.Client, aio_subscriber: aio.Client, topic: str
) -> None:
    async with await aio_subscriber.serve(topic) as service:
        calls = [
            aio_publisher.publish_async(topic, str(number), timeout=GUARD, wait_for_subscriber=True)
            for number in range(3)
        ]
        requests = [await service.next(GUARD) for _ in calls]
        for request in reversed(requests):
            request.reply(request.data * 2)
        assert sorted([(await call).data for call in calls]) == [b"00", b"11", b"22"]
        assert "amop.aio.Service" in repr(service)


async def test_events_are_emitted(devnet: amop.devnet.Devnet, topic: str) -> None:
    async with aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT) as client:
        events = client.events()
        client.add_endpoint(devnet.endpoints[1])
        while (await wait_for_event_in_loop(events, amop.events.Connected)).endpoint != devnet.endpoints[1]:
            pass
        assert "amop.aio.Events" in repr(events)
    assert [event async for event in events][-1] == amop.events.Closed()


async def test_thread_and_task_may_wait_at_once(
    aio_publisher: aio.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    with devnet.connect(1) as client:
        subscription = client.subscribe(topic)
        waiting = asyncio.get_running_loop().run_in_executor(None, subscription.next, GUARD)
        await aio_publisher.publish(topic, "to a thread", wait_for_subscriber=True)
        assert (await waiting).data == b"to a thread"


async def test_arguments_of_wrong_types_are_named(aio_subscriber: amop.aio.Client, topic: str) -> None:
    subscription = await aio_subscriber.subscribe(topic)
    with pytest.raises(TypeError, match=r"^timeout must be a number of seconds, not str$"):
        await subscription.next("1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^limit must be an int, not str$"):
        await subscription.next_many("1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^each of keys must be str, bytes or os.PathLike, not int$"):
        aio_subscriber.private_topic(topic, [5])  # type: ignore[list-item]
