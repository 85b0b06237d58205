"""What the library logs reaches Python's logger ``amop`` here."""

from __future__ import annotations

import logging

from ._errors import Error

logger = logging.getLogger("amop")

TRACE = 5
"""The level below DEBUG at which frames are logged, payloads too."""

FAILED_TEXT = "the handler failed"
"""What the publisher receives if a handler raises; the exception stays in the log and the events of this client."""

# Python's levels by the library's numbers; 0 is off.
_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, TRACE)


def wanted() -> int:
    """How much the logger wants to hear now, in the library's numbers."""
    for number in range(len(_LEVELS) - 1, 0, -1):
        if logger.isEnabledFor(_LEVELS[number]):
            return number
    return 0


def emit(records: list[tuple[float, int, str, str]], lost: int) -> None:
    """Log what has come; `lost` records before it found no room."""
    if lost:
        logger.warning("%d records were lost: logging takes them too slowly", lost)
    for created, number, target, message in records:
        level = _LEVELS[number]
        if logger.isEnabledFor(level):
            record = logger.makeRecord(
                logger.name, level, "amop", 0, message, (), None, extra={"target": target}
            )
            record.created = created
            record.msecs = created % 1 * 1000
            logger.handle(record)


def handler_failed(topic: str, error: BaseException, ending: bool) -> str:
    """Log what a handler raised, with its traceback, and return its text for the event.

    At the end of the interpreter all clients are closed, so the failure of a call is logged at DEBUG then.
    """
    level = logging.DEBUG if ending and isinstance(error, Error) else logging.ERROR
    logger.log(level, "the handler of topic %r failed", topic, exc_info=error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
