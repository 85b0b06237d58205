"""Connects event loops with the native half: one bridge for each loop, created when it is first needed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import weakref
from typing import TypeVar

from .. import _amop
from .._errors import ForkError, InternalError
from .._words import ErrorKind

T = TypeVar("T")

_FAULTS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP")
"""The signals that a thread raises by what it executes."""

A_TURN = 64
"""The number of items that are taken without a pause before other tasks of the loop run."""

# The bridges by the identity of their loops. The weak references remove them with the loops, before another object can
# have the same identity; a WeakKeyDictionary would cost more for each call.
_bridges: dict[int, _amop.Bridge] = {}
_loops: dict[int, weakref.ref[asyncio.AbstractEventLoop]] = {}


def bridge() -> _amop.Bridge:
    """Return the bridge of the running loop."""
    loop = asyncio.get_running_loop()
    found = _bridges.get(id(loop))
    return found if found is not None else _make(loop)


def _make(loop: asyncio.AbstractEventLoop) -> _amop.Bridge:
    # A copy of the keys, because loops may be collected meanwhile.
    for key in tuple(_loops):
        reference = _loops.get(key)
        other = reference() if reference is not None else None
        if other is not None and other.is_closed():
            _drop(key)
    made = _amop.Bridge(loop, watched=True)
    try:
        loop.add_reader(made.fileno(), made.drain)
    except NotImplementedError:
        made = _amop.Bridge(loop, watched=False)
        wake = threading.Thread(target=_wake, args=(made, weakref.ref(loop)), name="amop-loop", daemon=True)
        try:
            _start_without_signals(wake)
        except RuntimeError as error:
            made.close()
            text = f"the thread 'amop-loop' could not be started ({error}): check RLIMIT_NPROC and the pids limit"
            raise InternalError(text, ErrorKind.RUNTIME) from error
    key = id(loop)

    def forget(reference: weakref.ref[asyncio.AbstractEventLoop]) -> None:
        # The entry may be that of a later loop if this one was closed.
        if _loops.get(key) is reference:
            _drop(key)

    _loops[key] = weakref.ref(loop, forget)
    _bridges[key] = made
    return made


def _drop(key: int) -> None:
    """Drop the bridge of a loop that can't receive results any more, with its calls and its thread."""
    _loops.pop(key, None)
    dropped = _bridges.pop(key, None)
    if dropped is not None:
        # A loop of the parent of a fork has no calls in this process.
        with contextlib.suppress(ForkError):
            dropped.close()


def _start_without_signals(thread: threading.Thread) -> None:
    """Start a thread that blocks all signals, like those of the core, so that a program can receive them by sigwait."""
    if not hasattr(signal, "pthread_sigmask"):
        thread.start()
        return
    blocked = {number for number in signal.valid_signals() if getattr(number, "name", "") not in _FAULTS}
    # Threads inherit the mask of the thread that starts them.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _wake(of_loop: _amop.Bridge, loop_reference: weakref.ref[asyncio.AbstractEventLoop]) -> None:
    """Wake a loop that can't watch descriptors, once per batch."""
    while of_loop.wait():
        loop = loop_reference()
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(of_loop.drain)
        except RuntimeError:
            # The loop was closed.
            return
        # Do not keep the loop alive while waiting.
        del loop


def cancel(task: asyncio.Task[T]) -> None:
    """Cancel a task, unless its loop is closed, which would refuse that."""
    if not task.get_loop().is_closed():
        task.cancel()


async def outcome(future: asyncio.Future[T]) -> T:
    """Wait for a call of the running loop. Cancelling this cancels the call."""
    own = bridge()
    try:
        return await future
    except (asyncio.CancelledError, GeneratorExit):
        own.cancel(future)
        raise


async def ready(inbox: _amop.Inbox) -> None:
    """Wait until there is something to take, or nothing ever again."""
    try:
        await outcome(inbox.ready(bridge()))
    except BaseException:
        # The wake may have been for this task, which takes nothing now.
        inbox.pass_on()
        raise
