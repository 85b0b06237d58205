"""Prints the messages of a private topic.

``amop keys new orders.pem`` makes a key. ``private_subscriber.py 127.0.0.1:20201 orders orders.pem`` then receives what
``private_publisher.py`` sends, which is given ``orders.pem.pub``.
"""

import argparse
import itertools
from pathlib import Path

from program import run

import amop


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Prints the messages of a private topic until Ctrl-C or SIGTERM."
    )
    parser.add_argument("endpoint", help="The node to connect to")
    parser.add_argument("topic", help="The topic to subscribe to")
    parser.add_argument("key", type=Path, help="The file of the private key")
    parser.add_argument("--count", type=int, help="Exits after this number of messages")
    arguments = parser.parse_args()
    with amop.connect(arguments.endpoint) as client:
        # The client answers the challenges of publishers with the key. The key never leaves this program.
        subscription = client.subscribe(arguments.topic, key=arguments.key)
        print("subscribed to", arguments.topic, flush=True)
        for message in itertools.islice(subscription, arguments.count):
            print("received:", message.data.decode(errors="replace"), flush=True)


run(main)
