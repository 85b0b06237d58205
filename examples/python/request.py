"""Asks a service for the price of an item: ``python examples/python/request.py 127.0.0.1:20200 price apple``."""

import argparse
import sys

from program import run

import amop


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Sends one request to the service of a topic, and prints the reply."
    )
    parser.add_argument("endpoint", nargs="?", default="127.0.0.1:20200", help="The node to connect to")
    parser.add_argument("topic", nargs="?", default="price", help="The topic of the service")
    parser.add_argument("item", nargs="?", default="apple", help="What to send")
    arguments = parser.parse_args()
    with amop.connect(arguments.endpoint) as client:
        try:
            # Waits for a service that is started later, for a minute in all.
            reply = client.publish(arguments.topic, arguments.item, wait_for_subscriber=True, timeout=60)
        except amop.Error as error:
            if error.kind is amop.ErrorKind.REMOTE:
                # What the service has answered instead of a reply: a code and data of its own.
                sys.exit(
                    f"the service failed with code {error.node_code}: {error.data.decode(errors='replace')}"
                )
            if error.delivery is amop.Delivery.MAYBE:
                sys.exit(f"it may have been delivered: {error}")
            raise
        print(reply.data.decode(errors="replace"))


run(main)
