"""Subscriptions that are read by threads or have a handler."""

from __future__ import annotations

import gc
import itertools
import queue
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from guard import GUARD, collect_until, wait_for_event

import amop


def test_iteration_reads_in_order_until_the_client_is_closed(
    publisher: amop.Client, devnet: amop.devnet.Devnet, topic: str
) -> None:
    with devnet.connect(1) as client:
        subscription = client.subscribe(topic)
        publisher.publish(topic, "0", wait_for_subscriber=True)
        for number in range(1, 100):
            publisher.publish(topic, str(number))
    assert [int(message.data) for message in subscription] == list(range(100))
    with pytest.raises(amop.ClosedError):
        subscription.next()


def test_next_times_out(subscriber: amop.Client, topic: str) -> None:
    subscription = subscriber.subscribe(topic)
    for timeout, shown in ((0, "has arrived"), (0.01, "within 10 ms"), (0.0123456, "within 12.3 ms")):
        with pytest.raises(amop.CallTimeoutError, match=shown) as caught:
            subscription.next(timeout)
        assert isinstance(caught.value, TimeoutError)
        with pytest.raises(amop.CallTimeoutError):
            subscription.next_many(3, timeout)
    for timeout in (-1, float("nan"), float("inf"), 1e300):
        with pytest.raises(amop.ArgumentError, match="invalid timeout"):
            subscription.next(timeout)


def test_next_many_returns_available_messages(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 5):
        publisher.publish(topic, str(number))
    assert [message.data for message in subscription.next_many(3, GUARD)] == [b"0", b"1", b"2"]
    assert [message.data for message in subscription.next_many(3, GUARD)] == [b"3", b"4"]
    with pytest.raises(amop.ArgumentError, match="invalid limit 0"):
        subscription.next_many(0)


def test_many_threads_may_read_one_subscription(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    read: queue.Queue[bytes] = queue.Queue()

    def reader() -> None:
        for message in subscription:
            read.put(message.data)

    readers = [threading.Thread(target=reader) for _ in range(4)]
    for thread in readers:
        thread.start()
    publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 100):
        publisher.publish(topic, str(number))
    seen = sorted(int(read.get(timeout=GUARD)) for _ in range(100))
    assert seen == list(range(100))
    subscription.unsubscribe()
    for thread in readers:
        thread.join(GUARD)
        assert not thread.is_alive()


def test_queued_messages_can_be_read_after_unsubscribe(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, "last", wait_for_subscriber=True)
    subscription.unsubscribe()
    subscription.unsubscribe()
    assert [message.data for message in subscription] == [b"last"]


