"""The events of a client: lost and restored connections, slow consumers, failed handlers.

Match them by class::

    for event in client.events():
        match event:
            case amop.events.Lost(endpoint, error):
                print("lost", endpoint, error)
            case amop.events.SlowConsumer(topic):
                print("messages are being lost on", topic)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ._errors import Error

__all__ = [
    "CertificateExpiring",
    "Closed",
    "ConnectFailed",
    "Connected",
    "Event",
    "HandlerFailed",
    "Lost",
    "Reconnected",
    "Rejected",
    "SlowConsumer",
    "Verified",
]


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__"]


class Event:
    """The base of all events."""


@dataclass(frozen=True)
class Connected(Event):
    """The client connected to a node for the first time."""

    endpoint: str
    """The endpoint, as it was added."""
    node_version: str
    """The version that the node reported, such as ``2.11.2``."""
    protocol: int
    """The negotiated protocol version, 1 to 3."""


@dataclass(frozen=True)
class Reconnected(Event):
    """The client reconnected to a node, and its topics are listed there again."""

    endpoint: str
    """The endpoint, as it was added."""
    node_version: str
    """The version that the node reported, such as ``2.11.2``."""
    protocol: int
    """The negotiated protocol version, 1 to 3."""


@dataclass(frozen=True)
class Lost(Event):
    """A connection was lost; the client reconnects automatically."""

    endpoint: str
    """The endpoint, as it was added."""
    error: Error
    """The reason."""


@dataclass(frozen=True)
class ConnectFailed(Event):
    """An attempt to connect failed; the client will try again."""

    endpoint: str
    """The endpoint, as it was added."""
    error: Error
    """The reason."""


@dataclass(frozen=True)
class SlowConsumer(Event):
    """A subscription or service has begun to lose messages. Emitted once per episode.

    Its statistics count the messages.
    """

    topic: str
    """The topic of the subscription or service."""


@dataclass(frozen=True)
class HandlerFailed(Event):
    """A handler raised an exception. Delivery continues."""

    topic: str
    """The topic of the subscription or service."""
    message: str
    """The text of the exception."""


@dataclass(frozen=True)
class Verified(Event):
    """A subscriber of a private topic has proved to hold an allowed key.

    The node passes messages on to the subscribers at that subscriber's node. A node that verified them for an earlier
    publisher does not ask again, so that no event is emitted.
    """

    topic: str
    """The name of the private topic."""
    endpoint: str
    """The node that passes messages on, as it was added."""
    node_id: str
    """The id of the subscriber's node."""
    key: str
    """The public key that the subscriber holds, as 130 hex digits."""


@dataclass(frozen=True)
class Rejected(Event):
    """A subscriber of a private topic could not be verified.

    Emitted when the reason is a new one for this topic and these nodes.
    """

    topic: str
    """The name of the private topic."""
    endpoint: str
    """The node that has asked for the verification, as it was added."""
    node_id: str
    """The id of the subscriber's node."""
    key: str | None
    """The public key that the subscriber has signed with, if it has and it can be known."""
    reason: str
    """Why, and what follows."""


@dataclass(frozen=True)
class CertificateExpiring(Event):
    """A certificate in use ends soon, see the option ``expiry_warning``.

    Emitted once for each certificate. A listener that is created after that receives it first.
    """

    certificate: str
    """The subject of the certificate, and the file that holds it."""
    expires: datetime
    """The last moment at which it is valid, in UTC."""


@dataclass(frozen=True)
class Closed(Event):
    """The client is closed. The last event."""
