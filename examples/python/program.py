"""What the programs share: their command line, the time before each line, and their end."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import amop


def subscriber_arguments(description: str, endpoint: str = "127.0.0.1:20201") -> argparse.Namespace:
    """Take the arguments of a program that receives: endpoint, topic, count."""
    return _parser(description, endpoint, "The topic to subscribe to").parse_args()


def publisher_arguments(description: str) -> argparse.Namespace:
    """Take the arguments of a program that publishes: endpoint, topic, count, interval."""
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
    """Give the local time as it stands before each line."""
    return time.strftime("%Y/%m/%d %H:%M:%S")


def run(main: Callable[[], None]) -> None:
    """Run a program until its end or Ctrl-C, and exit; an error is said and makes the exit code 1."""
    try:
        main()
    except KeyboardInterrupt:
        pass
    except amop.Error as error:
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
        raise argparse.ArgumentTypeError(f"{number} is below 0")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return seconds
