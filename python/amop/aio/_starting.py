"""Calls whose results can be awaited, or used without an ``await`` of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .. import _amop
from ._reading import Inbox, Service, Subscription

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

T = TypeVar("T")
Started = TypeVar("Started", bound=Inbox[Any])


class Starting(Coroutine[Any, Any, T]):
    """A call that has not begun: await it, or pass it to ``asyncio.create_task`` and the like."""

    def __init__(self, call: Coroutine[Any, Any, T]) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, Any, T]:
        return self._call.__await__()

    def send(self, value: Any, /) -> Any:
        """Continue the call; as of any coroutine."""
        return self._call.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception in the call; as of any coroutine."""
        return self._call.throw(*error)

    def close(self) -> None:
        """Drop the call; as of any coroutine."""
        self._call.close()

    def __repr__(self) -> str:
        return f"<amop.aio.{type(self).__name__}: await it, or use it with async with>"


class _Reading(Starting[Started], Generic[Started]):
    """A subscription or service that is being started.

    ``await`` returns it, and ``async with`` unsubscribes at the end of the block.
    """

    _started: Started | None = None

    async def _start(self) -> Started:
        if self._started is None:
            self._started = await self._call
        return self._started

    async def __aenter__(self) -> Started:
        return await self._start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._started is not None:
            await self._started.unsubscribe()


class Subscribing(_Reading[Subscription], AsyncIterator[_amop.Message]):
    """A subscription that is being started, see :meth:`Client.subscribe`.

    ``await`` returns the :class:`Subscription`; ``async with`` does, too, and unsubscribes at the end of the block;
    ``async for`` reads its messages.
    """

    async def __anext__(self) -> _amop.Message:
        return await (await self._start()).__anext__()


class Serving(_Reading[Service], AsyncIterator[_amop.Request]):
    """A service that is being started, see :meth:`Client.serve`.

    ``await`` returns the :class:`Service`; ``async with`` does, too, and ends it at the end of the block; ``async for``
    reads its requests.
    """

    async def __anext__(self) -> _amop.Request:
        return await (await self._start()).__anext__()
