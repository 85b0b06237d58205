"""Services: answers at once, later answers, and failures."""

from __future__ import annotations

import queue
import threading

import pytest
from guard import GUARD, SHORT_LIMITS, PatientDevnet, wait_for_event

import amop


def test_return_value_of_a_handler_is_the_reply(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    answers: dict[bytes, amop.Data] = {
        b"bytes": b"\0\1",
        b"text": "grüß",
        b"bytearray": bytearray(b"ab"),
        b"memoryview": memoryview(b"xyz")[::2],
        b"empty": "",
    }
    subscriber.serve(topic, lambda request: answers[request.data])
    expected = {
        "bytes": b"\0\1",
        "text": "grüß".encode(),
        "bytearray": b"ab",
        "memoryview": b"xz",
        "empty": b"",
    }
    for asked, answer in expected.items():
        assert publisher.publish(topic, asked, wait_for_subscriber=True).data == answer


def test_decorated_function_serves(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    @subscriber.service(topic, concurrency=2)
    def greet(request: amop.Request) -> str:
        return f"hello, {request.data.decode()}"

    assert publisher.publish(topic, "Ada", wait_for_subscriber=True).data == b"hello, Ada"
    assert callable(greet)


def test_requests_may_be_answered_later_from_any_thread(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    service = subscriber.serve(topic)
    calls = [
        publisher.publish_async(topic, str(number), timeout=GUARD, wait_for_subscriber=True)
        for number in range(3)
    ]
    requests = [service.next(GUARD) for _ in calls]
    assert all(request.is_open for request in requests)

    def answer() -> None:
        for request in reversed(requests):
            request.reply(request.data * 2)

    thread = threading.Thread(target=answer)
    thread.start()
    assert sorted(call.result(GUARD).data for call in calls) == [b"00", b"11", b"22"]
    thread.join(GUARD)
    assert not any(request.is_open for request in requests)


def test_handler_may_keep_the_request_and_answer_later(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    kept: queue.Queue[amop.Request] = queue.Queue()
    subscriber.serve(topic, kept.put)
    call = publisher.publish_async(topic, "later", timeout=GUARD, wait_for_subscriber=True)
    request = kept.get(timeout=GUARD)
    request.reply(b"now")
    assert call.result(GUARD).data == b"now"
    with pytest.raises(amop.ServiceError) as caught:
        request.reply(b"again")
    assert caught.value.kind == amop.ErrorKind.ALREADY_ANSWERED


def test_failure_has_its_code_and_data(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    code = 160010
    subscriber.serve(topic, lambda request: request.fail(code, b"why"))
    with pytest.raises(amop.SubscriberError) as caught:
        publisher.publish(topic, wait_for_subscriber=True)
    assert (caught.value.node_code, caught.value.data) == (code, b"why")
    assert caught.value.kind == amop.ErrorKind.REMOTE
    assert not caught.value.retriable


def test_invalid_failure_codes_are_rejected(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    service = subscriber.serve(topic)
    call = publisher.publish_async(topic, timeout=GUARD, wait_for_subscriber=True)
    request = service.next(GUARD)
    for code in (0, 100, 104, -5010, -5013):
        with pytest.raises(amop.ArgumentError, match=f"{code} can't be"):
            request.fail(code)
    request.fail()
    with pytest.raises(amop.SubscriberError) as caught:
        call.result(GUARD)
    assert caught.value.node_code == amop.Request.FAILED == -5000


def test_code_that_a_3x_node_cannot_carry_leaves_the_request_open() -> None:
    with (
        PatientDevnet(nodes=1, tls="off", generation="3") as nodes,
        nodes.connect(0) as server,
        nodes.connect(0) as publisher,
    ):
        service = server.serve("t")
        call = publisher.publish_async("t", timeout=GUARD, wait_for_subscriber=True)
        request = service.next(GUARD)
        for code in (160010, 100101, 32768, -32769):
            with pytest.raises(amop.ArgumentError, match="between -32768 and 32767"):
                request.fail(code)
            assert request.is_open
        request.fail(32767)
        with pytest.raises(amop.SubscriberError) as caught:
            call.result(GUARD)
        assert caught.value.node_code == 32767


def test_exception_of_a_handler_is_a_failure(
    publisher: amop.Client, subscriber: amop.Client, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    events = subscriber.events()
    first = True

    def handler(_: amop.Request) -> str:
        nonlocal first
        if first:
            first = False
            raise KeyError("lost")
        return "better"

    subscriber.serve(topic, handler)
    with pytest.raises(amop.SubscriberError) as caught:
        publisher.publish(topic, wait_for_subscriber=True)
    assert caught.value.kind == amop.ErrorKind.SUBSCRIBER_FAILED
    assert caught.value.data == b"the handler failed"
    assert "lost" not in str(caught.value)
    assert wait_for_event(events, amop.events.HandlerFailed) == amop.events.HandlerFailed(
        topic, "KeyError: 'lost'"
    )
    assert publisher.publish(topic).data == b"better"
    assert [record.levelname for record in caplog.records if record.name == "amop"] == ["ERROR"]


def test_invalid_return_value_of_a_handler_is_a_failure(
    publisher: amop.Client, subscriber: amop.Client, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber.serve(topic, lambda _: 7)  # type: ignore[arg-type, return-value]
    with pytest.raises(amop.SubscriberError) as caught:
        publisher.publish(topic, wait_for_subscriber=True)
    assert caught.value.data == b"the handler failed"
    assert "the handler of topic" in caplog.text
    assert "data must be bytes, bytearray, memoryview or str, not int" in caplog.text


def test_system_exit_in_a_handler_ends_only_the_call(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    def handler(request: amop.Request) -> str:
        if request.data == b"exit":
            raise SystemExit(3)
        return "still here"

    subscriber.serve(topic, handler)
    with pytest.raises(amop.SubscriberError):
        publisher.publish(topic, "exit", wait_for_subscriber=True)
    assert publisher.publish(topic).data == b"still here"


def test_dropped_request_is_answered(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    subscriber.serve(topic, lambda _: None)
    with pytest.raises(amop.SubscriberError) as caught:
        publisher.publish(topic, wait_for_subscriber=True)
    assert caught.value.kind == amop.ErrorKind.SUBSCRIBER_DROPPED


def test_library_answers_for_a_slow_handler(devnet: amop.devnet.Devnet, topic: str) -> None:
    def is_answered(publisher: amop.Client, limit: float) -> bool:
        own_topic = f"{topic} {limit}"
        entered, go_on = threading.Event(), threading.Event()
        expired: queue.Queue[object] = queue.Queue()

        def handler(request: amop.Request) -> None:
            entered.set()
            go_on.wait(GUARD)
            try:
                request.reply("late")
            except amop.ServiceError as error:
                expired.put(error.kind)

        with devnet.connect(1, answer_timeout=limit) as subscriber:
            subscriber.serve(own_topic, handler)
            with pytest.raises(amop.SubscriberError) as caught:
                publisher.publish(own_topic, wait_for_subscriber=True, retry="never", timeout=GUARD)
            assert caught.value.kind == amop.ErrorKind.SUBSCRIBER_TOO_SLOW
            go_on.set()
            # On a busy machine the request may expire before the handler is called.
            if not entered.wait(limit):
                return False
            assert expired.get(timeout=GUARD) == amop.ErrorKind.REQUEST_EXPIRED
            return True

    with devnet.connect(0) as publisher:
        assert any(is_answered(publisher, limit) for limit in SHORT_LIMITS)


def test_concurrency_lets_handlers_run_at_once(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    meet = threading.Barrier(3)

    def handler(request: amop.Request) -> bytes:
        meet.wait(GUARD)
        return request.data

    subscriber.serve(topic, handler, concurrency=3)
    calls = [
        publisher.publish_async(topic, str(number), timeout=GUARD, wait_for_subscriber=True)
        for number in range(3)
    ]
    assert [call.result(GUARD).data for call in calls] == [b"0", b"1", b"2"]


def test_topic_has_one_service_per_client(subscriber: amop.Client, topic: str) -> None:
    subscriber.serve(topic, lambda _: "first")
    with pytest.raises(amop.ServiceError, match=topic):
        subscriber.serve(topic, lambda _: "second")
    with pytest.raises(amop.ArgumentError, match="concurrency"):
        subscriber.serve(topic + " other", lambda _: "none", concurrency=0)


def test_topic_can_be_served_again_after_unsubscribe(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    with subscriber.serve(topic, lambda _: "in") as service:
        assert publisher.publish(topic, wait_for_subscriber=True).data == b"in"
        assert service.stats().accepted >= 1
    with pytest.raises((amop.NoSubscriberError, amop.SubscriberError)):
        publisher.publish(topic)
    subscriber.serve(topic, lambda _: "again")
    assert publisher.publish(topic, wait_for_subscriber=True).data == b"again"


def test_handler_may_call_another_service(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    publisher.serve(topic + "/inner", lambda request: request.data + b"!")
    subscriber.serve(
        topic,
        lambda request: subscriber.publish(topic + "/inner", request.data, wait_for_subscriber=True).data,
    )
    assert publisher.publish(topic, "hi", wait_for_subscriber=True, timeout=GUARD).data == b"hi!"
