"""Client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.

A program connects to the node of its own institution over mutual TLS, subscribes to topics, and reaches other
programs through the nodes of the chain. *Publish* is a unicast: the node picks one subscriber, whose reply is
returned. *Broadcast* is a multicast to all subscribers::

    import amop

    with amop.connect("127.0.0.1:20200") as client:
        for message in client.subscribe("hello"):
            print(message.data)

- :func:`connect` and :class:`Client` are for programs with threads, :mod:`amop.aio` has the same calls for asyncio.
- :class:`Error` is the base of all exceptions.
- :mod:`amop.devnet` runs embedded nodes for tests; the pytest fixture ``amop_devnet`` starts them.
- The log of the library is passed to logger ``amop``.

Calls that wait release the interpreter's lock, and Ctrl-C interrupts each of them. Handlers run on threads of the
client. A child process of a fork can't use the clients of its parent, which raise ForkError there, but can create its
own. When the interpreter exits, open clients are closed within one second.
"""

from __future__ import annotations

import atexit
import importlib
from typing import TYPE_CHECKING

from . import _amop, events
from ._amop import EndpointStats, Message, Reply, Request, Stats, SubscriptionStats
from ._client import Client, connect
from ._errors import (
    ArgumentError,
    CallTimeoutError,
    ClosedError,
    ConnectTimeoutError,
    CredentialsError,
    Error,
    ForkError,
    InternalError,
    NodeConnectionError,
    NoSubscriberError,
    OverloadedError,
    ServiceError,
    SubscriberError,
    TlsError,
    UnsupportedError,
)
from ._futures import CallFuture
from ._options import ClientOptions
from ._private import PrivateTopicStats, VerificationStats
from ._private_topic import PrivateTopic
from ._reading import Events, Service, Subscription
from ._words import (
    Confirm,
    Data,
    Delivery,
    EndpointState,
    ErrorKind,
    Generation,
    MessageKind,
    Overflow,
    Placement,
    Retry,
    Tls,
    VerificationState,
)

if TYPE_CHECKING:
    from . import aio, devnet

__version__ = _amop.VERSION

__all__ = [
    "ArgumentError",
    "CallFuture",
    "CallTimeoutError",
    "Client",
    "ClientOptions",
    "ClosedError",
    "Confirm",
    "ConnectTimeoutError",
    "CredentialsError",
    "Data",
    "Delivery",
    "EndpointState",
    "EndpointStats",
    "Error",
    "ErrorKind",
    "Events",
    "ForkError",
    "Generation",
    "InternalError",
    "Message",
    "MessageKind",
    "NoSubscriberError",
    "NodeConnectionError",
    "Overflow",
    "OverloadedError",
    "Placement",
    "PrivateTopic",
    "PrivateTopicStats",
    "Reply",
    "Request",
    "Retry",
    "Service",
    "ServiceError",
    "Stats",
    "SubscriberError",
    "Subscription",
    "SubscriptionStats",
    "Tls",
    "TlsError",
    "UnsupportedError",
    "VerificationState",
    "VerificationStats",
    "aio",
    "connect",
    "devnet",
    "events",
]

# Registered after logging, and so run before logging is shut down: records of closing clients are still logged.
atexit.register(_amop.end_all)


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__", "__path__", "__version__"]


def __getattr__(name: str) -> object:
    # Import on demand, because not every program needs asyncio or nodes.
    if name in ("aio", "devnet"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
