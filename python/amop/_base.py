"""The common parts of clients and readers for threads and for asyncio."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Generic, TypeVar

from . import _amop
from ._errors import Error, unusable
from ._private import keys_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._private import Key

Item = TypeVar("Item")
Held = TypeVar("Held")


class BaseClient(Generic[Held]):
    """The part of a client that does not wait."""

    _name = "amop.Client"

    def __init__(self, native: _amop.Client, endpoints: Sequence[str]) -> None:
        self._native = native
        # Without endpoints the client has those of its configuration file.
        self._endpoints = list(endpoints) or [node.endpoint for node in native.stats().endpoints]
        # Keeps the handlers alive, because the native half has weak references only.
        self._handlers: set[Held] = set()
        self._closed = False
        self._process = os.getpid()

    def stats(self) -> _amop.Stats:
        """Return the current statistics.

        :raises ForkError: in a child process of a fork.
        """
        return self._native.stats()

    def _open_private_topic(self, topic: str, keys: Iterable[Key]) -> _amop.PrivateTopic:
        return self._native.private_topic(topic, keys_data(keys))

    def add_endpoint(self, endpoint: str) -> None:
        """Add an endpoint to connect to. Do nothing if the client already has it.

        :raises ArgumentError: the endpoint is not ``host:port``.
        :raises ClosedError: the client is closed.
        """
        self._native.add_endpoint(endpoint)
        if endpoint not in self._endpoints:
            self._endpoints.append(endpoint)

    def remove_endpoint(self, endpoint: str) -> None:
        """Remove an endpoint. Do nothing if the client has no such endpoint.

        Queued messages are still written. The connection is closed once no call is in flight and no request
        unanswered, or after the ``close_timeout``; calls still in flight then fail with CONNECTION_LOST. Topics
        listed only at that node move to another.

        :raises ArgumentError: the endpoint is not ``host:port``.
        :raises ClosedError: the client is closed.
        """
        self._native.remove_endpoint(endpoint)
        if endpoint in self._endpoints:
            self._endpoints.remove(endpoint)

    @property
    def endpoints(self) -> list[str]:
        """The endpoints of the client, as they were added."""
        return list(self._endpoints)

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def __repr__(self) -> str:
        state = " closed" if self._closed else ""
        return f"<{self._name} {', '.join(self._endpoints)}{state}>"

    def __del__(self) -> None:
        # A client that could not be created has no such attributes.
        if not getattr(self, "_closed", True) and self._process == os.getpid():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)


class BaseInbox(Generic[Item]):
    """The part of a subscription or service that does not wait."""

    _name = ""

    def __init__(self, topic: str, inbox: _amop.Inbox | None, guard: _amop.Guard | None) -> None:
        self._topic = topic
        # Without a handler there is an inbox only, with one a guard only; in event loops a handler has both.
        self._inbox = inbox
        self._guard = guard

    @property
    def topic(self) -> str:
        """The topic."""
        return self._topic

    def stats(self) -> _amop.SubscriptionStats:
        """Return the current statistics.

        :raises ForkError: in a child process of a fork.
        """
        if self._guard is not None:
            return self._guard.stats()
        return self._reading().stats()

    def _reading(self) -> _amop.Inbox:
        if self._guard is not None or self._inbox is None:
            raise unusable(f"the messages of {self._topic!r} are passed to its handler and can't be read")
        return self._inbox

    def __repr__(self) -> str:
        how = "read" if self._guard is None else "handled"
        try:
            stats = self.stats()
        except Error:
            return f"<{self._name} topic={self._topic!r} {how}>"
        counts = f"held={stats.held_messages} accepted={stats.accepted} refused={stats.refused}"
        return f"<{self._name} topic={self._topic!r} {how} {counts} dropped={stats.dropped}>"
