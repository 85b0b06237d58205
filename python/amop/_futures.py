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

# Guards what futures have besides their condition. One for all, held for moments.
_lock = threading.Lock()

_PENDING = "PENDING"
_FINISHED = "FINISHED"


class CallFuture(Future[T]):
    """The result of a call in flight. Cancelling it cancels the call.

    A message that has been written can't be recalled; then the reply is only no longer waited for. Callbacks run on
    the client's dispatcher threads, one after the other. They do not delay other futures, so that a callback may wait
    for one.
    """

    # A future of the standard library makes a condition variable, which costs more than the rest of a call. Most calls
    # complete before their result is asked for, so that this one makes it when it is needed. These are the attributes
    # that the base class and `concurrent.futures.wait` use.
    _state: str = _PENDING
    _result: Any = None
    _exception: BaseException | None = None

    _started: _amop.Started | None = None
    _made_condition: threading.Condition | None = None
    # The callbacks, None if there are none.
    _waiting: list[Callable[[Future[T]], object]] | None = None
    # The callbacks were run or passed to the dispatcher.
    _called = False

    def __init__(self) -> None:
        self._waiters: list[Any] = []
        self._done_callbacks: list[Any] = []

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        made = self._made_condition
        if made is None:
            with _lock:
                made = self._made_condition
                if made is None:
                    made = self._made_condition = threading.Condition()
        return made

    def result(self, timeout: float | None = None) -> T:
        """Return the reply, or raise the error of the call; wait for it up to a timeout."""
        if self._state == _FINISHED and self._exception is None:
            result: T = self._result
            return result
        return super().result(timeout)

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Call a function with this future when it has completed, or at once if it has."""
        with _lock:
            if not self._called:
                if self._waiting is None:
                    self._waiting = []
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

    def _complete(self, value: object, error: BaseException | None) -> Callable[[], None] | None:
        """Set the result of the call, and return what runs the callbacks, if there are any."""
        with _lock:
            if self._made_condition is None:
                # Nothing waits, and it was not cancelled, because that needs the condition.
                self._result, self._exception = value, error
                self._state = _FINISHED
                callbacks, self._waiting, self._called = self._waiting, None, True
                return (lambda: self._run(callbacks)) if callbacks else None
        if not self.set_running_or_notify_cancel():
            return None
        if error is None:
            self.set_result(value)  # type: ignore[arg-type]
        else:
            self.set_exception(error)
        taken = self._take()
        return (lambda: self._run(taken)) if taken else None

    def _take(self) -> list[Callable[[Future[T]], object]]:
        """Return the callbacks, once, after the future has completed."""
        with _lock:
            taken, self._waiting, self._called = self._waiting, None, True
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
) -> list[tuple[int, Callable[[], None]]]:
    """Complete futures with the results of their calls. Return what runs callbacks, with the indices of the futures."""
    with_callbacks: list[tuple[int, Callable[[], None]]] = []
    for number, (future, value, error) in enumerate(batch):
        try:
            run = future._complete(value, error)
        except Exception:
            # The program has completed it itself. That must not delay the others.
            _logger.exception("could not complete %r with the result of its call", future)
            continue
        if run is not None:
            with_callbacks.append((number, run))
    return with_callbacks
