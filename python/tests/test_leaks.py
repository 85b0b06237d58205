"""After many messages by every kind of call, no more objects exist than before.

AMOP_MESSAGES of them; scripts/test-deep-python.sh sends 1,000,000.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections import deque

from guard import GUARD, PATIENT

import amop
from amop import aio
from amop.aio import _bridge
from amop.devnet import Devnet

MESSAGES = int(os.environ.get("AMOP_MESSAGES", "20000"))
# Each of four kinds of calls sends a share of the messages.
SHARE = MESSAGES // 4
# Concurrent calls.
WINDOW = 512


def test_many_messages_leak_nothing(devnet: Devnet) -> None:
    with devnet.connect(0) as publisher, devnet.connect(1) as subscriber:
        subscriber.serve("served", lambda request: request.data)
        handled = Handled()
        handling = subscriber.subscribe("handled", handled)
        read = subscriber.subscribe("read")
        for topic in ("served", "handled", "read"):
            publisher.publish(topic, wait_for_subscriber=True)
        read.next(GUARD)
        with asyncio.Runner() as runner:
            # Objects that are created once are created here.
            send(publisher, read, SHARE // 10)
            runner.run(send_asynchronously(devnet, SHARE // 10))
            handled.wait_for(1 + SHARE // 10)
            before = counts()
            send(publisher, read, SHARE)
            runner.run(send_asynchronously(devnet, SHARE))
            handled.wait_for(1 + SHARE // 10 + SHARE)
            after = counts()
        # The handler has processed its queue.
        handling.unsubscribe(GUARD)
        for client in (publisher, subscriber):
            stats = client.stats()
            assert (stats.held_bytes, stats.dropped, stats.refused) == (0, 0, 0)
            assert stats.total().in_flight == 0
        assert handled.count == 1 + SHARE // 10 + SHARE
        assert subscriber.stats().total().messages_received >= 3 * SHARE
    # A count that grew by less than a tenth of the messages does not grow with them.
    for name, number in after.items():
        assert number - before[name] < SHARE / 10, (name, before, after)


class Handled:
    """A handler that counts messages. One thread at a time calls it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: amop.Message) -> None:
        self.count += 1

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + GUARD
        while self.count < count:
            assert time.monotonic() < deadline, self.count
            time.sleep(0.001)


def send(publisher: amop.Client, read: amop.Subscription, share: int) -> None:
    """Send a share to a service, a handler and a reader, with calls of threads."""
    for topic in ("served", "handled", "read"):
        calls: deque[amop.CallFuture[amop.Reply]] = deque()
        for number in range(share):
            calls.append(publisher.publish_async(topic, b"%d" % number, timeout=GUARD))
            if len(calls) == WINDOW:
                calls.popleft().result(GUARD)
            if topic == "read":
                read.next(GUARD)
        for call in calls:
            call.result(GUARD)


async def send_asynchronously(devnet: Devnet, share: int) -> None:
    """Send a share from asyncio to a service in the same loop."""
    async with (
        aio.connect(devnet.endpoints[0], credentials=devnet.credentials, **PATIENT) as publisher,
        aio.connect(devnet.endpoints[1], credentials=devnet.credentials, **PATIENT) as subscriber,
    ):
        await subscriber.serve("aio", lambda request: request.data)
        await publisher.publish("aio", wait_for_subscriber=True)
        for begin in range(0, share, WINDOW):
            numbers = range(begin, min(begin + WINDOW, share))
            await asyncio.gather(*(publisher.publish("aio", b"%d" % n, timeout=GUARD) for n in numbers))
        assert (publisher.stats().held_bytes, subscriber.stats().held_bytes) == (0, 0)
    assert _bridge.bridge().in_flight == 0


def counts() -> dict[str, int]:
    gc.collect()
    return {"objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks()}
