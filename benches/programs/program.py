"""The Python program of the comparison of languages: futures, or with ``aio`` tasks, and a handler for messages.

See benches/src/languages.rs for what it reads and writes.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque

import amop

TOPIC = "bench/unicast"
IN_FLIGHT = 256
DATA = b"x" * 64


def answer(line: str) -> None:
    print(line, flush=True)


class Countdown:
    """A handler that reports when it has received a number of messages."""

    def __init__(self) -> None:
        self.left = 0

    def handle(self, _: amop.Message) -> None:
        self.left -= 1
        if self.left == 0:
            answer("done")


def publish(client: amop.Client, messages: int) -> None:
    calls: deque[amop.CallFuture[amop.Reply]] = deque()
    for _ in range(messages):
        if len(calls) == IN_FLIGHT:
            calls.popleft().result()
        calls.append(client.publish_async(TOPIC, DATA))
    for call in calls:
        call.result()


async def publish_in_tasks(client: amop.aio.Client, messages: int) -> None:
    async def task(count: int) -> None:
        for _ in range(count):
            await client.publish(TOPIC, DATA)

    await asyncio.gather(*(task(messages // IN_FLIGHT) for _ in range(IN_FLIGHT)))


def for_threads(endpoint: str, credentials: str, topic: str) -> None:
    countdown = Countdown()
    with amop.connect(endpoint, credentials=credentials) as client:
        client.subscribe(topic, countdown.handle)
        answer("ready")
        for line in sys.stdin:
            command, messages = line.split()
            if command == "publish":
                publish(client, int(messages))
                answer("done")
            else:
                countdown.left = int(messages)
                answer("started")


async def for_asyncio(endpoint: str, credentials: str, topic: str) -> None:
    countdown = Countdown()
    loop = asyncio.get_running_loop()
    async with amop.aio.connect(endpoint, credentials=credentials) as client:
        await client.subscribe(topic, countdown.handle)
        answer("ready")
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command, messages = line.split()
            if command == "publish":
                await publish_in_tasks(client, int(messages))
                answer("done")
            else:
                countdown.left = int(messages)
                answer("started")


if __name__ == "__main__":
    if sys.argv[1] == "aio":
        asyncio.run(for_asyncio(*sys.argv[2:]))
    else:
        for_threads(*sys.argv[1:])
