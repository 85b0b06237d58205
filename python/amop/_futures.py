"""Futures of calls that do not wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from . import _amop

T = TypeVar("T")

# The logger of futures.
_logger = logging.getLogger("concurrent.futures")


class CallFuture(Future[T]):
    """The result of a call in flight. Cancelling it cancels the call.

    A message that has been written can't be recalled; then the reply is only no longer waited for. Callbacks run on
    the client's dispatcher threads, one after the other. They do not delay other futures, so that a callback may wait
    for one.
    """

    _started: _amop.Started | None = None

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        # None once the callbacks were run or passed to the dispatcher.
        self._waiting: list[Callable[[Future[T]], object]] | None = []

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Call a function with this future when it has completed, or at once if it has."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.append(fn)
                return
        self._call(fn)

    def cancel(self) -> bool:
        """Cancel the call, unless it has completed, and return whether it was cancelled."""
        cancelled = super().cancel()
        if cancelled:
            if self._started is not None:
                self._started.cancel()
            self._run(self._take())
        return cancelled

    def _take(self) -> list[Callable[[Future[T]], object]]:
        """Return the callbacks, once, after the future has completed."""
        with self._lock:
            taken, self._waiting = self._waiting, None
        return taken or []

    def _run(self, callbacks: list[Callable[[Future[T]], object]]) -> None:
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Future[T]], object]) -> None:
        try:
            callback(self)
        except Exception:
            _logger.exception("exception calling callback for %r", self)


def complete(
    batch: list[tuple[CallFuture[Any], object, BaseException | None]],
) -> list[Callable[[], None] | None]:
    """Complete futures with the results of their calls, and return for each what runs its callbacks, if it has any."""
    return [_complete(future, value, error) for future, value, error in batch]


def _complete(
    future: CallFuture[Any], value: object, error: BaseException | None
) -> Callable[[], None] | None:
    if not future.set_running_or_notify_cancel():
        return None
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
    callbacks = future._take()
    return (lambda: future._run(callbacks)) if callbacks else None
