"""The client for asyncio."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from .. import _amop
from .._base import BaseClient
from .._errors import CallTimeoutError, unusable
from .._options import Given
from .._private import key_data
from .._words import ErrorKind
from ._bridge import T, bridge, outcome
from ._handlers import Held, MessageHandler, RequestHandler, in_handler, messages, requests
from ._private_topic import PrivateTopic
from ._reading import Events, Service, Subscription
from ._starting import Serving, Subscribing

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable
    from types import TracebackType
    from typing import Self

    from .._options import (
        ConfirmChoice,
        OverflowChoice,
        PlacementChoice,
        RetryChoice,
    )
    from .._private import Key
    from .._words import Data

# The default concurrency of a service's handler.
_CONCURRENCY = 64


class Client(BaseClient[Held]):
    """A connection to one or more nodes, created by :func:`connect`.

    It may be used in any event loop, also in several. It reconnects automatically until it is closed, and restores
    its topics. Close it with :meth:`close` or an ``async with`` block. A client that is dropped without either emits
    a ResourceWarning and closes in the background. In a child process of a fork every call raises ForkError.
    Cancelling a task cancels the call that it waits for; a message that has been sent can't be recalled.
    """

    _name = "amop.aio.Client"

    def __init__(self, native: _amop.Client, endpoints: tuple[str, ...]) -> None:
        super().__init__(native, endpoints)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Task[None] | None = None

    async def publish(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
        private: bool = False,
    ) -> _amop.Reply:
        """Send a unicast and return the reply of the subscriber that the node picked.

        A subscriber that does not serve the topic acknowledges the message with an empty reply as soon as its client
        has accepted it.

        :param topic: 1 to 65,535 bytes without TAB and NUL; 2.x nodes accept at most 254.
        :param data: the payload; ``str`` is encoded as UTF-8.
        :param timeout: the time limit of the call in seconds; None: the client's ``call_timeout``.
        :param wait_for_subscriber: retry until the deadline while there is no subscriber. It takes up to 5 s until
            all nodes know a new one.
        :param retry: when to retry automatically; None: the client's ``retry``.
        :param private: send on the private topic of this name, which :meth:`private_topic` has opened.
        :raises NoSubscriberError: the topic has no subscriber.
        :raises SubscriberError: the subscriber answered with a failure.
        :raises CallTimeoutError: there was no answer in time; the message may have been delivered
            (``error.delivery``).
        :raises NodeConnectionError: no node is connected, or the connection was lost.
        :raises OverloadedError: a limit of the client or the node is reached.
        :raises ArgumentError: the topic is invalid, or the data does not fit in one frame.
        :raises ClosedError: the client is closed.
        :raises ForkError: in a child process of a fork.
        """
        own = bridge()
        future = self._native.publish(topic, data, timeout, wait_for_subscriber, retry, private, own)
        # As `outcome`, without a coroutine of its own for each call.
        try:
            return await future
        except (asyncio.CancelledError, GeneratorExit):
            own.cancel(future)
            raise

    def publish_async(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
        private: bool = False,
    ) -> asyncio.Future[_amop.Reply]:
        """Send a unicast without waiting, and return a future for the reply or the error.

        Arguments as for :meth:`publish`. Messages are sent in the order of these calls. Cancelling the future cancels
        the call.

        :raises ArgumentError: an argument is invalid; the future gets all other errors.
        """
        own = bridge()
        future = self._native.publish(topic, data, timeout, wait_for_subscriber, retry, private, own)
        return _cancelling(own, future)

    async def broadcast(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
        private: bool = False,
    ) -> None:
        """Send a broadcast and wait for the acknowledgement of the node.

        The acknowledgement does not confirm delivery to any subscriber.

        :param topic: 1 to 65,535 bytes without TAB and NUL; 2.x nodes accept at most 254.
        :param data: the payload; ``str`` is encoded as UTF-8.
        :param timeout: the time limit of the call in seconds; None: the client's ``call_timeout``.
        :param wait_for_subscriber: send only when a node knows a subscriber. The call fails if none does in time.
        :param all_nodes: send through every connected node. Subscribers of other libraries then receive duplicates.
        :param retry: when to retry automatically; None: the client's ``retry``.
        :param private: send on the private topic of this name, which :meth:`private_topic` has opened.
        :raises CallTimeoutError: there was no acknowledgement in time.
        :raises NodeConnectionError: no node is connected, or the connection was lost.
        :raises OverloadedError: a limit of the client or the node is reached.
        :raises ArgumentError: the topic is invalid, or the data does not fit in one frame.
        :raises ClosedError: the client is closed.
        :raises ForkError: in a child process of a fork.
        """
        own = bridge()
        future = self._native.broadcast(
            topic, data, timeout, wait_for_subscriber, all_nodes, retry, private, own
        )
        try:
            await future
        except (asyncio.CancelledError, GeneratorExit):
            own.cancel(future)
            raise

    def broadcast_async(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
        private: bool = False,
    ) -> asyncio.Future[None]:
        """Send a broadcast without waiting, and return a future for the acknowledgement or the error.

        Arguments as for :meth:`broadcast`, errors as for :meth:`publish_async`.
        """
        own = bridge()
        future = self._native.broadcast(
            topic, data, timeout, wait_for_subscriber, all_nodes, retry, private, own
        )
        return _cancelling(own, future)

    def private_topic(self, topic: str, keys: Iterable[Key]) -> PrivateTopic:
        """Open a private topic to publish on (2.x nodes): messages reach subscribers that hold one of the keys only.

        Each node asks for the verification within 5 s of its learning of a subscriber, so that a message that is
        published before is not delivered: use ``wait_for_subscriber``, or wait for the event Verified. A private topic
        is another topic than the one of the same name without keys. Nodes verify nodes and not programs, and can read
        the payloads.

        ::

            with client.private_topic("orders", [Path("subscriber.pem")]) as orders:
                await orders.publish("one more", wait_for_subscriber=True)

        :param topic: 1 to 185 bytes without TAB and NUL.
        :param keys: the public keys of the subscribers: PEM or 128 or 130 hex digits, as text, or paths of files.
        :raises ArgumentError: the topic is invalid, or there is no key.
        :raises CredentialsError: a key is not a public one on secp256k1.
        :raises UnsupportedError: the nodes are of generation 3.x.
        :raises ClosedError: the client is closed.
        :raises ForkError: in a child process of a fork.
        """
        return PrivateTopic(self, topic, self._open_private_topic(topic, keys))

    def subscribe(
        self,
        topic: str,
        handler: MessageHandler | None = None,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        overflow: OverflowChoice | None = None,
        placement: PlacementChoice | None = None,
        confirm: ConfirmChoice | None = None,
        timeout: float | None = None,
        key: Key | None = None,
        key_password: str | None = None,
    ) -> Subscribing:
        """Subscribe to a topic, to iterate over the result or with a handler.

        ::

            async for message in client.subscribe("news"): ...

            async with client.subscribe("news") as subscription: ...

            subscription = await client.subscribe("news", handler)

        A topic can have any number of subscriptions. Each receives every message. A unicast is answered with an empty
        reply as soon as one subscription has accepted it, so that a slow reader does not cause the node to deliver it
        again.

        A handler, a coroutine function or a plain one, is called with each message in this event loop, one call after
        the other. Its exceptions are logged on logger ``amop`` and reported as an event, and delivery continues. Its
        return value is ignored.

        :param topic: 1 to 65,535 bytes without TAB and NUL; 2.x nodes accept at most 254.
        :param handler: the function that is called with each message; None: messages are read from the result.
        :param max_messages: the maximum number of queued messages. Default: 65,536.
        :param max_bytes: the maximum number of queued bytes, counting 160 bytes per message besides its payload. An
            empty subscription accepts one message of any size. Default: 64 MiB.
        :param overflow: what happens at these limits. Default: refuse; the publisher of a unicast receives
            SUBSCRIBER_BUSY.
        :param placement: at how many nodes the topic is listed. Default: all.
        :param confirm: whether to wait until a node has listed the topic. Default: auto, which does not wait while no
            node is connected.
        :param timeout: how long to wait for a node to list the topic, in seconds; None: ``call_timeout``.
        :param key: the private key by which this client may receive the messages of the *private* topic of this name
            (2.x nodes, at most 185 bytes): PEM of PKCS#8 or SEC1, PKCS#12 or 64 hex digits, or the path of a file. Its
            public half is allowed by the publisher, see :meth:`private_topic`. It is not the key of the certificate.
        :param key_password: the password of an encrypted key.
        :raises CallTimeoutError: no node listed the topic in time.
        :raises ArgumentError: the topic or a limit is invalid.
        :raises TypeError: the handler is not callable.
        :raises CredentialsError: the key is unusable, or encrypted with another password.
        :raises ClosedError: the client is closed.
        :raises ForkError: in a child process of a fork.
        """
        given = Given(
            max_messages=max_messages,
            max_bytes=max_bytes,
            overflow=overflow,
            placement=placement,
            confirm=confirm,
            timeout=timeout,
            key=key_data(key),
            key_password=key_password,
        )
        return Subscribing(self._subscribe(topic, handler, given))

    async def _subscribe(self, topic: str, handler: MessageHandler | None, given: Given) -> Subscription:
        if handler is None:
            return Subscription(self, topic, await outcome(self._native.subscribe(topic, given, bridge())))
        held = Held(handler)
        inbox, confirmed = self._native.subscribe_elsewhere(topic, given, bridge())
        self._run(held, messages(inbox, topic, weakref.ref(held), weakref.ref(self)))
        return Subscription(self, topic, inbox, await _guard(inbox, confirmed))

    def serve(
        self,
        topic: str,
        handler: RequestHandler | None = None,
        *,
        concurrency: int | None = None,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        placement: PlacementChoice | None = None,
        confirm: ConfirmChoice | None = None,
        timeout: float | None = None,
        key: Key | None = None,
        key_password: str | None = None,
    ) -> Serving:
        """Serve a topic: answer each of its unicasts.

        Await the result, or use it with ``async with`` or ``async for``, as that of :meth:`subscribe`.

        A client can have one service per topic. It receives the unicasts alone; broadcasts are delivered to
        subscriptions only.

        A handler, a coroutine function or a plain one, is called with each request in this event loop. The data that
        it returns is the reply. If it returns None, it answers through the request, at once or later. If it raises,
        the publisher receives a failure with a fixed text; the exception is only logged on logger ``amop`` and
        emitted as an event. Use ``request.fail(code, data)`` to send a code and data of your own.

        :param topic: 1 to 65,535 bytes without TAB and NUL; 2.x nodes accept at most 254.
        :param handler: the function that is called with each request; None: requests are read from the result.
        :param concurrency: how many calls of the handler may run at once. Default: 64.
        :param max_messages: the maximum number of queued requests. At the limit publishers receive SUBSCRIBER_BUSY.
            Default: 65,536.
        :param max_bytes: the maximum number of queued bytes, counting 160 bytes per request besides its payload. An
            empty service accepts one request of any size. Default: 64 MiB.
        :param placement: at how many nodes the topic is listed. Default: one.
        :param confirm: whether to wait until a node has listed the topic. Default: auto, which does not wait while no
            node is connected.
        :param timeout: how long to wait for a node to list the topic, in seconds; None: ``call_timeout``.
        :param key: the private key by which this client may receive the messages of the *private* topic of this name
            (2.x nodes, at most 185 bytes): PEM of PKCS#8 or SEC1, PKCS#12 or 64 hex digits, or the path of a file. Its
            public half is allowed by the publisher, see :meth:`private_topic`. It is not the key of the certificate.
        :param key_password: the password of an encrypted key.
        :raises ServiceError: this client already serves the topic.
        :raises CallTimeoutError: no node listed the topic in time.
        :raises ArgumentError: the topic or a limit is invalid.
        :raises TypeError: the handler is not callable.
        :raises CredentialsError: the key is unusable, or encrypted with another password.
        :raises ClosedError: the client is closed.
        :raises ForkError: in a child process of a fork.
        """
        given = Given(
            max_messages=max_messages,
            max_bytes=max_bytes,
            placement=placement,
            confirm=confirm,
            concurrency=concurrency,
            timeout=timeout,
            key=key_data(key),
            key_password=key_password,
        )
        return Serving(self._serve(topic, handler, concurrency, given))

    async def _serve(
        self, topic: str, handler: RequestHandler | None, concurrency: int | None, given: Given
    ) -> Service:
        if handler is None:
            return Service(self, topic, await outcome(self._native.serve(topic, given, bridge())))
        if concurrency is not None and concurrency < 1:
            raise unusable(f"invalid concurrency {concurrency}: use 1 or more")
        held = Held(handler)
        inbox, confirmed = self._native.serve_elsewhere(topic, given, bridge())
        calls = concurrency or _CONCURRENCY
        self._run(held, requests(inbox, topic, weakref.ref(held), weakref.ref(self), calls))
        return Service(self, topic, inbox, await _guard(inbox, confirmed))

    def events(self) -> Events:
        """Return the events from now on: lost and restored connections, slow consumers, failed handlers.

        :raises ForkError: in a child process of a fork.
        """
        return Events(self, self._native.events())

    async def reload_credentials(self) -> None:
        """Load the credentials again from the same files, which were renewed, and make the connections anew with them.

        They are made anew one after the other: each once no call is in flight and no request unanswered there, or after
        ``close_timeout``. Without this call the files are read again at each reconnect. A handler should not call it,
        because its own request is unanswered meanwhile.

        :raises CredentialsError: the credentials are missing or unusable; the previous ones stay in use, and no
            connection is ended.
        :raises NodeConnectionError: a node could not be connected anew; the connections to the nodes after it are left
            as they are.
        :raises ArgumentError: the credentials were given as text.
        :raises ClosedError: the client is closed.
        :raises ForkError: in a child process of a fork.
        """
        await outcome(self._native.reload_credentials(bridge()))

    async def close(self, timeout: float | None = None) -> None:
        """Close the client in order.

        Calls in flight fail with ClosedError. Handlers process what is queued until the timeout; the rest is
        discarded and counted. Return after the last call of a handler has returned, or at once inside of a handler. A
        second call waits for the first one.

        :param timeout: in seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: a handler has not returned.
        :raises ForkError: in a child process of a fork.
        """
        self._closed = True
        if in_handler():
            self._native.begin_close(timeout)
            return
        loop = asyncio.get_running_loop()
        closing = self._native.close(timeout, bridge())
        deadline = loop.time() + (self._native.close_timeout if timeout is None else timeout)
        await outcome(closing)
        if self._listener is not None and self._listener.get_loop() is loop:
            # The last call of the handler of events.
            _, running = await asyncio.wait([self._listener], timeout=max(0, deadline - loop.time()))
            if running:
                text = "a handler of events has not returned in time; what it holds is kept until it does"
                raise CallTimeoutError(text, ErrorKind.TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _listen(self, held: Held, task: asyncio.Task[None]) -> None:
        """Keep the handler of events, which a task calls, and its task."""
        self._handlers.add(held)
        self._listener = task

    def _run(self, held: Held, calls: Coroutine[Any, Any, None]) -> None:
        """Run the task of a handler, and keep the handler until the task has ended."""
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


async def _guard(inbox: _amop.Inbox, confirmed: asyncio.Future[_amop.Guard]) -> _amop.Guard:
    """Wait until a node has listed the topic of a handler, which runs already.

    If none does, the handler receives nothing more: what is queued is discarded and counted.
    """
    try:
        return await outcome(confirmed)
    except BaseException:
        inbox.finish()
        raise


def _cancelling(own: _amop.Bridge, future: asyncio.Future[T]) -> asyncio.Future[T]:
    """Let the cancellation of a future cancel its call."""

    def ended(future: asyncio.Future[T]) -> None:
        if future.cancelled():
            own.cancel(future)

    future.add_done_callback(ended)
    return future
