"""Subscriptions, services and events as threads read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from . import _amop
from ._base import BaseInbox, Item
from ._errors import closed
from .events import Event

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._client import Client

Read = TypeVar("Read")


class Reader(Generic[Read]):
    """Something that is read item by item, by any number of threads: each item goes to one of them."""

    _ended = "it has ended"

    def _reading(self) -> _amop.Inbox:
        raise NotImplementedError

    def next(self, timeout: float | None = None) -> Read:
        """Give the next one, and wait for it.

        :param timeout: the longest wait in seconds; None waits as long as it takes, 0 not at all.
        :raises CallTimeoutError: none came in time.
        :raises ClosedError: it has ended, and all was read.
        :raises ForkError: in the child of a fork.
        """
        item: Read | None = self._reading().next(timeout)
        if item is None:
            raise closed(self._ended)
        return item

    def next_many(self, limit: int, timeout: float | None = None) -> list[Read]:
        """Wait for the next one, and give all that are there then, up to `limit`.

        :raises ArgumentError: the limit is 0.
        :raises CallTimeoutError: none came in time.
        :raises ClosedError: it has ended, and all was read.
        :raises ForkError: in the child of a fork.
        """
        items: list[Read] = self._reading().next_many(limit, timeout)
        if not items:
            raise closed(self._ended)
        return items

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Read:
        item: Read | None = self._reading().next(None)
        if item is None:
            raise StopIteration
        return item


class Inbox(BaseInbox[Item], Reader[Item]):
    """What subscriptions and services share."""

    _ended = "no more will come: the client is closed, or it was unsubscribed"

    def __init__(
        self, client: Client, topic: str, inbox: _amop.Inbox | None, guard: _amop.Guard | None
    ) -> None:
        super().__init__(topic, inbox, guard)
        # Nobody else may hold it, and then what is read here would end.
        self._client = client

    def unsubscribe(self, timeout: float | None = None) -> None:
        """Take no more, and tell the node.

        What is queued can still be read. With a handler it returns after the handler has worked that off and its last
        call has returned; called from inside a handler it returns at once. A second one changes nothing.

        :param timeout: how long the handler gets, in seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: the handler hasn't returned in time; the rest was dropped and counted.
        :raises ForkError: in the child of a fork.
        """
        if self._guard is None:
            self._reading().unsubscribe()
        else:
            self._guard.end(timeout)
            self._client._forget_handlers()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unsubscribe()


class Subscription(Inbox[_amop.Message]):
    """A subscription: iterate over its messages, or leave them to its handler.

    Messages come in the order in which their connection received them. When it is dropped it unsubscribes, unless it
    has a handler: that goes on until the client closes. ``with`` unsubscribes at its end.
    """

    _name = "amop.Subscription"


class Service(Inbox[_amop.Request]):
    """A service: iterate over its requests and answer each, or leave them to its handler.

    When it is dropped it ends, unless it has a handler: that goes on until the client closes. ``with`` ends it.
    """

    _name = "amop.Service"


class Events(Reader[Event]):
    """What happens to a client, from the moment this was made: iterate over it. Ends after ``events.Closed``.

    Bounded by ``max_events``: who doesn't read loses the oldest.
    """

    _ended = "no more events will come: the client is closed"

    def __init__(self, client: Client, inbox: _amop.Inbox) -> None:
        self._client = client
        self._inbox = inbox

    def _reading(self) -> _amop.Inbox:
        return self._inbox

    def __repr__(self) -> str:
        return f"<amop.Events of {self._client!r}>"
