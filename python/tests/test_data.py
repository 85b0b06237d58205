"""Payloads in both directions, and the attributes of messages."""

from __future__ import annotations

import array
import copy
import datetime
import gc
import pickle
import sys
import threading
import time
import weakref

import pytest
from guard import GUARD

import amop

LARGE = 1 << 20


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (b"bytes", b"bytes"),
        (b"", b""),
        ("text ☂", "text ☂".encode()),
        (bytearray(b"bytearray"), b"bytearray"),
        (memoryview(b"memoryview"), b"memoryview"),
        (memoryview(b"every other")[::2], b"eeyohr"),
        (array.array("I", [1, 2]), array.array("I", [1, 2]).tobytes()),
        (bytes(range(256)) * (LARGE // 256), bytes(range(256)) * (LARGE // 256)),
        (bytearray(LARGE), bytes(LARGE)),
    ],
    ids=["bytes", "empty", "str", "bytearray", "memoryview", "strided", "array", "large", "large bytearray"],
)
def test_bytes_and_str_arrive_unchanged(
    publisher: amop.Client, subscriber: amop.Client, topic: str, given: amop.Data, sent: bytes
) -> None:
    subscriber.serve(topic, lambda request: request.data)
    reply = publisher.publish(topic, given, wait_for_subscriber=True, timeout=GUARD)
    assert reply.data == sent
    assert bytes(reply) == sent
    assert memoryview(reply) == sent


def test_invalid_data_is_a_type_error(publisher: amop.Client, topic: str) -> None:
    for bad in (None, 7, [1, 2], object()):
        with pytest.raises(TypeError, match="data must be bytes, bytearray, memoryview or str, not"):
            publisher.publish(topic, bad)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        publisher.publish(topic, "\ud800")


