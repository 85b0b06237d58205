"""What a client's events() gives: connections lost and restored, slow consumers, handlers that failed.

Take them apart by class::

    for event in client.events():
        match event:
            case amop.events.Lost(endpoint, error):
                print("lost", endpoint, error)
            case amop.events.SlowConsumer(topic):
                print("messages are being lost on", topic)
"""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import Error

__all__ = [
    "Closed",
    "ConnectFailed",
    "Connected",
    "Event",
    "HandlerFailed",
    "Lost",
    "Reconnected",
    "SlowConsumer",
]


class Event:
    """Something that the program may want to know."""


@dataclass(frozen=True)
class Connected(Event):
    """A node is connected for the first time."""

    endpoint: str
    """The endpoint as given."""
    node_version: str
    """What the node calls itself, say ``2.11.2``."""
    protocol: int
    """The agreed protocol version, 1 to 3."""


@dataclass(frozen=True)
class Reconnected(Event):
    """A node is connected again and lists all topics of this client."""

    endpoint: str
    """The endpoint as given."""
    node_version: str
    """What the node calls itself, say ``2.11.2``."""
    protocol: int
    """The agreed protocol version, 1 to 3."""


@dataclass(frozen=True)
class Lost(Event):
    """A connection is lost; the client reconnects by itself."""

    endpoint: str
    """The endpoint as given."""
    error: Error
    """Why."""


@dataclass(frozen=True)
class ConnectFailed(Event):
    """A try to connect failed; the next comes by itself."""

    endpoint: str
    """The endpoint as given."""
    error: Error
    """Why."""


@dataclass(frozen=True)
class SlowConsumer(Event):
    """A subscription begins to lose messages. Once per episode; its figures tell how many."""

    topic: str
    """The subscription's topic."""


@dataclass(frozen=True)
class HandlerFailed(Event):
    """A handler raised an exception; delivery goes on."""

    topic: str
    """The subscription's topic."""
    message: str
    """The exception's text."""


@dataclass(frozen=True)
class Closed(Event):
    """The client is closed; the last event."""
