"""Handlers in event loops: for each subscription or service a task takes messages and calls its handler."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import _amop
from .._logging import FAILED_TEXT, event_handler_failed, handler_failed
from .._words import Data
from ._bridge import A_TURN, cancel, ready

if TYPE_CHECKING:
    from ._client import Client

MessageHandler: TypeAlias = Callable[[_amop.Message], Awaitable[object] | object]
RequestHandler: TypeAlias = Callable[[_amop.Request], Awaitable[Data | None] | Data | None]


class Held:
    """A handler. The client holds it; the task that calls it has a weak reference only.

    So a client that is referenced by its own handlers can be collected.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise TypeError(f"the handler {function!r} is not callable")
        self.function = function


class _Call:
    """A call of a handler."""

    def __init__(self) -> None:
        self.running = True


_CALL: ContextVar[_Call | None] = ContextVar("amop_handler", default=None)


def in_handler() -> bool:
    """Return whether the caller runs in a handler, which must not wait for its own end."""
    call = _CALL.get()
    return call is not None and call.running


async def _called(function: Callable[[Any], Any], argument: object) -> Any:
    call = _Call()
    token = _CALL.set(call)
    try:
        returned = function(argument)
        return await returned if inspect.isawaitable(returned) else returned
    finally:
        # Tasks that the handler has started may outlive it.
        call.running = False
        _CALL.reset(token)


def _failed(client: weakref.ref[Client], topic: str, error: BaseException) -> None:
    text = handler_failed(topic, error, ending=False)
    living = client()
    if living is not None:
        living._native.report_failed(topic, text)


async def _ready(inbox: _amop.Inbox) -> bool:
    """Wait until there is something to take, and return whether there may be."""
    if inbox.ended:
        return False
    await ready(inbox)
    return True


async def messages(
    inbox: _amop.Inbox, topic: str, held: weakref.ref[Held], client: weakref.ref[Client]
) -> None:
    """Call a handler with each message, one after the other."""
    taken = 0
    try:
        while await _ready(inbox):
            while (message := inbox.try_next()) is not None:
                handler = held()
                if handler is None:
                    return
                try:
                    await _called(handler.function, message)
                except asyncio.CancelledError:
                    if _being_cancelled():
                        raise
                except Exception as error:
                    _failed(client, topic, error)
                # Do not keep them alive while waiting.
                del handler, message
                taken += 1
                if taken % A_TURN == 0:
                    await asyncio.sleep(0)
    finally:
        # Wake the tasks that wait for the end of the handler.
        inbox.finish()


async def events(inbox: _amop.Inbox, held: weakref.ref[Held]) -> None:
    """Call a handler with each event, one after the other."""
    taken = 0
    while await _ready(inbox):
        while (event := inbox.try_next()) is not None:
            handler = held()
            if handler is None:
                return
            try:
                await _called(handler.function, event)
            except asyncio.CancelledError:
                if _being_cancelled():
                    raise
            except Exception as error:
                event_handler_failed(error, ending=False)
            # Do not keep them alive while waiting.
            del handler, event
            taken += 1
            if taken % A_TURN == 0:
                await asyncio.sleep(0)


async def requests(
    inbox: _amop.Inbox, topic: str, held: weakref.ref[Held], client: weakref.ref[Client], concurrency: int
) -> None:
    """Call a handler with each request, up to `concurrency` at once."""
    taken = 0
    calls: set[asyncio.Task[None]] = set()
    free = asyncio.Semaphore(concurrency)

    def ended(call: asyncio.Task[None]) -> None:
        calls.discard(call)
        free.release()

    try:
        while await _ready(inbox):
            await free.acquire()
            request = inbox.try_next()
            handler = held()
            if request is None or handler is None:
                free.release()
                if handler is None:
                    return
                continue
            call = asyncio.get_running_loop().create_task(_answered(handler.function, request, topic, client))
            calls.add(call)
            call.add_done_callback(ended)
            del call, handler, request
            taken += 1
            if taken % A_TURN == 0:
                await asyncio.sleep(0)
        if calls:
            await asyncio.wait(calls)
    finally:
        for call in calls:
            cancel(call)
        inbox.finish()


async def _answered(
    function: Callable[[Any], Any], request: Any, topic: str, client: weakref.ref[Client]
) -> None:
    try:
        answer = await _called(function, request)
        if answer is not None:
            request.reply(answer)
    except asyncio.CancelledError:
        if request.is_open:
            request.fail(data=FAILED_TEXT)
        raise
    except Exception as error:
        _failed(client, topic, error)
        if request.is_open:
            request.fail(data=FAILED_TEXT)


def _being_cancelled() -> bool:
    """Return whether this task is being cancelled, and not only something that a handler waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
