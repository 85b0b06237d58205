"""Limits that tests give up at, none waits for them to pass; and events that tests wait for."""

from __future__ import annotations

from typing import TypeVar

import amop

GUARD = 60.0
"""Seconds."""

Kind = TypeVar("Kind", bound=amop.events.Event)


def told(events: amop.Events, kind: type[Kind]) -> Kind:
    """Wait for an event of this kind; others may come before, such as that a connection was made."""
    while True:
        event = events.next(GUARD)
        if isinstance(event, kind):
            return event


async def told_in_loop(events: amop.aio.Events, kind: type[Kind]) -> Kind:
    """Wait for the same in an event loop."""
    while True:
        event = await events.next(GUARD)
        if isinstance(event, kind):
            return event
