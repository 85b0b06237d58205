"""What clients, and what is read from them, have in common in both faces."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Generic, TypeVar

from . import _amop
from ._errors import Error, unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")
Held = TypeVar("Held")


class BaseClient(Generic[Held]):
    """The part of a client that waits for nothing."""

    _name = "amop.Client"

    def __init__(self, native: _amop.Client, endpoints: Sequence[str]) -> None:
        self._native = native
        self._endpoints = list(endpoints)
        # What keeps handlers alive: the native half knows them weakly.
        self._handlers: set[Held] = set()
        self._closed = False
        self._process = os.getpid()

    def stats(self) -> _amop.Stats:
        """Give the figures at this moment.

        :raises ForkError: in the child of a fork.
        """
        return self._native.stats()

    def add_endpoint(self, endpoint: str) -> None:
        """Name a further node to connect to, from now on. One that is there already changes nothing.

        :raises ArgumentError: it isn't ``host:port``.
        :raises ClosedError: the client is closed.
        """
        self._native.add_endpoint(endpoint)
        if endpoint not in self._endpoints:
            self._endpoints.append(endpoint)

    def remove_endpoint(self, endpoint: str) -> None:
        """Leave a node: what is queued for it is still written, calls in flight there end as lost.

        One that isn't there changes nothing.

        :raises ArgumentError: it isn't ``host:port``.
        :raises ClosedError: the client is closed.
        """
        self._native.remove_endpoint(endpoint)
        if endpoint in self._endpoints:
            self._endpoints.remove(endpoint)

    @property
    def endpoints(self) -> list[str]:
        """The nodes that it connects to, as they were given."""
        return list(self._endpoints)

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def __repr__(self) -> str:
        state = " closed" if self._closed else ""
        return f"<{self._name} {', '.join(self._endpoints)}{state}>"

    def __del__(self) -> None:
        # A client that could not be made has none of this.
        if not getattr(self, "_closed", True) and self._process == os.getpid():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)


class BaseInbox(Generic[Item]):
    """The part of what is read message by message, or goes to a handler, that waits for nothing."""

    _name = ""

    def __init__(self, topic: str, inbox: _amop.Inbox | None, guard: _amop.Guard | None) -> None:
        self._topic = topic
        # What is read has the first, what goes to a handler the second; in event loops such have both.
        self._inbox = inbox
        self._guard = guard

    @property
    def topic(self) -> str:
        """The topic."""
        return self._topic

    def stats(self) -> _amop.SubscriptionStats:
        """Give what it holds, was given and lost so far.

        :raises ForkError: in the child of a fork.
        """
        if self._guard is not None:
            return self._guard.stats()
        return self._reading().stats()

    def _reading(self) -> _amop.Inbox:
        if self._guard is not None or self._inbox is None:
            raise unusable(f"what comes on {self._topic!r} goes to its handler, so it can't be read too")
        return self._inbox

    def __repr__(self) -> str:
        how = "read" if self._guard is None else "handled"
        try:
            stats = self.stats()
        except Error:
            return f"<{self._name} topic={self._topic!r} {how}>"
        counts = f"held={stats.held_messages} accepted={stats.accepted} refused={stats.refused}"
        return f"<{self._name} topic={self._topic!r} {how} {counts} dropped={stats.dropped}>"
