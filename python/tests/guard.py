"""Time limits after which tests fail, and waits for events."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict, TypeVar

import amop
from amop.devnet import Devnet

if TYPE_CHECKING:
    from typing import Unpack

GUARD = 60.0
"""Seconds."""


class Limits(TypedDict):
    """Time limits of a client, in seconds."""

    connect_timeout: float
    call_timeout: float
    close_timeout: float
    answer_timeout: float


SHORT_LIMITS = (0.05, 0.4, 1.5, 4.0)
"""Limits to test one after the other: on a busy machine the first may pass before the step that a test is about."""

PATIENT: Limits = {
    "connect_timeout": GUARD,
    "call_timeout": GUARD,
    "close_timeout": GUARD,
    "answer_timeout": GUARD,
}
"""Time limits that no machine exceeds."""


class PatientDevnet(Devnet):
    """Nodes that wait long for replies, with clients that have such limits too, unless a test sets its own."""

    def patient(self) -> PatientDevnet:
        """Make the nodes wait for replies as long as a slow machine may take."""
        self.control(f"push-limit {GUARD}")
        return self

    def connect(self, node: int = 0, **options: Unpack[amop.ClientOptions]) -> amop.Client:
        limits: amop.ClientOptions = {**PATIENT, **options}
        return super().connect(node, **limits)


Kind = TypeVar("Kind", bound=amop.events.Event)


def wait_for_event(events: amop.Events, kind: type[Kind]) -> Kind:
    """Wait for an event of this kind, skipping others, such as that of the first connection."""
    while True:
        event = events.next(GUARD)
        if isinstance(event, kind):
            return event


async def wait_for_event_in_loop(events: amop.aio.Events, kind: type[Kind]) -> Kind:
    """Wait for an event of this kind in an event loop."""
    while True:
        event = await events.next(GUARD)
        if isinstance(event, kind):
            return event


def collect_until(condition: Callable[[], bool]) -> None:
    """Collect garbage until a condition holds.

    A thread of the library may keep an object until its call has returned.
    """
    deadline = time.monotonic() + GUARD
    while True:
        gc.collect()
        if condition():
            return
        assert time.monotonic() < deadline, "the condition does not hold"
        time.sleep(0.001)