def test_message_has_all_its_attributes(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    subscription = subscriber.subscribe(topic)
    before = datetime.datetime.now(datetime.UTC)
    publisher.publish(topic, "one", wait_for_subscriber=True)
    publisher.broadcast(topic, "two")
    one, two = subscription.next(GUARD), subscription.next(GUARD)
    after = datetime.datetime.now(datetime.UTC)
    assert (one.topic, two.topic) == (topic, topic)
    assert (one.kind, two.kind) == (amop.MessageKind.UNICAST, amop.MessageKind.BROADCAST)
    assert one.kind == "unicast"
    assert one.endpoint == subscriber.endpoints[0]
    assert len(one.seq) == 32
    assert one.seq != two.seq
    assert before <= one.received_at <= two.received_at <= after
    assert one.data is one.data
    assert repr(one) == f'<amop.Message unicast topic="{topic}" bytes=3 endpoint="{one.endpoint}">'
    with pytest.raises(AttributeError):
        one.topic = "other"  # type: ignore[misc]


def test_messages_and_replies_can_be_copied_and_pickled(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    reply = publisher.publish(topic, "unicast \0", wait_for_subscriber=True)
    publisher.broadcast(topic, "")
    for message in (subscription.next(GUARD), subscription.next(GUARD)):
        assert copy.copy(message) is message
        assert copy.deepcopy([message]) == [message]
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(message, protocol))
            for name in ("topic", "kind", "seq", "data", "endpoint", "received_at"):
                assert getattr(again, name) == getattr(message, name), name
    assert copy.copy(reply) is reply
    assert copy.deepcopy([reply]) == [reply]
    restored = pickle.loads(pickle.dumps(reply))
    assert (restored.data, restored.endpoint) == (reply.data, reply.endpoint)


def test_request_can_be_copied_but_not_pickled(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    service = subscriber.serve(topic)
    call = publisher.publish_async(topic, "hi", timeout=GUARD, wait_for_subscriber=True)
    request = service.next(GUARD)
    assert copy.copy(request) is request
    with pytest.raises(TypeError, match="a request can't be pickled"):
        pickle.dumps(request)
    request.reply()
    call.result(GUARD)


def test_statistics_can_be_copied_and_pickled(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, "hi", wait_for_subscriber=True)
    stats, of_subscription = publisher.stats(), subscription.stats()
    assert copy.copy(stats) is stats
    again = pickle.loads(pickle.dumps(stats))
    assert again.asdict() == stats.asdict()
    assert [at.asdict() for at in again.endpoints] == [at.asdict() for at in stats.endpoints]
    (endpoint,), (restored,) = stats.endpoints, again.endpoints
    assert (restored.endpoint, restored.replies) == (endpoint.endpoint, endpoint.replies)
    assert restored.round_trip(0.5) == endpoint.round_trip(0.5) is not None
    assert repr(pickle.loads(pickle.dumps(stats.total()))) == repr(stats.total())
    assert pickle.loads(pickle.dumps(of_subscription)).asdict() == of_subscription.asdict()


def test_memoryview_shares_the_payload_and_keeps_the_message(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, bytes(LARGE), wait_for_subscriber=True, timeout=GUARD)
    message = subscription.next(GUARD)
    living = weakref.ref(message)
    first, second = memoryview(message), memoryview(message)
    assert (first.readonly, first.nbytes, first.format) == (True, LARGE, "B")
    # Both views have the same memory, so nothing was copied.
    assert _address(first) == _address(second)
    del message
    gc.collect()
    assert living() is not None
    assert first[LARGE - 1] == 0
    first.release()
    second.release()
    del first, second
    gc.collect()
    assert living() is None


def test_bytes_lent_for_sending_are_released(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    data = bytes(LARGE)
    before = sys.getrefcount(data)
    for _ in range(10):
        publisher.publish(topic, data, wait_for_subscriber=True, timeout=GUARD)
        assert subscription.next(GUARD).data == data
    # A thread of the library releases them with the next call.
    until = time.monotonic() + GUARD
    while sys.getrefcount(data) > before and time.monotonic() < until:
        publisher.publish(topic)
    assert sys.getrefcount(data) == before


def test_request_is_a_message(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    service = subscriber.serve(topic)
    call = publisher.publish_async(topic, "hi", timeout=GUARD, wait_for_subscriber=True)
    request = service.next(GUARD)
    assert isinstance(request, amop.Message)
    assert bytes(memoryview(request)) == b"hi"
    assert request.kind == amop.MessageKind.UNICAST
    assert repr(request).startswith(f'<amop.Request unicast topic="{topic}" bytes=2 ')
    assert repr(request).endswith(" open>")
    request.reply(memoryview(request))
    assert repr(request).endswith(" over>")
    assert call.result(GUARD).data == b"hi"
    assert repr(call.result()) == f'<amop.Reply bytes=2 endpoint="{publisher.endpoints[0]}">'


def test_messages_may_be_used_by_many_threads(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, b"x" * 1000, wait_for_subscriber=True)
    message = subscription.next(GUARD)
    seen: list[bytes] = []
    threads = [threading.Thread(target=lambda: seen.append(message.data)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
    assert {id(data) for data in seen} == {id(message.data)}


def test_too_large_data_is_rejected_before_it_is_sent(publisher: amop.Client, topic: str) -> None:
    with pytest.raises(amop.ArgumentError) as caught:
        publisher.publish(topic, bytes(100 << 20))
    assert caught.value.kind == amop.ErrorKind.TOO_LARGE


def _address(view: memoryview) -> int:
    import ctypes

    class Buffer(ctypes.Structure):
        _fields_ = [
            ("buf", ctypes.c_void_p),
            ("obj", ctypes.py_object),
            ("len", ctypes.c_ssize_t),
            ("itemsize", ctypes.c_ssize_t),
            ("readonly", ctypes.c_int),
            ("ndim", ctypes.c_int),
            ("format", ctypes.c_char_p),
            ("shape", ctypes.c_void_p),
            ("strides", ctypes.c_void_p),
            ("suboffsets", ctypes.c_void_p),
            ("internal", ctypes.c_void_p),
        ]

    buffer = Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)
    address: int | None = buffer.buf
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))
    assert address is not None
    return address
