"""The publisher to one subscriber, with asyncio.

``python examples/python/aio_unicast_publisher.py 127.0.0.1:20200 hello``
"""

import asyncio
import itertools
import sys

from program import local_time, publisher_arguments, run

import amop


async def main() -> None:
    arguments = publisher_arguments(
        "Publishes a numbered message every 2 seconds, each to one subscriber of the topic, until Ctrl-C or SIGTERM."
    )
    async with amop.aio.connect(arguments.endpoint) as client:
        for number in itertools.islice(itertools.count(), arguments.count):
            if number > 0:
                await asyncio.sleep(arguments.interval)
            message = f"hello, FISCO BCOS, I am unique broadcast publisher! {number}"
            try:
                await client.publish(arguments.topic, message)
            except amop.Error as error:
                # For example, there is no subscriber yet: the next message may find one.
                if not error.retriable:
                    raise
                print(f"{local_time()} message {number} failed: {error}", file=sys.stderr, flush=True)
            else:
                print(f"{local_time()} publish message: {message}", flush=True)


run(lambda: asyncio.run(main()))
