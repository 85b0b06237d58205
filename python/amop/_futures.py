"""Futures of calls that nobody waits for."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, TypeVar

from . import _amop

T = TypeVar("T")


class CallFuture(Future[T]):
    """The outcome of a call under way; cancelling it ends the call.

    A call that has been written can't be taken back: then it is only not waited for any more. Callbacks run on the
    client's dispatcher threads, one after the other.
    """

    _started: _amop.Started | None = None

    def cancel(self) -> bool:
        """End the call, unless it has ended; whether it was cancelled."""
        cancelled = super().cancel()
        if cancelled and self._started is not None:
            self._started.cancel()
        return cancelled


def complete(batch: list[tuple[CallFuture[Any], object, BaseException | None]]) -> None:
    """Tell futures how their calls ended."""
    for future, value, error in batch:
        if not future.set_running_or_notify_cancel():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
