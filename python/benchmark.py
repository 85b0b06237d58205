"""The cost of the package for a program: ``.venv/bin/python python/benchmark.py [MESSAGES]``.

Nodes and the other side run in a process of their own. CPU time is that of all threads of this one: the program, the
library, TLS and the kernel. Build with ``maturin develop --release`` before, else this measures a debug build.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress

import amop
from amop.devnet import Devnet

DATA = b"x" * 64
# Concurrent calls, where there is more than one.
WINDOW = 256


def other_side() -> None:
    """Run nodes, and a peer that answers and broadcasts the number of messages given by a line of standard input."""
    with Devnet(nodes=2) as devnet, devnet.connect(1) as peer:
        peer.serve("echo", lambda request: request.data)
        print(devnet.credentials, devnet.endpoints[0], flush=True)
        for line in sys.stdin:
            calls: deque[amop.CallFuture[None]] = deque()
            for _ in range(int(line)):
                calls.append(peer.broadcast_async("news", DATA))
                if len(calls) == WINDOW:
                    calls.popleft().result()
            for call in calls:
                call.result()


def one_at_a_time(client: amop.Client, count: int) -> None:
    for _ in range(count):
        client.publish("echo", DATA)


def without_waiting(client: amop.Client, count: int) -> None:
    calls: deque[amop.CallFuture[amop.Reply]] = deque()
    for _ in range(count):
        calls.append(client.publish_async("echo", DATA))
        if len(calls) == WINDOW:
            calls.popleft().result()
    for call in calls:
        call.result()


async def tasks(client: amop.aio.Client, count: int, at_once: int) -> None:
    async def task(count: int) -> None:
        for _ in range(count):
            await client.publish("echo", DATA)

    await asyncio.gather(*(task(count // at_once) for _ in range(at_once)))


@contextmanager
def measured(name: str, count: int) -> Generator[None]:
    cpu, began = time.process_time(), time.perf_counter()
    yield
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    print(f"{name:32} {count / took:9,.0f} messages/s {cpu / count * 1e6:7.1f} us CPU/message", flush=True)


def main(count: int) -> None:
    command = [sys.executable, __file__, "--other-side"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        credentials, endpoint = other.stdout.readline().split()

        def broadcast(count: int) -> None:
            print(count, file=other.stdin, flush=True)

        with amop.connect(endpoint, credentials=credentials) as client:
            client.publish("echo", DATA, wait_for_subscriber=True)
            with measured("publish, one at a time", count // 10):
                one_at_a_time(client, count // 10)
            with measured(f"publish_async, {WINDOW} under way", count):
                without_waiting(client, count)

            subscription = client.subscribe("news")
            with measured("broadcasts read", count):
                broadcast(count)
                for _ in range(count):
                    subscription.next()
            subscription.unsubscribe()

            done = threading.Event()
            left = count

            def handler(_: amop.Message) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    done.set()

            client.subscribe("news", handler)
            with measured("broadcasts handled", count):
                broadcast(count)
                done.wait()

        async def asynchronously() -> None:
            async with amop.aio.connect(endpoint, credentials=credentials) as client:
                with measured("await publish, one at a time", count // 10):
                    await tasks(client, count // 10, 1)
                with measured(f"await publish, {WINDOW} tasks", count // WINDOW * WINDOW):
                    await tasks(client, count, WINDOW)

        asyncio.run(asynchronously())
        other.stdin.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["--other-side"]:
        with suppress(KeyboardInterrupt):
            other_side()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
