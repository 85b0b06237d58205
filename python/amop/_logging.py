"""Passes the log of the library to Python's logger ``amop``."""

from __future__ import annotations

import logging

from ._errors import Error

logger = logging.getLogger("amop")

TRACE = 5
"""The level below DEBUG, the only one whose records may contain payloads."""

FAILED_TEXT = "the handler failed"
"""What the publisher receives if a handler raises; the exception stays in the log and the events of this client."""

# Python's levels by the numbers of the library; 0 is off.
_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, TRACE)


def wanted() -> int:
    """Return the current level of the logger, as a number of the library."""
    for number in range(len(_LEVELS) - 1, 0, -1):
        if logger.isEnabledFor(_LEVELS[number]):
            return number
    return 0


def emit(records: list[tuple[float, int, str, str]], lost: int) -> None:
    """Log records; `lost` of them before were discarded."""
    if lost:
        logger.warning("%d records were discarded: logging is too slow", lost)
    for created, number, target, message in records:
        level = _LEVELS[number]
        if logger.isEnabledFor(level):
            record = logger.makeRecord(
                logger.name, level, "amop", 0, message, (), None, extra={"target": target}
            )
            record.created = created
            record.msecs = created % 1 * 1000
            logger.handle(record)


def event_handler_failed(error: BaseException, ending: bool) -> None:
    """Log an exception of a handler of events with its traceback; see handler_failed."""
    level = logging.DEBUG if ending and isinstance(error, Error) else logging.ERROR
    logger.log(level, "the handler of events failed", exc_info=error)


def handler_failed(topic: str, error: BaseException, ending: bool) -> str:
    """Log an exception of a handler with its traceback, and return its text for the event.

    While the interpreter exits, all clients close, so that errors of this package in a handler are expected then.
    """
    level = logging.DEBUG if ending and isinstance(error, Error) else logging.ERROR
    logger.log(level, "the handler of topic %r failed", topic, exc_info=error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
