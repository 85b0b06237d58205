"""The client, as threads use it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _amop
from ._base import BaseClient
from ._futures import CallFuture
from ._reading import Events, Service, Subscription
from ._words import Data

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, Unpack

    from ._options import ClientOptions, OverflowChoice, PlacementChoice, RetryChoice

MessageHandler: TypeAlias = Callable[[_amop.Message], object]
RequestHandler: TypeAlias = Callable[[_amop.Request], Data | None]


class Client(BaseClient[_amop.Handler]):
    """A connection to the nodes of one's institution. May be used from many threads at once.

    It reconnects by itself, for ever, and restores its topics. Ends with :meth:`close` or ``with``; one that is dropped
    without says so as a ResourceWarning and ends in the background. In a process that was forked from the one that made
    it every call raises ForkError.

    :param endpoints: the nodes to connect to: ``host:port``, ``IPv4:port`` or ``[IPv6]:port``.
    :param options: see :class:`ClientOptions`.
    :raises ArgumentError: an endpoint or option can't be used.
    :raises CredentialsError: credentials are missing or can't be used.
    :raises NodeConnectionError: no node could be reached; why the first one couldn't. With its subclasses TlsError and
        ConnectTimeoutError.
    :raises TypeError: there is no such option, or its value is of a wrong type.
    """

    def __init__(self, *endpoints: str, **options: Unpack[ClientOptions]) -> None:
        super().__init__(_amop.connect(list(endpoints), dict(options)), endpoints)

    def publish(
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
        return self._native.publish(topic, data, timeout, wait_for_subscriber, retry)

    def publish_nowait(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
    ) -> CallFuture[_amop.Reply]:
        """Send a unicast without waiting; the future gets the reply or the error. Thousands may be under way.

        Arguments as for :meth:`publish`. The messages of one thread are sent in the order of its calls.

        :raises Error: what is known at once: no connection, a bad argument, a bound that is reached (65,536 calls).
        """
        future: CallFuture[_amop.Reply] = CallFuture()
        future._started = self._native.start_publish(topic, data, timeout, wait_for_subscriber, retry, future)
        return future

    def broadcast(
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
        self._native.broadcast(topic, data, timeout, all_nodes, retry)

    def broadcast_nowait(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
    ) -> CallFuture[None]:
        """Send a broadcast without waiting; the future ends with the node's ack or the error.

        Arguments as for :meth:`broadcast`, errors as for :meth:`publish_nowait`.
        """
        future: CallFuture[None] = CallFuture()
        future._started = self._native.start_broadcast(topic, data, timeout, all_nodes, retry, future)
        return future

    def subscribe(
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

        A handler is called with each message on the client's dispatcher threads, one call after the other. What it
        raises is logged on logger ``amop`` and reported as an event; the next message comes all the same. What it
        returns is ignored.

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
        :raises TypeError: the handler isn't callable, or a coroutine function.
        :raises ClosedError: the client is closed.
        :raises ForkError: in the child of a fork.
        """
        given = (max_messages, max_bytes, overflow, placement, None, timeout)
        if handler is None:
            return Subscription(self, topic, self._native.subscribe(topic, given), None)
        held = _amop.Handler(_for_threads(handler))
        guard = self._native.subscribe_handler(topic, given, held)
        self._keep(held)
        return Subscription(self, topic, None, guard)

    def serve(
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

        A handler is called with each request on the client's dispatcher threads. The data that it returns is the reply.
        If it returns None the answer is what it gave through the request, or will give later. If it raises, the
        publisher receives a failure with a fixed text; the exception is only logged on logger ``amop`` and emitted as
        an event. Use ``request.fail(code, data)`` to send a code and data of your own.

        :param topic: 1 to 254 bytes, without TAB and NUL.
        :param handler: what is called with each request; None: they are read from the result.
        :param concurrency: how many calls of the handler may run at once. Default 1.
        :param max_messages: most requests held; beyond, publishers are told that this one is busy. Default 65,536.
        :param max_bytes: most bytes held, payloads and 160 for each request; one of any size is taken when nothing is.
            Default 64 MiB.
        :param placement: at how many nodes it is listed. Default: one.
        :param timeout: how long to wait, in seconds, for a node to list the topic; None: ``call_timeout``.
        :raises ServiceError: this client serves the topic already.
        :raises CallTimeoutError: no node listed it in time.
        :raises ArgumentError: a bad topic or bound.
        :raises TypeError: the handler isn't callable, or a coroutine function.
        :raises ClosedError: the client is closed.
        :raises ForkError: in the child of a fork.
        """
        given = (max_messages, max_bytes, None, placement, concurrency, timeout)
        if handler is None:
            return Service(self, topic, self._native.serve(topic, given), None)
        held = _amop.Handler(_for_threads(handler))
        guard = self._native.serve_handler(topic, given, held)
        self._keep(held)
        return Service(self, topic, None, guard)

    def service(
        self,
        topic: str,
        *,
        concurrency: int | None = None,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        placement: PlacementChoice | None = None,
        timeout: float | None = None,
    ) -> Callable[[RequestHandler], RequestHandler]:
        """Decorate a function to serve a topic; arguments and errors as for :meth:`serve`.

        ::

            @client.service("greet")
            def greet(request: amop.Request) -> str:
                return f"hello, {request.data.decode()}"
        """

        def decorate(handler: RequestHandler) -> RequestHandler:
            self.serve(
                topic,
                handler,
                concurrency=concurrency,
                max_messages=max_messages,
                max_bytes=max_bytes,
                placement=placement,
                timeout=timeout,
            )
            return handler

        return decorate

    def events(self) -> Events:
        """Listen to what happens from now on: connections lost and restored, slow consumers, failed handlers.

        :raises ForkError: in the child of a fork.
        """
        return Events(self, self._native.events())

    def close(self, timeout: float | None = None) -> None:
        """End the client, in order.

        Calls in flight end with ClosedError, handlers get until the timeout to finish what is queued, the rest is
        dropped and counted, connections say goodbye. Returns after the last call of a handler has returned; called from
        inside a handler it returns at once. A second close waits for the first.

        :param timeout: seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: a handler hasn't returned.
        :raises ForkError: in the child of a fork.
        """
        self._closed = True
        self._native.close(timeout)
        self._forget_handlers()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _keep(self, handler: _amop.Handler) -> None:
        self._forget_handlers()
        self._handlers.add(handler)

    def _forget_handlers(self) -> None:
        """Let go of those that will never be called again."""
        self._handlers -= {handler for handler in list(self._handlers) if handler.done}


def _for_threads(handler: Callable[[Any], object]) -> Callable[[Any], object]:
    if not callable(handler):
        raise TypeError(f"a handler has to be callable, and {handler!r} isn't")
    if inspect.iscoroutinefunction(handler):
        raise TypeError(f"{handler!r} is a coroutine function, which threads can't run: take amop.aio for it")
    return handler


def connect(*endpoints: str, **options: Unpack[ClientOptions]) -> Client:
    """Connect to one or more nodes; returns when one is ready, the others follow in the background.

    ::

        with amop.connect("127.0.0.1:20200", call_timeout=5) as client:
            print(client.publish("greet", "Ada").data)

    Arguments and errors as for :class:`Client`.
    """
    return Client(*endpoints, **options)
