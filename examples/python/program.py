"""The parts that the programs share: arguments, timestamps and signals."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable

import amop


def subscriber_arguments(description: str, endpoint: str = "127.0.0.1:20201") -> argparse.Namespace:
    """Read the arguments of a program that receives: endpoint, topic, count."""
    return _parser(description, endpoint, "The topic to subscribe to").parse_args()


def publisher_arguments(description: str) -> argparse.Namespace:
    """Read the arguments of a program that publishes: endpoint, topic, count, interval."""
    parser = _parser(description, "127.0.0.1:20200", "The topic to publish to")
    parser.add_argument(
        "--interval",
        type=_seconds,
        default=2.0,
        metavar="SECONDS",
        help="The time between two messages [default: 2]",
    )
    return parser.parse_args()


def local_time() -> str:
    """Return the local time, which is printed before each line."""
    return time.strftime("%Y/%m/%d %H:%M:%S")


def run(main: Callable[[], None]) -> None:
    """Run a program until its end, Ctrl-C or SIGTERM. An error is printed, and the exit code is 1."""
    # SIGTERM raises KeyboardInterrupt, as Ctrl-C does, so that `with` blocks close the client.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        pass
    except (amop.Error, OSError) as error:
        sys.exit(str(error))


def _parser(description: str, endpoint: str, topic: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "endpoint", nargs="?", default=endpoint, help="The node to connect to [default: %(default)s]"
    )
    parser.add_argument("topic", nargs="?", default="hello", help=f"{topic} [default: %(default)s]")
    parser.add_argument("--count", type=_number, help="Exits after this number of messages")
    return parser


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"invalid number {text!r}: it is below 0")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"invalid number of seconds {text!r}")
    return seconds
