"""The end of clients: by close, from any thread, and by being dropped."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
import weakref

import pytest
from guard import GUARD, collect_until

import amop
from amop.devnet import Devnet


def test_calls_after_close_raise_closed_error(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(0)
    subscription = client.subscribe(topic)
    assert not client.is_closed
    client.close()
    client.close()
    assert client.is_closed
    for call in (
        lambda: client.publish(topic),
        lambda: client.publish_async(topic),
        lambda: client.broadcast(topic),
        lambda: client.broadcast_async(topic),
        lambda: client.subscribe(topic),
        lambda: client.subscribe(topic, print),
        lambda: client.serve(topic),
        lambda: client.serve(topic, lambda _: None),
        lambda: client.add_endpoint("127.0.0.1:1"),
    ):
        with pytest.raises(amop.ClosedError):
            call()
    subscription.unsubscribe()
    assert list(subscription) == []
    assert client.stats().held_bytes == 0


def test_close_completes_calls_in_flight(subscriber: amop.Client, devnet: Devnet, topic: str) -> None:
    service = subscriber.serve(topic)
    client = devnet.connect(0)
    call = client.publish_async(topic, timeout=GUARD, wait_for_subscriber=True)
    kept = service.next(GUARD)
    client.close()
    with pytest.raises(amop.ClosedError):
        call.result(GUARD)
    assert kept.is_open


def test_close_completes_calls_that_wait_for_a_subscriber(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(0)
    late: list[object] = []
    returned = threading.Event()
    calls = [client.publish_async(topic, timeout=GUARD, wait_for_subscriber=True) for _ in range(40)]
    for call in calls:
        call.add_done_callback(lambda call: late.append(call) if returned.is_set() else None)
    client.close()
    returned.set()
    assert all(call.done() for call in calls)
    assert {type(call.exception(0)) for call in calls} == {amop.ClosedError}
    assert late == []


def test_reading_thread_ends_with_the_client(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(0)
    subscription = client.subscribe(topic)
    thread = threading.Thread(target=list, args=(subscription,))
    thread.start()
    client.close()
    thread.join(GUARD)
    assert not thread.is_alive()


def test_handler_may_close_its_client(publisher: amop.Client, devnet: Devnet, topic: str) -> None:
    client = devnet.connect(1)
    closed = threading.Event()

    def handler(_: amop.Message) -> None:
        client.close()
        closed.set()

    client.subscribe(topic, handler)
    publisher.publish(topic, wait_for_subscriber=True)
    assert closed.wait(GUARD)
    client.close()


def test_close_times_out_while_a_handler_blocks(publisher: amop.Client, devnet: Devnet, topic: str) -> None:
    go_on, entered = threading.Event(), threading.Event()

    def handler(_: amop.Message) -> None:
        entered.set()
        go_on.wait(GUARD)

    client = devnet.connect(1)
    client.subscribe(topic, handler)
    publisher.publish(topic, wait_for_subscriber=True)
    assert entered.wait(GUARD)
    with pytest.raises(amop.CallTimeoutError, match="handler"):
        client.close(0.01)
    go_on.set()
    client.close(GUARD)


def test_close_keeps_its_time_at_a_frozen_node() -> None:
    long = 600.0
    with Devnet(nodes=1) as nodes:
        client = nodes.connect(0, heartbeat=long, call_timeout=long, close_timeout=long)
        nodes.freeze(0)
        # More than the buffers of two sockets hold.
        call = client.publish_async("t", bytes(24 << 20))
        while client.stats().total().queued_bytes == 0:
            time.sleep(0.001)
        # On a busy machine the end of the client comes after the time.
        with contextlib.suppress(amop.CallTimeoutError):
            client.close(0.1)
        client.close(GUARD)
        assert call.done()
        assert isinstance(call.exception(0), amop.ClosedError)


def test_dropped_client_warns_and_closes(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(1)
    client.subscribe(topic, print)
    assert topic in devnet.topics(1)
    references: list[object] = [client]
    del client
    _drop_with_warning(references)
    _until_gone(devnet, topic)


def test_client_referenced_by_its_handlers_is_collected(
    publisher: amop.Client, devnet: Devnet, topic: str
) -> None:
    client = devnet.connect(1)

    class Program:
        def __init__(self, client: amop.Client) -> None:
            self.client = client
            client.subscribe(topic, self.message)
            client.serve(topic + "/service", self.request)

        def message(self, _: amop.Message) -> None: ...

        def request(self, _: amop.Request) -> str:
            return repr(self.client)

    program = Program(client)
    assert b"amop.Client" in publisher.publish(topic + "/service", wait_for_subscriber=True).data
    living = weakref.ref(program), weakref.ref(client)
    references: list[object] = [program, client]
    del program, client
    # The warning keeps the client alive until this returns.
    _drop_with_warning(references)
    collect_until(lambda: [reference() for reference in living] == [None, None])
    _until_gone(devnet, topic)


def test_subscription_keeps_its_client_alive(publisher: amop.Client, devnet: Devnet, topic: str) -> None:
    subscription = devnet.connect(1).subscribe(topic)
    gc.collect()
    publisher.publish(topic, "still here", wait_for_subscriber=True)
    assert subscription.next(GUARD).data == b"still here"
    references: list[object] = [subscription]
    del subscription
    _drop_with_warning(references)


def test_failed_connect_leaves_no_warning() -> None:
    with pytest.raises(amop.ArgumentError):
        amop.Client()
    gc.collect()


def test_dropped_devnet_warns_and_removes_its_folder() -> None:
    devnet = Devnet(nodes=1)
    folder = devnet.credentials
    assert folder.is_dir()
    with pytest.warns(ResourceWarning, match=r"unstopped <amop.devnet.Devnet"):
        del devnet
        gc.collect()
    assert not folder.exists()


def _drop_with_warning(references: list[object]) -> None:
    """Drop the last references to a client that was not closed."""
    with pytest.warns(ResourceWarning, match=r"unclosed <amop.Client") as warned:
        references.clear()
        collect_until(lambda: len(warned) > 0)


def _until_gone(devnet: Devnet, topic: str) -> None:
    """Wait until a node lists no subscriber of the topic, because a dropped client closes in the background."""
    with devnet.connect(1) as client:
        while topic in devnet.topics(1):
            # The node processes this publish after earlier frames.
            client.broadcast("tick")
