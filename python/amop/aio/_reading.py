"""Subscriptions, services and events as coroutines read them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from .. import _amop
from .._base import BaseInbox, Item
from .._errors import closed, timed_out, unusable
from ..events import Event
from ._bridge import A_TURN, bridge, outcome
from ._handlers import in_handler

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._client import Client

Read = TypeVar("Read")


class Reader(Generic[Read]):
    """Something that is read item by item, by any number of tasks: each item goes to one of them."""

    _ended = "it has ended"
    _given = 0

    def _reading(self) -> _amop.Inbox:
        raise NotImplementedError

    async def _ready(self) -> Read | None:
        """Give the next item; None after the last. Nothing is lost when this is cancelled."""
        inbox = self._reading()
        self._given += 1
        if self._given >= A_TURN:
            self._given = 0
            await asyncio.sleep(0)
        item: Read | None = inbox.try_next()
        while item is None and not inbox.ended:
            self._given = 0
            await outcome(inbox.ready(bridge()))
            item = inbox.try_next()
        return item

    async def next(self, timeout: float | None = None) -> Read:
        """Give the next one, and wait for it. Nothing is lost when this is cancelled.

        :param timeout: the longest wait in seconds; None waits as long as it takes, 0 not at all.
        :raises CallTimeoutError: none came in time.
        :raises ClosedError: it has ended, and all was read.
        :raises ForkError: in the child of a fork.
        """
        if timeout is None:
            item = await self._ready()
        else:
            item = self._reading().try_next()
            if item is None:
                limit = asyncio.timeout(timeout)
                try:
                    async with limit:
                        item = await self._ready()
                except TimeoutError:
                    if not limit.expired():
                        raise
                    raise timed_out(
                        f"nothing came within {timeout} s; wait longer, or see whether anybody publishes"
                    ) from None
        if item is None:
            raise closed(self._ended)
        return item

    async def next_many(self, limit: int, timeout: float | None = None) -> list[Read]:
        """Wait for the next one, and give all that are there then, up to `limit`.

        :raises ArgumentError: the limit is 0.
        :raises CallTimeoutError: none came in time.
        :raises ClosedError: it has ended, and all was read.
        :raises ForkError: in the child of a fork.
        """
        if limit < 1:
            raise unusable(f"limit is {limit}: nothing could be taken; take 1 or more")
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
    """What subscriptions and services share."""

    _ended = "no more will come: the client is closed, or it was unsubscribed"

    def __init__(
        self, client: Client, topic: str, inbox: _amop.Inbox, guard: _amop.Guard | None = None
    ) -> None:
        super().__init__(topic, inbox, guard)
        # Nobody else may hold it, and then what is read here would end.
        self._client = client

    async def unsubscribe(self, timeout: float | None = None) -> None:
        """Take no more, and tell the node.

        What is queued can still be read. With a handler it returns after the handler has worked that off and its last
        call has returned; called from inside a handler it returns at once. A second one changes nothing.

        :param timeout: how long the handler gets, in seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: the handler hasn't returned in time; the rest was dropped and counted.
        :raises ForkError: in the child of a fork.
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

    Messages come in the order in which their connection received them. When it is dropped it unsubscribes, unless it
    has a handler: that goes on until the client closes. ``async with`` unsubscribes at its end.
    """

    _name = "amop.aio.Subscription"


class Service(Inbox[_amop.Request]):
    """A service: iterate over its requests and answer each, or leave them to its handler.

    When it is dropped it ends, unless it has a handler: that goes on until the client closes. ``async with`` ends it.
    """

    _name = "amop.aio.Service"


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
        return f"<amop.aio.Events of {self._client!r}>"
