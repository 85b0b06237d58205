"""Enumerations: kinds of messages and errors, and the choices of options."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Data: TypeAlias = Buffer | str
    """Types that can be sent: any object with the buffer protocol, such as ``bytes``, ``bytearray``, ``memoryview`` and
    arrays, or ``str``, which is encoded as UTF-8."""
else:
    # Python 3.11 has no class for the buffer protocol.
    Data = bytes | bytearray | memoryview | str


class MessageKind(StrEnum):
    """How a message was sent."""

    UNICAST = "unicast"
    """To one subscriber, chosen by the node."""
    BROADCAST = "broadcast"
    """To all subscribers."""


class EndpointState(StrEnum):
    """The state of an endpoint."""

    ENDED = "ended"
    """The client is closed, or the endpoint was removed."""
    DOWN = "down"
    """The last attempt to connect failed, or the session was lost. The client will try again."""
    CONNECTING = "connecting"
    """The first attempt to connect is in progress."""
    CONNECTED = "connected"
    """A session is established."""


class VerificationState(StrEnum):
    """Where the verification of the subscribers of a private topic stands."""

    PENDING = "pending"
    """The first one is under way."""
    VERIFIED = "verified"
    """The node passes messages on."""
    REJECTED = "rejected"
    """The subscriber was not verified the last time, so that the node passes no messages on."""


class Generation(StrEnum):
    """Which generations of nodes a client connects to. All nodes of one client are of one generation."""

    AUTO = "auto"
    """The client finds out. The kind of certificate decides what is tried first. The default."""
    V2 = "2"
    """2.x only: the channel protocol."""
    V3 = "3"
    """3.x only: WebSocket."""


class Retry(StrEnum):
    """When a failed publish or broadcast is retried automatically."""

    NEVER = "never"
    """Never."""
    DEFINITE = "definite"
    """On another node, if the error states that the message was not delivered. The default."""
    AT_LEAST_ONCE = "at_least_once"
    """Also if the message may have been delivered: it may be handled more than once."""


class Overflow(StrEnum):
    """What a full subscription does with a new message."""

    REFUSE = "refuse"
    """Refuses it; the publisher of a unicast receives SUBSCRIBER_BUSY. The default."""
    DROP_OLDEST = "drop_oldest"
    """Discards its oldest messages to make space."""


class Placement(StrEnum):
    """At how many of the connected nodes a topic is listed."""

    ALL = "all"
    """At all connected nodes. The default for subscriptions."""
    ONE = "one"
    """At one node; the topic moves to another node when that one is lost. The default for services."""


class Confirm(StrEnum):
    """Whether making a subscription or service waits until a node has confirmed that it lists the topic.

    If the confirmation fails, the subscription or service is removed.
    """

    AUTO = "auto"
    """While a node is connected. Without one it returns at once, and the subscription becomes active with the first
    node; only for a topic that a node may refuse as too long does it wait for that node. The default."""
    ALWAYS = "always"
    """Always, up to the timeout, also for the first node to be connected."""
    NEVER = "never"
    """Never. Whether a node lists the topic is not reported."""


class Tls(StrEnum):
    """A kind of TLS."""

    AUTO = "auto"
    """The credentials decide. With RSA keys ECDHE is tried first, and static RSA only if the node has nothing in common
    with it. The default."""
    ECDHE = "ecdhe"
    """TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it."""
    STATIC_RSA = "static-rsa"
    """TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward
    secrecy."""
    GM = "gm"
    """The GM suites over TLS 1.2, of GM channels of 2.x nodes."""
    TLCP = "tlcp"
    """TLCP, of SM chains of generation 3."""
    OFF = "off"
    """No TLS: plain TCP, without credentials, for 3.x nodes that are set up so (``disable_ssl``). Anybody on the way
    can read and change what is sent."""


class Delivery(StrEnum):
    """Whether the message of a failed call may have been delivered to a subscriber."""

    NO = "no"
    """Not delivered: sending the message again cannot produce a duplicate."""
    MAYBE = "maybe"
    """Possibly delivered: sending the message again may produce a duplicate."""


class ErrorKind(IntEnum):
    """The kind of an error, a number that is the same in every language. 100 to 104 are codes of the nodes."""

    INVALID_ARGUMENT = 1
    """An argument is invalid: empty, out of range, or not UTF-8."""
    INVALID_TOPIC = 2
    """A topic is empty, too long (2.x nodes accept 254 bytes), or contains a TAB or NUL."""
    INVALID_ENDPOINT = 3
    """An endpoint is not ``host:port``, ``IPv4:port`` or ``[IPv6]:port``."""
    TOO_LARGE = 4
    """The message does not fit in one frame (100 MiB - 64 KiB)."""

    CREDENTIALS_NOT_FOUND = 20
    """No credentials were set and none were found; the text lists the places searched."""
    CREDENTIALS_INVALID = 21
    """A certificate or key can't be read or parsed."""
    KEY_ENCRYPTED = 22
    """The private key is encrypted."""
    KEY_MISMATCH = 23
    """The private key does not belong to the certificate."""
    CERTIFICATE_DATES = 24
    """The client's certificate or the CA has expired or is not yet valid."""

    RESOLVE = 30
    """The host name can't be resolved."""
    CONNECT = 31
    """The TCP connection failed: nothing listens there, or there is no route."""
    CONNECT_TIMEOUT = 32
    """TCP, TLS and channel handshake did not complete within the connect timeout."""
    TLS = 33
    """The TLS handshake failed."""
    NODE_CERTIFICATE = 34
    """This client refused the node's certificate."""
    CLIENT_CERTIFICATE = 35
    """The node refused this client's certificate."""
    TLS_NO_COMMON = 36
    """The node and the client have no cipher suite or curve in common."""
    HANDSHAKE = 37
    """The handshake after TLS failed: there is no common protocol version, or the peer is not a node."""
    LISTEN = 38
    """An embedded node can't listen on its port."""

    NOT_CONNECTED = 40
    """No node is connected."""
    CONNECTION_LOST = 41
    """The connection was lost while the call was in flight."""
    PROTOCOL = 42
    """The node or a subscriber violated the protocol."""

    TIMEOUT = 50
    """The deadline of the call passed."""
    CANCELLED = 51
    """The call was cancelled."""
    CLOSED = 52
    """The client is closed or closing."""
    OVERLOADED = 53
    """A limit of this client is reached: calls in flight, or bytes queued for sending."""

    NO_SUBSCRIBER = 100
    """No node knows a subscriber of the topic, or all subscribers failed."""
    REMOTE_NODE = 101
    """Older nodes: the remote node could not reach its SDK."""
    NODE_TIMEOUT = 102
    """The time limit of the node passed."""
    BANDWIDTH = 103
    """The bandwidth limit of the node rejected the message."""
    SUBSCRIBER_UNREACHABLE = 104
    """The remote node had no further subscriber to try."""
    OWN_NODE_ONLY = 105
    """All subscribers are connected to nodes of this client only, and these (2.8.0 to 2.11.2) don't deliver to SDKs of
    their own, or not until the deadline of the call."""
    REMOTE = 199
    """Any other code from a node or a subscriber; see ``Error.node_code``."""

    SUBSCRIBER_FAILED = 200
    """The subscriber's handler failed."""
    SUBSCRIBER_DROPPED = 201
    """The subscriber dropped the request without an answer."""
    SUBSCRIBER_TOO_SLOW = 202
    """The subscriber's handler did not answer in time."""
    SUBSCRIBER_BUSY = 203
    """All queues of the subscriber were full."""
    SUBSCRIBER_UNSUBSCRIBED = 204
    """The subscriber had just unsubscribed from the topic."""

    ALREADY_SERVED = 300
    """This client already serves the topic."""
    UNSUPPORTED = 302
    """This build of the library, or this node, does not support the operation."""
    FORKED = 303
    """The client was created before a fork, by the parent process."""
    RUNTIME = 304
    """The library's threads could not be started."""
    ALREADY_ANSWERED = 305
    """The request has already been answered."""
    REQUEST_EXPIRED = 306
    """The request can no longer be answered: the library has answered it, or its connection was lost."""
    INTERNAL = 307
    """A bug in the library."""
