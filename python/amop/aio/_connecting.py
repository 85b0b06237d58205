"""Connecting a client for asyncio."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from .. import _amop
from ._bridge import bridge, cancel, outcome
from ._client import Client
from ._handlers import Held, events
from ._starting import Starting

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from .._options import ClientOptions


# The default of the option close_timeout, in seconds.
_CLOSE_TIMEOUT = 5.0


class Connecting(Starting[Client]):
    """A client that is being connected: await it, or use it with ``async with``, which closes the client at the end."""

    _client: Client | None = None

    async def __aenter__(self) -> Client:
        self._client = await self
        return self._client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()


async def _connect(endpoints: tuple[str, ...], options: ClientOptions) -> Client:
    given: dict[str, Any] = dict(options)
    on_event = given.pop("on_event", None)
    if on_event is None:
        return Client(await outcome(_amop.connect(list(endpoints), given, bridge())), endpoints)
    held = Held(on_event)
    inbox, connecting = _amop.connect_listening(list(endpoints), given, bridge())
    task = asyncio.get_running_loop().create_task(events(inbox, weakref.ref(held)))
    try:
        client = Client(await outcome(connecting), endpoints)
    except (asyncio.CancelledError, GeneratorExit):
        cancel(task)
        raise
    except BaseException:
        # The last event has been emitted. No call of the handler follows, unless one does not return in time.
        await asyncio.wait([task], timeout=given.get("close_timeout", _CLOSE_TIMEOUT))
        raise
    client._listen(held, task)
    return client


def connect(*endpoints: str, **options: Unpack[ClientOptions]) -> Connecting:
    """Connect to one or more nodes. Complete when one is ready; the client connects to the others in the background.

    ::

        async with amop.aio.connect("127.0.0.1:20200", call_timeout=5) as client:
            reply = await client.publish("greet", "Ada")

        client = await amop.aio.connect("127.0.0.1:20200")

    :param endpoints: the nodes to connect to: ``host:port``, ``IPv4:port`` or ``[IPv6]:port``; none if the
        configuration file states them.
    :param options: see :class:`amop.ClientOptions`.
    :raises ArgumentError: an endpoint or option is invalid.
    :raises CredentialsError: credentials are missing or unusable.
    :raises NodeConnectionError: no node could be reached; the error of the first endpoint. Its subclasses are
        TlsError and ConnectTimeoutError.
    :raises TypeError: an option does not exist or has a value of a wrong type.
    """
    return Connecting(_connect(endpoints, options))
