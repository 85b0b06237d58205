"""Words with a fixed meaning: kinds of messages and errors, and the choices that options take."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TypeAlias

Data: TypeAlias = bytes | bytearray | memoryview | str
"""What can be sent: bytes of any kind; text goes as UTF-8."""


class MessageKind(StrEnum):
    """How a message was sent."""

    UNICAST = "unicast"
    """To one subscriber that the node picked."""
    BROADCAST = "broadcast"
    """To all subscribers."""


class Retry(StrEnum):
    """When a failed publish is tried again by itself."""

    NEVER = "never"
    """Never."""
    DEFINITE = "definite"
    """On another node, when the failure says that nothing was delivered. The default."""
    AT_LEAST_ONCE = "at_least_once"
    """Also when it may have been delivered: the message may be handled more than once."""


class Overflow(StrEnum):
    """What a full subscription does with a further message."""

    REFUSE = "refuse"
    """Refuses it; the publisher of a unicast is told that the subscriber is busy. The default."""
    DROP_OLDEST = "drop_oldest"
    """Gives up the oldest accepted messages to make room."""


class Placement(StrEnum):
    """At how many nodes a subscription or service is listed."""

    ALL = "all"
    """At all connected nodes. The default for subscriptions."""
    ONE = "one"
    """At one at a time, moved when it is lost. The default for services."""


class Delivery(StrEnum):
    """Whether a failed message may have reached a subscriber all the same."""

    NO = "no"
    """It has not: sending it again can't make a duplicate."""
    MAYBE = "maybe"
    """It may have been delivered; a further try may be a duplicate."""


class ErrorKind(IntEnum):
    """What went wrong, as a number that is the same in every language. 100 to 104 are the node's own codes."""

    INVALID_ARGUMENT = 1
    """An argument is unusable: empty, out of range, not UTF-8."""
    INVALID_TOPIC = 2
    """A topic is empty, longer than 254 bytes, or holds a TAB or NUL."""
    INVALID_ENDPOINT = 3
    """An endpoint isn't ``host:port``, ``IPv4:port`` or ``[IPv6]:port``."""
    TOO_LARGE = 4
    """The message doesn't fit one frame (100 MiB - 64 KiB)."""

    CREDENTIALS_NOT_FOUND = 20
    """No credentials were given and none found; the text lists every place tried."""
    CREDENTIALS_INVALID = 21
    """A certificate or key can't be read or parsed."""
    KEY_ENCRYPTED = 22
    """The private key is encrypted."""
    KEY_MISMATCH = 23
    """The private key doesn't belong to the certificate."""
    CERTIFICATE_DATES = 24
    """An own certificate or the CA is expired or not yet valid."""

    RESOLVE = 30
    """The host name can't be resolved."""
    CONNECT = 31
    """TCP connect failed: nothing listens there, or no route."""
    CONNECT_TIMEOUT = 32
    """TCP, TLS or handshake didn't end within the connect limit."""
    TLS = 33
    """The TLS handshake failed."""
    NODE_CERTIFICATE = 34
    """This client refused the node's certificate."""
    CLIENT_CERTIFICATE = 35
    """The node refused this client's certificate."""
    TLS_NO_COMMON = 36
    """Node and client share no cipher suite or curve."""
    HANDSHAKE = 37
    """The node refused the channel handshake: no common protocol version."""
    LISTEN = 38
    """The embedded node can't listen on its port."""

    NOT_CONNECTED = 40
    """No node is connected at the moment."""
    CONNECTION_LOST = 41
    """The connection went away while the call was in flight."""
    PROTOCOL = 42
    """The node or a subscriber violated the protocol."""

    TIMEOUT = 50
    """The call's own deadline passed."""
    CANCELLED = 51
    """The call was cancelled."""
    CLOSED = 52
    """The client is closed or closing."""
    OVERLOADED = 53
    """A bound of this client is reached: calls in flight, or bytes queued to send."""

    NO_SUBSCRIBER = 100
    """No node knows a subscriber of the topic, or all of them failed."""
    REMOTE_NODE = 101
    """Older nodes: the remote node could not reach its SDK."""
    NODE_TIMEOUT = 102
    """The node's own time limit passed."""
    BANDWIDTH = 103
    """The node's AMOP bandwidth limit rejected the message."""
    SUBSCRIBER_UNREACHABLE = 104
    """The remote node had no subscriber left to try."""
    REMOTE = 199
    """Any other code that a node or a subscriber answered; see ``Error.node_code``."""

    SUBSCRIBER_FAILED = 200
    """The subscriber's handler failed."""
    SUBSCRIBER_DROPPED = 201
    """The subscriber dropped the request unanswered."""
    SUBSCRIBER_TOO_SLOW = 202
    """The subscriber's handler didn't answer before the node's limit."""
    SUBSCRIBER_BUSY = 203
    """Every queue of the subscriber was full."""
    SUBSCRIBER_UNSUBSCRIBED = 204
    """The subscriber has just left the topic."""

    ALREADY_SERVED = 300
    """This client serves the topic already."""
    WOULD_DEADLOCK = 301
    """The call would wait for the very handler that makes it."""
    UNSUPPORTED = 302
    """This build, or this node, doesn't have it."""
    FORKED = 303
    """The process forked after the library had started; the child can't use it."""
    RUNTIME = 304
    """The library's threads could not be started."""
    ALREADY_ANSWERED = 305
    """The request was answered before."""
    REQUEST_EXPIRED = 306
    """The request's time is over: the library has answered it, or its connection is gone."""
    INTERNAL = 307
    """A bug in the library."""