def test_with_block_unsubscribes(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    with subscriber.subscribe(topic) as subscription:
        publisher.publish(topic, "in", wait_for_subscriber=True)
    with pytest.raises((amop.NoSubscriberError, amop.SubscriberError)):
        publisher.publish(topic, "out")
    assert [message.data for message in subscription] == [b"in"]


def test_dropped_subscription_unsubscribes(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, "in", wait_for_subscriber=True)
    del subscription
    with pytest.raises((amop.NoSubscriberError, amop.SubscriberError)):
        publisher.publish(topic, "out")


def test_message_wakes_one_of_many_threads(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    inbox = subscription._reading()
    seen: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        for message in subscription:
            seen.put(message.data)

    readers = [threading.Thread(target=read) for _ in range(20)]
    for reader in readers:
        reader.start()
    while inbox.waiting < len(readers):
        time.sleep(0.001)
    for number in range(50):
        publisher.publish(topic, str(number), wait_for_subscriber=True)
        assert int(seen.get(timeout=GUARD)) == number
        while inbox.waiting < len(readers):
            time.sleep(0.001)
    # Fewer if a message came while a reader began to wait, which then found it without being woken.
    assert inbox.wakes <= 50
    # The end wakes all of them.
    subscription.unsubscribe()
    for reader in readers:
        reader.join(GUARD)
        assert not reader.is_alive()
    assert inbox.wakes <= 50 + len(readers)


def test_burst_of_messages_reaches_all_readers(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    together = threading.Barrier(8)

    def read() -> bytes:
        message = subscription.next(GUARD)
        # Each waits until all have one: none of the messages waits for a reader that is not woken.
        together.wait(GUARD)
        return message.data

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        calls = [publisher.publish_async(topic, str(number), wait_for_subscriber=True) for number in range(8)]
        assert sorted(int(reader.result(GUARD)) for reader in readers) == list(range(8))
        for call in calls:
            call.result(GUARD)


def test_handler_gets_messages_in_order_on_a_client_thread(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    seen: queue.Queue[tuple[bytes, int]] = queue.Queue()
    subscription = subscriber.subscribe(
        topic, lambda message: seen.put((message.data, threading.get_ident()))
    )
    publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 200):
        publisher.publish(topic, str(number))
    got = [seen.get(timeout=GUARD) for _ in range(200)]
    assert [int(data) for data, _ in got] == list(range(200))
    assert threading.get_ident() not in {ident for _, ident in got}
    with pytest.raises(amop.ArgumentError, match="passed to its handler"):
        subscription.next()


def test_handler_gets_batches_under_one_lock_acquisition(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    # Thread-local data of a library thread exist as long as the thread is attached to the interpreter.
    local = threading.local()
    numbers = itertools.count()
    attached: list[int] = []
    go_on, done = threading.Event(), threading.Event()
    total = 64 * 5

    def handler(message: amop.Message) -> None:
        go_on.wait(GUARD)
        if not hasattr(local, "number"):
            local.number = next(numbers)
        attached.append(local.number)
        if len(attached) == total:
            done.set()

    subscriber.subscribe(topic, handler)
    publisher.publish(topic, wait_for_subscriber=True)
    for _ in range(total - 1):
        publisher.publish(topic)
    go_on.set()
    assert done.wait(GUARD)
    assert len(set(attached)) == 5
    assert {attached.count(number) for number in set(attached)} == {64}


def test_handlers_of_different_subscriptions_run_at_once(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    meet = threading.Barrier(3)
    for n in range(2):
        subscriber.subscribe(f"{topic}/{n}", lambda _: meet.wait(GUARD))
        publisher.publish(f"{topic}/{n}", wait_for_subscriber=True)
    meet.wait(GUARD)


def test_full_subscription_refuses_with_busy(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    events = subscriber.events()
    subscription = subscriber.subscribe(topic, max_messages=2)
    publisher.publish(topic, "1", wait_for_subscriber=True)
    publisher.publish(topic, "2")
    with pytest.raises(amop.SubscriberError) as caught:
        publisher.publish(topic, "3")
    assert caught.value.kind == amop.ErrorKind.SUBSCRIBER_BUSY
    assert caught.value.retriable
    assert wait_for_event(events, amop.events.SlowConsumer) == amop.events.SlowConsumer(topic)
    stats = subscription.stats()
    assert (stats.held_messages, stats.accepted, stats.dropped) == (2, 2, 0)
    assert stats.refused >= 1
    assert [subscription.next(GUARD).data for _ in range(2)] == [b"1", b"2"]


def test_full_subscription_can_drop_the_oldest(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic, max_messages=2, overflow=amop.Overflow.DROP_OLDEST)
    publisher.publish(topic, "0", wait_for_subscriber=True)
    for number in range(1, 5):
        publisher.publish(topic, str(number))
    assert [subscription.next(GUARD).data for _ in range(2)] == [b"3", b"4"]
    assert subscription.stats().dropped == 3


def test_invalid_handlers_are_rejected(subscriber: amop.Client, topic: str) -> None:
    async def coroutine(_: amop.Message) -> None: ...

    with pytest.raises(TypeError, match="coroutine function"):
        subscriber.subscribe(topic, coroutine)
    for bad in (7, "handler"):
        with pytest.raises(TypeError, match="callable"):
            subscriber.subscribe(topic, bad)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="callable"):
            subscriber.serve(topic, bad)  # type: ignore[arg-type]


def test_invalid_limits_and_topics_are_rejected(subscriber: amop.Client, topic: str) -> None:
    with pytest.raises(amop.ArgumentError, match="invalid max_messages -1"):
        subscriber.subscribe(topic, max_messages=-1)
    with pytest.raises(
        amop.ArgumentError, match='invalid overflow "explode": use one of refuse, drop_oldest'
    ):
        subscriber.subscribe(topic, overflow="explode")  # type: ignore[arg-type]
    with pytest.raises(amop.ArgumentError, match="placement"):
        subscriber.subscribe(topic, placement="some")  # type: ignore[arg-type]
    for bad in ("", "a\tb", "x" * 255):
        with pytest.raises(amop.ArgumentError) as caught:
            subscriber.subscribe(bad)
        assert caught.value.kind == amop.ErrorKind.INVALID_TOPIC
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("topic", ["#!$TopicNeedVerify_a", "#!$VerifyChannel_a", "#!$PushChannel_a"])
def test_wire_names_of_private_topics_are_rejected(subscriber: amop.Client, topic: str) -> None:
    for call in (subscriber.subscribe, subscriber.serve):
        with pytest.raises(amop.ArgumentError, match="private topic") as caught:
            call(topic)
        assert caught.value.kind == amop.ErrorKind.INVALID_TOPIC


def test_exception_of_a_handler_is_reported(
    publisher: amop.Client, subscriber: amop.Client, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: queue.Queue[bytes] = queue.Queue()

    def handler(message: amop.Message) -> None:
        seen.put(message.data)
        if message.data == b"bad":
            raise ValueError("no good")

    events = subscriber.events()
    subscription = subscriber.subscribe(topic, handler)
    publisher.publish(topic, "bad", wait_for_subscriber=True)
    publisher.publish(topic, "good")
    assert [seen.get(timeout=GUARD) for _ in range(2)] == [b"bad", b"good"]
    assert wait_for_event(events, amop.events.HandlerFailed) == amop.events.HandlerFailed(
        topic, "ValueError: no good"
    )
    subscription.unsubscribe()
    (record,) = [record for record in caplog.records if record.name == "amop"]
    assert topic in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError


@pytest.mark.parametrize("end", ["unsubscribe", "close"])
def test_handler_is_not_called_or_held_after_the_end(
    publisher: amop.Client, devnet: amop.devnet.Devnet, topic: str, end: str
) -> None:
    seen: list[bytes] = []
    client = devnet.connect(1)

    class Handler:
        def __call__(self, message: amop.Message) -> None:
            seen.append(message.data)

    handler = Handler()
    subscription = client.subscribe(topic, handler)
    publisher.publish(topic, "one", wait_for_subscriber=True)
    publisher.publish(topic, "two")
    living = weakref.ref(handler)
    del handler
    gc.collect()
    assert living() is not None
    if end == "unsubscribe":
        subscription.unsubscribe()
        subscription.unsubscribe()
    else:
        client.close()
    assert seen == [b"one", b"two"]
    del subscription
    collect_until(lambda: living() is None)
    client.close()


def test_handler_continues_without_its_subscription_object(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    seen: queue.Queue[bytes] = queue.Queue()
    subscriber.subscribe(topic, lambda message: seen.put(message.data))
    gc.collect()
    publisher.publish(topic, "still here", wait_for_subscriber=True)
    assert seen.get(timeout=GUARD) == b"still here"


def test_handler_may_end_its_own_subscription(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    ended = threading.Event()

    def handler(_: amop.Message) -> None:
        subscription.unsubscribe()
        ended.set()

    subscription = subscriber.subscribe(topic, handler)
    publisher.publish(topic, wait_for_subscriber=True)
    assert ended.wait(GUARD)
    subscription.unsubscribe()
    with pytest.raises((amop.NoSubscriberError, amop.SubscriberError)):
        publisher.publish(topic)


def test_unsubscribe_times_out_while_a_handler_blocks(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    go_on, entered = threading.Event(), threading.Event()

    def handler(_: amop.Message) -> None:
        entered.set()
        go_on.wait(GUARD)

    subscription = subscriber.subscribe(topic, handler)
    publisher.publish(topic, wait_for_subscriber=True)
    assert entered.wait(GUARD)
    with pytest.raises(amop.CallTimeoutError, match="handler"):
        subscription.unsubscribe(0.01)
    go_on.set()
    subscription.unsubscribe(GUARD)
