"""Unicasts and broadcasts of threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, wait

import pytest
from guard import GUARD, PATIENT, SHORT_LIMITS

import amop


def test_publish_returns_the_reply_of_the_service(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscriber.serve(topic, lambda request: request.data.upper())
    reply = publisher.publish(topic, "hi", timeout=GUARD, wait_for_subscriber=True)
    assert reply.data == b"HI"
    assert reply.endpoint == publisher.endpoints[0]


def test_subscription_answers_with_an_empty_reply(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    assert publisher.publish(topic, b"\0\xff", wait_for_subscriber=True).data == b""
    message = subscription.next(GUARD)
    assert (message.data, message.kind) == (b"\0\xff", amop.MessageKind.UNICAST)


def test_broadcast_reaches_every_subscription(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscriptions = [subscriber.subscribe(topic) for _ in range(3)]
    publisher.publish(topic, wait_for_subscriber=True)
    publisher.broadcast(topic, "all")
    for subscription in subscriptions:
        assert [subscription.next(GUARD).data for _ in range(2)] == [b"", b"all"]


def test_broadcast_can_wait_for_a_subscriber(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    ack = publisher.broadcast_async(topic, "early", timeout=GUARD, wait_for_subscriber=True)
    subscription = subscriber.subscribe(topic)
    assert ack.result(GUARD) is None
    message = subscription.next(GUARD)
    assert (message.data, message.kind) == (b"early", amop.MessageKind.BROADCAST)


def test_publish_without_a_subscriber_fails(publisher: amop.Client, topic: str) -> None:
    with pytest.raises(amop.NoSubscriberError) as caught:
        publisher.publish(topic, "hi")
    assert caught.value.code == caught.value.node_code == 100
    assert caught.value.retriable


def test_passed_deadline_is_a_timeout_error(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    requests = subscriber.serve(topic)
    for limit in SHORT_LIMITS:
        with pytest.raises(amop.CallTimeoutError) as caught:
            publisher.publish(topic, "never answered in time", timeout=limit, retry="never")
        assert isinstance(caught.value, TimeoutError)
        # Otherwise the message could not be sent in that time.
        if caught.value.delivery == amop.Delivery.MAYBE:
            break
    else:
        pytest.fail("the message was not sent within the longest limit")
    assert requests.next(GUARD).data == b"never answered in time"


def test_thousands_of_futures_each_get_their_own_reply(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscriber.serve(topic, lambda request: request.data)
    publisher.publish(topic, wait_for_subscriber=True)
    calls = [publisher.publish_async(topic, str(number), timeout=GUARD) for number in range(3000)]
    assert [call.result(GUARD).data for call in calls] == [str(number).encode() for number in range(3000)]


def test_async_call_fails_in_its_future_or_at_once(publisher: amop.Client, topic: str) -> None:
    with pytest.raises(amop.NoSubscriberError):
        publisher.publish_async(topic, "hi").result(GUARD)
    with pytest.raises(amop.ArgumentError, match="topic"):
        publisher.publish_async("a\tb", "hi")
    assert publisher.broadcast_async(topic, "hi").result(GUARD) is None


def test_cancelled_future_runs_its_callbacks_once(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    service = subscriber.serve(topic)
    call = publisher.publish_async(topic, "hi", timeout=GUARD, wait_for_subscriber=True)
    ends: list[object] = []
    call.add_done_callback(ends.append)
    request = service.next(GUARD)
    assert call.cancel()
    assert call.cancel()
    request.reply("too late")
    # The next call completes, so that the callbacks of the first have run.
    further = publisher.publish_async(topic, "hi", timeout=GUARD)
    service.next(GUARD).reply("in time")
    assert further.result(GUARD).data == b"in time"
    assert not further.cancel()
    with pytest.raises(CancelledError):
        call.result(GUARD)
    assert ends == [call]
    # The cancelled call is no longer in flight.
    assert publisher.stats().total().in_flight == 0


def test_callbacks_of_futures_may_call_the_client(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscriber.serve(topic, lambda request: request.data)
    replies: list[bytes] = []
    done = threading.Event()

    def again(_: object) -> None:
        replies.append(publisher.publish(topic, "from the callback", timeout=GUARD).data)
        done.set()

    publisher.publish_async(topic, "first", wait_for_subscriber=True).add_done_callback(again)
    assert done.wait(GUARD)
    assert replies == [b"from the callback"]


def test_publish_can_wait_for_a_subscriber(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    call = publisher.publish_async(topic, "hi", timeout=GUARD, wait_for_subscriber=True)
    assert not wait([call], timeout=0).done
    subscription = subscriber.subscribe(topic)
    call.result(GUARD)
    assert subscription.next(GUARD).data == b"hi"


def test_echo_delivers_own_broadcasts(devnet: amop.devnet.Devnet, topic: str) -> None:
    # Through the other node, because a node does not send a broadcast back on the connection it came from.
    with amop.connect(*devnet.endpoints, credentials=devnet.credentials, echo=True, **PATIENT) as client:
        subscription = client.subscribe(topic)
        # The client is connected when one node is, so the other may have to be waited for.
        deadline = time.monotonic() + GUARD
        while subscription.stats().accepted == 0 and time.monotonic() < deadline:
            client.broadcast(topic, "to myself")
        assert subscription.next(GUARD).data == b"to myself"
