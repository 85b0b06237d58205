"""Client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.

Programs connect to their own institution's node over mutual TLS, subscribe to topics, and reach each other through the
chain's nodes: by *publish* (unicast: the node picks one subscriber, whose reply comes back) or *broadcast* (multicast:
all subscribers)::

    import amop

    with amop.connect("127.0.0.1:20200") as client:
        for message in client.subscribe("hello"):
            print(message.data)

- :func:`connect` and :class:`Client` for programs with threads, :mod:`amop.aio` for asyncio: the same calls.
- :class:`Error` is the base of all exceptions.
- :mod:`amop.devnet` has embedded nodes for tests; the pytest fixture ``amop_devnet`` starts them.
- What the library logs goes to logger ``amop``.

Waits give up the interpreter's lock, and Ctrl-C interrupts each of them. Handlers run on threads of the client's own.
A process that is forked can't use its parent's clients, which raise ForkError there; it may connect anew.
When the interpreter ends, clients that are still open are closed, with one second for their handlers.
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
from ._reading import Events, Service, Subscription
from ._words import Data, Delivery, ErrorKind, MessageKind, Overflow, Placement, Retry

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
    "ConnectTimeoutError",
    "CredentialsError",
    "Data",
    "Delivery",
    "EndpointStats",
    "Error",
    "ErrorKind",
    "Events",
    "ForkError",
    "InternalError",
    "Message",
    "MessageKind",
    "NoSubscriberError",
    "NodeConnectionError",
    "Overflow",
    "OverloadedError",
    "Placement",
    "Reply",
    "Request",
    "Retry",
    "Service",
    "ServiceError",
    "Stats",
    "SubscriberError",
    "Subscription",
    "SubscriptionStats",
    "TlsError",
    "UnsupportedError",
    "aio",
    "connect",
    "devnet",
    "events",
]

# In the order in which such functions run, before logging is shut down: what clients say at their end is still logged.
atexit.register(_amop.end_all)


def __getattr__(name: str) -> object:
    # Not every program needs asyncio, and few need nodes.
    if name in ("aio", "devnet"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
