"""Time limits after which tests fail, and waits for events."""

from __future__ import annotations

from typing import TypeVar

import amop

GUARD = 60.0
"""Seconds."""

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
