"""The client, as asyncio uses it."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from .. import _amop
from .._base import BaseClient
from .._errors import unusable
from ._bridge import bridge, outcome
from ._handlers import Held, MessageHandler, RequestHandler, in_handler, messages, requests
from ._reading import Events, Service, Subscription

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from types import TracebackType
    from typing import Self, Unpack

    from .._options import ClientOptions, OverflowChoice, PlacementChoice, RetryChoice
    from .._words import Data

# How many calls of a service's handler run at once, unless told otherwise.
_CONCURRENCY = 64


class Client(BaseClient[Held]):
    """A connection to the nodes of one's institution, made by :func:`connect`.

    Its calls may be made in any event loop, also in several. It reconnects by itself, for ever, and restores its
    topics. Ends with :meth:`close` or ``async with``; one that is dropped without says so as a ResourceWarning and ends
    in the background. In a process that was forked from the one that made it every call raises ForkError. A task that
    is cancelled cancels the call that it waits for; what was sent stays sent.
    """

    _name = "amop.aio.Client"

    def __init__(self, native: _amop.Client, endpoints: tuple[str, ...]) -> None:
        super().__init__(native, endpoints)
        self._tasks: set[asyncio.Task[None]] = set()

    async def publish(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
    ) -> _amop.Reply:
        """Send a unicast: the node picks one subscriber, whose reply this gives.

        A subscriber that only listens answers empty as soon as it has the message.

        :param topic: 1 to 254 bytes, without TAB and NUL.
        :param data: the payload; text goes as UTF-8.
        :param timeout: the call's deadline in seconds; None: the client's ``call_timeout``.
        :param wait_for_subscriber: go on trying until the deadline while nobody subscribes: topics take up to 5 s to
            be known to all nodes.
        :param retry: when to try again by itself; None: the client's.
        :raises NoSubscriberError: nobody subscribes.
        :raises SubscriberError: the subscriber answered with a failure.
        :raises CallTimeoutError: no answer in time; it may have been delivered (``error.delivery``).
        :raises NodeConnectionError: no node is connected, or the connection went away.
        :raises OverloadedError: too much is in flight, or the node's limit is reached.
        :raises ArgumentError: a bad topic, or more data than fits one frame.
        :raises ClosedError: the client is closed.
        :raises ForkError: in the child of a fork.
        """
        return await outcome(self._native.publish(topic, data, timeout, wait_for_subscriber, retry, bridge()))

    def publish_nowait(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
    ) -> asyncio.Future[_amop.Reply]:
        """Send a unicast without waiting; the future gets the reply or the error. Thousands may be under way.

        Arguments as for :meth:`publish`. Messages are sent in the order of these calls. Cancelling the future ends the
        call.

        :raises ArgumentError: an argument can't be used; all else the future is told.
        """
        operation = self._native.publish(topic, data, timeout, wait_for_subscriber, retry, bridge())
        return _cancelling(operation)

    async def broadcast(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
    ) -> None:
        """Send a broadcast to all subscribers, and wait for the node's ack, which says nothing of who hears it.

        :param topic: 1 to 254 bytes, without TAB and NUL.
        :param data: the payload; text goes as UTF-8.
        :param timeout: the call's deadline in seconds; None: the client's ``call_timeout``.
        :param all_nodes: send through every connected node; subscribers of other libraries then see duplicates.
        :param retry: when to try again by itself; None: the client's.
        :raises CallTimeoutError: no ack in time.
        :raises NodeConnectionError: no node is connected, or the connection went away.
        :raises OverloadedError: too much is in flight, or the node's limit is reached.
        :raises ArgumentError: a bad topic, or more data than fits one frame.
        :raises ClosedError: the client is closed.
        :raises ForkError: in the child of a fork.
        """
        await outcome(self._native.broadcast(topic, data, timeout, all_nodes, retry, bridge()))

    def broadcast_nowait(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
    ) -> asyncio.Future[None]:
        """Send a broadcast without waiting; the future ends with the node's ack or the error.

        Arguments as for :meth:`broadcast`, errors as for :meth:`publish_nowait`.
        """
        operation = self._native.broadcast(topic, data, timeout, all_nodes, retry, bridge())
        return _cancelling(operation)

    async def subscribe(
        self,
        topic: str,
        handler: MessageHandler | None = None,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        overflow: OverflowChoice | None = None,
        placement: PlacementChoice | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Subscribe to a topic: iterate over the result, or give a handler.

        Any number per topic; each gets every message. A unicast is answered (empty) as soon as one subscription has
        taken it, so a slow reader never makes the node deliver it again.

        A handler, a coroutine function or a plain one, is called with each message in this event loop, one call after
        the other. What it raises is logged on logger ``amop`` and reported as an event; the next message comes all the
        same. What it returns is ignored.

        :param topic: 1 to 254 bytes, without TAB and NUL.
        :param handler: what is called with each message; None: they are read from the result.
        :param max_messages: most messages held. Default 65,536.
        :param max_bytes: most bytes held, payloads and 160 for each message; one of any size is taken when nothing is.
            Default 64 MiB.
        :param overflow: what happens beyond. Default: refuse, and tell a unicast's publisher that this one is busy.
        :param placement: at how many nodes it is listed. Default: all.
        :param timeout: how long to wait, in seconds, for a node to list the topic; None: ``call_timeout``.
        :raises CallTimeoutError: no node listed it in time.
        :raises ArgumentError: a bad topic or bound.
        :raises TypeError: the handler isn't callable.
        :raises ClosedError: the client is closed.
        :raises ForkError: in the child of a fork.
        """
        given = (max_messages, max_bytes, overflow, placement, None, timeout)
        if handler is None:
            return Subscription(self, topic, await outcome(self._native.subscribe(topic, given, bridge())))
        held = Held(handler)
        inbox, guard = await outcome(self._native.subscribe_elsewhere(topic, given, bridge()))
        self._run(held, messages(inbox, topic, weakref.ref(held), weakref.ref(self)))
        return Subscription(self, topic, inbox, guard)

    async def serve(
        self,
        topic: str,
        handler: RequestHandler | None = None,
        *,
        concurrency: int | None = None,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        placement: PlacementChoice | None = None,
        timeout: float | None = None,
    ) -> Service:
        """Serve a topic: answer each unicast. One service per topic in a client.

        The service alone gets that topic's unicasts; broadcasts go to subscriptions only.

        A handler, a coroutine function or a plain one, is called with each request in this event loop. The data that it
        returns is the reply. If it returns None the answer is what it gave through the request, or will give later.
        If it raises, the publisher receives a failure with a fixed text; the exception is only logged on logger
        ``amop`` and emitted as an event. Use ``request.fail(code, data)`` to send a code and data of your own.

        :param topic: 1 to 254 bytes, without TAB and NUL.
        :param handler: what is called with each request; None: they are read from the result.
        :param concurrency: how many calls of the handler may run at once. Default 64.
        :param max_messages: most requests held; beyond, publishers are told that this one is busy. Default 65,536.
        :param max_bytes: most bytes held, payloads and 160 for each request; one of any size is taken when nothing is.
            Default 64 MiB.
        :param placement: at how many nodes it is listed. Default: one.
        :param timeout: how long to wait, in seconds, for a node to list the topic; None: ``call_timeout``.
        :raises ServiceError: this client serves the topic already.
        :raises CallTimeoutError: no node listed it in time.
        :raises ArgumentError: a bad topic or bound.
        :raises TypeError: the handler isn't callable.
        :raises ClosedError: the client is closed.
        :raises ForkError: in the child of a fork.
        """
        given = (max_messages, max_bytes, None, placement, concurrency, timeout)
        if handler is None:
            return Service(self, topic, await outcome(self._native.serve(topic, given, bridge())))
        if concurrency is not None and concurrency < 1:
            raise unusable(f"concurrency is {concurrency}: nothing would be answered; take 1 or more")
        held = Held(handler)
        inbox, guard = await outcome(self._native.serve_elsewhere(topic, given, bridge()))
        calls = concurrency or _CONCURRENCY
        self._run(held, requests(inbox, topic, weakref.ref(held), weakref.ref(self), calls))
        return Service(self, topic, inbox, guard)

    def events(self) -> Events:
        """Listen to what happens from now on: connections lost and restored, slow consumers, failed handlers.

        :raises ForkError: in the child of a fork.
        """
        return Events(self, self._native.events())

    async def close(self, timeout: float | None = None) -> None:
        """End the client, in order.

        Calls in flight end with ClosedError, handlers get until the timeout to finish what is queued, the rest is
        dropped and counted, connections say goodbye. Returns after the last call of a handler has returned; called from
        inside a handler it returns at once. A second close waits for the first.

        :param timeout: seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: a handler hasn't returned.
        :raises ForkError: in the child of a fork.
        """
        self._closed = True
        if in_handler():
            self._native.begin_close(timeout)
        else:
            await outcome(self._native.close(timeout, bridge()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _run(self, held: Held, calls: Coroutine[Any, Any, None]) -> None:
        """Run a handler's task until its end, and hold the handler as long."""
        task = asyncio.get_running_loop().create_task(calls)
        self._handlers.add(held)
        self._tasks.add(task)
        client, handler = weakref.ref(self), weakref.ref(held)

        def ended(task: asyncio.Task[None]) -> None:
            living, held = client(), handler()
            if living is not None:
                living._tasks.discard(task)
                if held is not None:
                    living._handlers.discard(held)

        task.add_done_callback(ended)


def _cancelling(operation: _amop.Operation[Any]) -> asyncio.Future[Any]:
    """Give an operation's future, which cancels it."""
    future = operation.future

    def ended(future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            operation.cancel()

    future.add_done_callback(ended)
    return future


class Connecting:
    """A client on its way: await it, or use it with ``async with``, which closes the client at its end."""

    def __init__(self, endpoints: tuple[str, ...], options: ClientOptions) -> None:
        self._endpoints = endpoints
        self._options = options
        self._client: Client | None = None

    async def _connect(self) -> Client:
        native = await outcome(_amop.connect(list(self._endpoints), dict(self._options), bridge()))
        return Client(native, self._endpoints)

    def __await__(self) -> Generator[Any, Any, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()


def connect(*endpoints: str, **options: Unpack[ClientOptions]) -> Connecting:
    """Connect to one or more nodes; ready when one is, the others follow in the background.

    ::

        async with amop.aio.connect("127.0.0.1:20200", call_timeout=5) as client:
            reply = await client.publish("greet", "Ada")

        client = await amop.aio.connect("127.0.0.1:20200")

    :param endpoints: the nodes to connect to: ``host:port``, ``IPv4:port`` or ``[IPv6]:port``.
    :param options: see :class:`amop.ClientOptions`.
    :raises ArgumentError: an endpoint or option can't be used.
    :raises CredentialsError: credentials are missing or can't be used.
    :raises NodeConnectionError: no node could be reached; why the first one couldn't. With its subclasses TlsError and
        ConnectTimeoutError.
    :raises TypeError: there is no such option, or its value is of a wrong type.
    """
    return Connecting(endpoints, options)
