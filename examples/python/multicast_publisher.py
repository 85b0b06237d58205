"""Publishes to all subscribers of a topic repeatedly.

``python examples/python/multicast_publisher.py 127.0.0.1:20200 hello``
"""

import itertools
import sys
import time

from program import local_time, publisher_arguments, run

import amop


def main() -> None:
    arguments = publisher_arguments(
        "Publishes a numbered message every 2 seconds, each to all subscribers of the topic, until Ctrl-C or SIGTERM."
    )
    with amop.connect(arguments.endpoint) as client:
        for number in itertools.islice(itertools.count(), arguments.count):
            if number > 0:
                time.sleep(arguments.interval)
            message = f"hello, FISCO BCOS, I am multi broadcast publisher! {number}"
            try:
                client.broadcast(arguments.topic, message)
            except amop.Error as error:
                # For example, the connection was lost: the client reconnects. (A node acknowledges a broadcast even
                # without a subscriber.)
                if not error.retriable:
                    raise
                print(f"{local_time()} message {number} failed: {error}", file=sys.stderr, flush=True)
            else:
                print(f"{local_time()} publish message: {message}", flush=True)


run(main)
