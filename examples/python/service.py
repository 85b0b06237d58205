"""Answers requests for the price of an item: ``python examples/python/service.py 127.0.0.1:20201 price``."""

import argparse
import signal
import threading
from types import FrameType

from program import run

import amop

# The code with which a request for an unknown item fails. Programs choose their own.
NO_PRICE = 1
PRICES = {b"apple": "1.20", b"pear": "0.95"}


def price(request: amop.Request) -> str | None:
    """Answer a request. What it returns is the reply; of an exception, the publisher would receive a fixed text."""
    if request.data not in PRICES:
        request.fail(NO_PRICE, b"no price for " + request.data)
        return None
    return PRICES[request.data]


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Answers requests for the price of an item until Ctrl-C or SIGTERM."
    )
    parser.add_argument("endpoint", nargs="?", default="127.0.0.1:20201", help="The node to connect to")
    parser.add_argument("topic", nargs="?", default="price", help="The topic to serve")
    arguments = parser.parse_args()
    stopping = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        # A second one ends the program at once.
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    # At the end of both blocks no further requests are accepted, and those that have arrived are answered.
    with amop.connect(arguments.endpoint) as client, client.serve(arguments.topic, price, concurrency=4):
        print("serving", arguments.topic, flush=True)
        stopping.wait()


run(main)
