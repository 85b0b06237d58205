"""Subscriptions, services and events for asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from .. import _amop
from .._base import BaseInbox, Item
from .._errors import closed, nothing_arrived, unusable
from .._warnings import LIKELY_MILLISECONDS, warn_of_milliseconds
from ..events import Event
from ._bridge import A_TURN, bridge, outcome, ready
from ._handlers import in_handler

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._client import Client

Read = TypeVar("Read")


class Reader(Generic[Read]):
    """A source that is read item by item, by any number of tasks: each item goes to one of them."""

    _ended = "the source has ended"
    _given = 0

    def _reading(self) -> _amop.Inbox:
        raise NotImplementedError

    async def _ready(self) -> Read | None:
        """Return the next item, or None after the last one. Nothing is lost if this is cancelled."""
        inbox = self._reading()
        self._given += 1
        if self._given >= A_TURN:
            self._given = 0
            await asyncio.sleep(0)
        item: Read | None = inbox.try_next()
        while item is None and not inbox.ended:
            self._given = 0
            await ready(inbox)
            item = inbox.try_next()
        return item

    async def _ready_within(self, timeout: float) -> Read | None:
        if not hasattr(timeout, "__float__"):
            raise TypeError(f"timeout must be a number of seconds, not {type(timeout).__name__}")
        if timeout > LIKELY_MILLISECONDS:
            warn_of_milliseconds("timeout", timeout)
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                return await self._ready()
        except TimeoutError:
            if not limit.expired():
                raise
            raise nothing_arrived(timeout) from None

    async def next(self, timeout: float | None = None) -> Read:
        """Return the next item, waiting for it. Nothing is lost if this is cancelled.

        :param timeout: the longest wait in seconds; None waits without limit, 0 not at all.
        :raises CallTimeoutError: nothing arrived in time.
        :raises ClosedError: the source has ended, and everything has been read.
        :raises ForkError: in a child process of a fork.
        """
        if timeout is None:
            item = await self._ready()
        else:
            inbox = self._reading()
            item = inbox.try_next()
            if item is None and not inbox.ended:
                if timeout == 0:
                    raise nothing_arrived(timeout)
                item = await self._ready_within(timeout)
        if item is None:
            raise closed(self._ended)
        return item

    async def next_many(self, limit: int, timeout: float | None = None) -> list[Read]:
        """Wait for the next item, and return all that are available then, up to `limit`.

        :raises ArgumentError: the limit is 0.
        :raises CallTimeoutError: nothing arrived in time.
        :raises ClosedError: the source has ended, and everything has been read.
        :raises ForkError: in a child process of a fork.
        """
        if not hasattr(limit, "__index__"):
            raise TypeError(f"limit must be an int, not {type(limit).__name__}")
        if limit < 1:
            raise unusable(f"invalid limit {limit}: use 1 or more")
        items = [await self.next(timeout)]
        inbox = self._reading()
        while len(items) < limit and (item := inbox.try_next()) is not None:
            items.append(item)
        return items

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Read:
        item = await self._ready()
        if item is None:
            raise StopAsyncIteration
        return item


class Inbox(BaseInbox[Item], Reader[Item]):
    """The common part of subscriptions and services."""

    _ended = "no more will arrive: it was unsubscribed, or the client is closed"

    def __init__(
        self, client: Client, topic: str, inbox: _amop.Inbox, guard: _amop.Guard | None = None
    ) -> None:
        super().__init__(topic, inbox, guard)
        # Keep the client alive, because its end is the end of this object.
        self._client = client

    async def unsubscribe(self, timeout: float | None = None) -> None:
        """Stop accepting messages; the nodes receive a topic list without the topic.

        Queued messages can still be read. With a handler, return after it has processed them and its last call has
        returned; inside of a handler return at once. A second call does nothing.

        :param timeout: how long the handler gets, in seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: the handler has not returned in time; the rest was discarded and counted.
        :raises ForkError: in a child process of a fork.
        """
        if self._guard is None:
            self._reading().unsubscribe()
        elif in_handler():
            self._guard.leave()
        else:
            await outcome(self._guard.end(timeout, bridge()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.unsubscribe()


class Subscription(Inbox[_amop.Message]):
    """A subscription: iterate over its messages, or leave them to its handler.

    Messages are in the order in which their connection received them. A subscription without a handler unsubscribes
    when it is dropped; one with a handler continues until the client is closed. An ``async with`` block unsubscribes
    at its end.
    """

    _name = "amop.aio.Subscription"


class Service(Inbox[_amop.Request]):
    """A service: iterate over its requests and answer each, or leave them to its handler.

    A service without a handler ends when it is dropped; one with a handler continues until the client is closed. An
    ``async with`` block ends it.
    """

    _name = "amop.aio.Service"


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
        return f"<amop.aio.Events of {self._client!r}>"
