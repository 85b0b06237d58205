"""Time limits after which tests fail, and waits for events."""

from __future__ import annotations

from typing import TypedDict, TypeVar

import amop

GUARD = 60.0
"""Seconds."""


class Limits(TypedDict):
    """Time limits of a client, in seconds."""

    connect_timeout: float
    call_timeout: float
    close_timeout: float


SHORT_LIMITS = (0.05, 0.4, 1.5, 4.0)
"""Limits to test one after the other: on a busy machine the first may pass before the step that a test is about."""

PATIENT: Limits = {"connect_timeout": GUARD, "call_timeout": GUARD, "close_timeout": GUARD}
"""Time limits that no machine exceeds."""

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
