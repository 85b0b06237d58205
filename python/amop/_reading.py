"""Subscriptions, services and events for threads."""

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
    """A source that is read item by item, by any number of threads: each item goes to one of them."""

    _ended = "the source has ended"

    def _reading(self) -> _amop.Inbox:
        raise NotImplementedError

    def next(self, timeout: float | None = None) -> Read:
        """Return the next item, waiting for it.

        :param timeout: the longest wait in seconds; None waits without limit, 0 not at all.
        :raises CallTimeoutError: nothing arrived in time.
        :raises ClosedError: the source has ended, and everything has been read.
        :raises ForkError: in a child process of a fork.
        """
        item: Read | None = self._reading().next(timeout)
        if item is None:
            raise closed(self._ended)
        return item

    def next_many(self, limit: int, timeout: float | None = None) -> list[Read]:
        """Wait for the next item, and return all that are available then, up to `limit`.

        :raises ArgumentError: the limit is 0.
        :raises CallTimeoutError: nothing arrived in time.
        :raises ClosedError: the source has ended, and everything has been read.
        :raises ForkError: in a child process of a fork.
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
    """The common part of subscriptions and services."""

    _ended = "no more will arrive: it was unsubscribed, or the client is closed"

    def __init__(
        self, client: Client, topic: str, inbox: _amop.Inbox | None, guard: _amop.Guard | None
    ) -> None:
        super().__init__(topic, inbox, guard)
        # Keep the client alive, because its end is the end of this object.
        self._client = client

    def unsubscribe(self, timeout: float | None = None) -> None:
        """Stop accepting messages; the nodes receive a topic list without the topic.

        Queued messages can still be read. With a handler, return after it has processed them and its last call has
        returned; inside of a handler return at once. A second call does nothing.

        :param timeout: how long the handler gets, in seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: the handler has not returned in time; the rest was discarded and counted.
        :raises ForkError: in a child process of a fork.
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

    Messages are in the order in which their connection received them. A subscription without a handler unsubscribes
    when it is dropped; one with a handler continues until the client is closed. A ``with`` block unsubscribes at its
    end.
    """

    _name = "amop.Subscription"


class Service(Inbox[_amop.Request]):
    """A service: iterate over its requests and answer each, or leave them to its handler.

    A service without a handler ends when it is dropped; one with a handler continues until the client is closed. A
    ``with`` block ends it.
    """

    _name = "amop.Service"


class Events(Reader[Event]):
    """The events of a client, from the creation of this object on: iterate over it. It ends after ``events.Closed``.

    A reader that is too slow loses the oldest events beyond ``max_events``.
    """

    _ended = "no more events will arrive: the client is closed"

    def __init__(self, client: Client, inbox: _amop.Inbox) -> None:
        self._client = client
        self._inbox = inbox

    def _reading(self) -> _amop.Inbox:
        return self._inbox

    def __repr__(self) -> str:
        return f"<amop.Events of {self._client!r}>"
