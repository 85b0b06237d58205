"""The subscriber with asyncio: ``python examples/python/aio_subscriber.py 127.0.0.1:20201 hello``."""

import asyncio

from program import local_time, run, subscriber_arguments

import amop


async def main() -> None:
    arguments = subscriber_arguments("Subscribes to a topic and prints each message until Ctrl-C or SIGTERM.")
    async with amop.aio.connect(arguments.endpoint) as client:
        subscription = await client.subscribe(arguments.topic)
        print("Subscriber success", flush=True)
        left = arguments.count
        while left != 0:
            message = await subscription.next()
            print(f"{local_time()} received: {message.data.decode(errors='replace')}", flush=True)
            left = left and left - 1


run(lambda: asyncio.run(main()))
