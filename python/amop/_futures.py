"""Futures of calls that do not wait."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, TypeVar

from . import _amop

T = TypeVar("T")


class CallFuture(Future[T]):
    """The result of a call in flight. Cancelling it cancels the call.

    A message that has been written can't be recalled; then the reply is only no longer waited for. Callbacks run on
    the client's dispatcher threads, one after the other.
    """

    _started: _amop.Started | None = None

    def cancel(self) -> bool:
        """Cancel the call, unless it has completed, and return whether it was cancelled."""
        cancelled = super().cancel()
        if cancelled and self._started is not None:
            self._started.cancel()
        return cancelled


def complete(batch: list[tuple[CallFuture[Any], object, BaseException | None]]) -> None:
    """Complete futures with the results of their calls."""
    for future, value, error in batch:
        if not future.set_running_or_notify_cancel():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
