"""Prints what arrives on a topic: ``python examples/python/subscriber.py 127.0.0.1:20201 hello``."""

import itertools

from program import local_time, run, subscriber_arguments

import amop


def main() -> None:
    arguments = subscriber_arguments("Subscribes to a topic and prints each message until Ctrl-C or SIGTERM.")
    with amop.connect(arguments.endpoint) as client:
        subscription = client.subscribe(arguments.topic)
        print("Subscriber success", flush=True)
        for message in itertools.islice(subscription, arguments.count):
            print(f"{local_time()} received: {message.data.decode(errors='replace')}", flush=True)


run(main)
