"""The end of clients: in order, from anywhere, and forgotten."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from guard import GUARD

import amop
from amop.devnet import Devnet


def test_close_may_be_called_again_and_everything_else_says_closed(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(0)
    subscription = client.subscribe(topic)
    assert not client.is_closed
    client.close()
    client.close()
    assert client.is_closed
    for call in (
        lambda: client.publish(topic),
        lambda: client.publish_nowait(topic),
        lambda: client.broadcast(topic),
        lambda: client.broadcast_nowait(topic),
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


def test_calls_in_flight_end_with_the_client(subscriber: amop.Client, devnet: Devnet, topic: str) -> None:
    service = subscriber.serve(topic)
    client = devnet.connect(0)
    call = client.publish_nowait(topic, timeout=GUARD, wait_for_subscriber=True)
    kept = service.next(GUARD)
    client.close()
    with pytest.raises(amop.ClosedError):
        call.result(GUARD)
    assert kept.is_open


def test_a_thread_that_reads_ends_with_the_client(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(0)
    subscription = client.subscribe(topic)
    thread = threading.Thread(target=list, args=(subscription,))
    thread.start()
    client.close()
    thread.join(GUARD)
    assert not thread.is_alive()


def test_a_handler_may_close_its_client(publisher: amop.Client, devnet: Devnet, topic: str) -> None:
    client = devnet.connect(1)
    closed = threading.Event()

    def handler(_: amop.Message) -> None:
        client.close()
        closed.set()

    client.subscribe(topic, handler)
    publisher.publish(topic, wait_for_subscriber=True)
    assert closed.wait(GUARD)
    client.close()


def test_close_gives_up_on_a_handler_that_doesnt_return(
    publisher: amop.Client, devnet: Devnet, topic: str
) -> None:
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


def test_a_client_that_is_forgotten_warns_and_ends(devnet: Devnet, topic: str) -> None:
    client = devnet.connect(1)
    client.subscribe(topic, print)
    assert topic in devnet.topics(1)
    with pytest.warns(ResourceWarning, match=r"unclosed <amop.Client"):
        del client
        gc.collect()
    _until_gone(devnet, topic)


def test_a_client_that_its_own_handlers_hold_is_garbage_too(
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
    with pytest.warns(ResourceWarning, match=r"unclosed <amop.Client"):
        del program, client
        gc.collect()
    assert [reference() for reference in living] == [None, None]
    # The warning has held it until now.
    gc.collect()
    _until_gone(devnet, topic)


def test_a_subscription_keeps_its_client(publisher: amop.Client, devnet: Devnet, topic: str) -> None:
    subscription = devnet.connect(1).subscribe(topic)
    gc.collect()
    publisher.publish(topic, "still here", wait_for_subscriber=True)
    assert subscription.next(GUARD).data == b"still here"
    with pytest.warns(ResourceWarning):
        del subscription
        gc.collect()


def test_a_client_that_was_never_made_leaves_no_warning() -> None:
    with pytest.raises(amop.ArgumentError):
        amop.Client()
    gc.collect()


def test_a_devnet_that_is_forgotten_warns_and_removes_its_folder() -> None:
    devnet = Devnet(nodes=1)
    folder = devnet.credentials
    assert folder.is_dir()
    with pytest.warns(ResourceWarning, match=r"unstopped <amop.devnet.Devnet"):
        del devnet
        gc.collect()
    assert not folder.exists()


def _until_gone(devnet: Devnet, topic: str) -> None:
    """Wait until a node hears that nobody subscribes any more: nobody waits for a forgotten client's end."""
    with devnet.connect(1) as client:
        while topic in devnet.topics(1):
            # Passes on the node, after what the node has got before.
            client.broadcast("tick")
