"""Exits the interpreter in a difficult state: python awkward_exits.py SCENARIO CREDENTIALS ENDPOINT ENDPOINT.

Whatever the state, the process has to end by itself, with exit code 0 and without a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import amop
from amop.devnet import Devnet

SCENARIOS: dict[str, Callable[[], object]] = {}
# Objects that must exist until the interpreter exits.
left: list[object] = []


def scenario(function: Callable[[], object]) -> Callable[[], object]:
    SCENARIOS[function.__name__] = function
    return function


def connect(node: int) -> amop.Client:
    client = amop.connect(sys.argv[3 + node], credentials=sys.argv[2])
    left.append(client)
    return client


def topic() -> str:
    return f"exit {os.getpid()}"


def daemon(target: Callable[[], object]) -> None:
    """Run a function on a daemon thread, and return when it has started."""
    begun = threading.Event()

    def run() -> None:
        begun.set()
        target()

    threading.Thread(target=run, daemon=True).start()
    begun.wait()


def handling(handler: Callable[[amop.Message], object]) -> None:
    """Return while a handler runs."""
    begun = threading.Event()

    def call(message: amop.Message) -> None:
        begun.set()
        handler(message)

    connect(1).subscribe(topic(), call)
    connect(0).publish(topic(), wait_for_subscriber=True)
    begun.wait()


@scenario
def unclosed() -> None:
    """A client with a subscription, an unread message, a service, events and a call in flight."""
    client = connect(1)
    left.extend(
        [client.subscribe(topic()), client.serve(topic()), client.events(), client.subscribe(topic(), print)]
    )
    left.append(connect(0).publish_async(topic(), wait_for_subscriber=True))


@scenario
def handler_sleeps() -> None:
    """A handler blocks for longer than the exit waits."""
    handling(lambda _: time.sleep(600))


@scenario
def handler_computes() -> None:
    """A handler runs Python code endlessly."""

    def compute(_: amop.Message) -> None:
        while True:
            sum(range(100))

    handling(compute)


@scenario
def handler_calls() -> None:
    """A handler waits in a call that is never answered."""
    other = connect(0)
    left.append(other.serve(topic() + "/silent"))
    client = connect(1)
    begun = threading.Event()

    def call(_: amop.Message) -> None:
        begun.set()
        client.publish(topic() + "/silent", wait_for_subscriber=True)

    client.subscribe(topic(), call)
    other.publish(topic(), wait_for_subscriber=True)
    begun.wait()


@scenario
def messages_in_flight() -> None:
    """Thousands of calls are in flight, and a handler processes their requests."""
    service = connect(1)
    service.serve(topic(), lambda request: request.data)
    client = connect(0)
    client.publish(topic(), wait_for_subscriber=True)
    left.extend(client.publish_async(topic(), b"x" * 100) for _ in range(2000))


@scenario
def publishing_daemon() -> None:
    """A daemon thread publishes endlessly."""
    connect(1).serve(topic(), lambda request: request.data)
    client = connect(0)
    client.publish(topic(), wait_for_subscriber=True)

    def publish() -> None:
        while True:
            client.publish(topic())

    daemon(publish)


@scenario
def failing_daemons() -> None:
    """Daemon threads endlessly make calls that fail at once, on a closed client and on one that is being closed."""
    client, closed = connect(0), connect(0)
    closed.close()

    def fail(client: amop.Client) -> None:
        while True:
            with contextlib.suppress(amop.Error):
                client.publish_async(topic())

    daemon(lambda: fail(client))
    daemon(lambda: fail(closed))


@scenario
def reading_daemons() -> None:
    """Daemon threads wait for messages, events, requests."""
    client = connect(0)
    for read in (client.subscribe(topic()).next, client.events().next, client.serve(topic()).next):
        daemon(read)


@scenario
def interrupted_next() -> None:
    """Ctrl-C ends a wait, and the program with it."""
    subscription = connect(0).subscribe(topic())
    left.append(subscription)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        subscription.next()
    except KeyboardInterrupt:
        sys.exit()


@scenario
def unclosed_in_asyncio() -> None:
    """A loop ends with a client, a handler and a waiting task."""

    async def main() -> None:
        client = await amop.aio.connect(sys.argv[4], credentials=sys.argv[2])
        left.append(client)
        begun = asyncio.Event()

        async def handler(_: amop.Message) -> None:
            begun.set()
            await asyncio.sleep(600)

        await client.subscribe(topic(), handler)
        subscription = await client.subscribe(topic())
        left.extend([subscription, asyncio.ensure_future(subscription.next()), client.events()])
        await client.publish(topic(), wait_for_subscriber=True)
        await begun.wait()

    asyncio.run(main())


@scenario
def loop_left_open() -> None:
    """A loop is stopped during calls, and neither closed nor dropped."""
    loop = asyncio.new_event_loop()
    left.append(loop)

    async def main() -> None:
        client = await amop.aio.connect(sys.argv[3], credentials=sys.argv[2])
        left.append(client)
        left.extend(client.publish_async(topic(), wait_for_subscriber=True) for _ in range(100))

    loop.run_until_complete(main())


@scenario
def loop_on_a_daemon_thread() -> None:
    """A loop runs on a daemon thread, with calls in flight and a handler that gets messages."""
    ready = threading.Event()

    async def main() -> None:
        client = await amop.aio.connect(sys.argv[4], credentials=sys.argv[2])
        await client.serve(topic(), lambda request: request.data)
        await client.publish(topic(), wait_for_subscriber=True)
        ready.set()
        while True:
            await client.publish(topic())

    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    ready.wait()


@scenario
def nodes_left_running() -> None:
    """Nodes run in the same process, with a client of one of them."""
    devnet = Devnet(nodes=2)
    left.extend([devnet, devnet.connect(0), devnet.connect(1)])


@scenario
def logging_at_its_loudest() -> None:
    """Everything is logged, by a slow logging handler, while messages are in flight."""
    import logging

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            time.sleep(0.001)

    logging.getLogger("amop").addHandler(Slow())
    logging.getLogger("amop").setLevel(1)
    logging.getLogger("amop").propagate = False
    messages_in_flight()


if __name__ == "__main__":
    SCENARIOS[sys.argv[1]]()
