"""Publishes to subscribers that hold a key.

``private_publisher.py 127.0.0.1:20200 orders "two apples" orders.pem.pub`` sends a message to one of the subscribers
whose public keys are in the files. Payloads are not encrypted: see docs/private-topics.md.
"""

import argparse
from pathlib import Path

from program import run

import amop


def report(event: amop.events.Event) -> None:
    """Print which subscribers were verified and rejected."""
    if isinstance(event, amop.events.Verified):
        print("verified a subscriber of", event.topic, flush=True)
    elif isinstance(event, amop.events.Rejected):
        print("rejected a subscriber of", event.topic, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Sends a message to one subscriber that holds one of the keys."
    )
    parser.add_argument("endpoint", help="The node to connect to")
    parser.add_argument("topic", help="The topic to publish to")
    parser.add_argument("message", help="What to send")
    parser.add_argument("keys", nargs="+", type=Path, help="The files of the public keys")
    arguments = parser.parse_args()
    with (
        amop.connect(arguments.endpoint, on_event=report) as client,
        client.private_topic(arguments.topic, arguments.keys) as private_topic,
    ):
        # Nodes ask for the verification of a subscriber within some seconds: the call waits for that.
        private_topic.publish(arguments.message, wait_for_subscriber=True, timeout=60)
        print("delivered", flush=True)


run(main)
