"""The client for threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _amop
from ._base import BaseClient
from ._futures import CallFuture
from ._options import Given
from ._private import key_data
from ._private_topic import PrivateTopic
from ._reading import Events, Service, Subscription
from ._words import Data

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self, Unpack

    from ._options import ClientOptions, ConfirmChoice, OverflowChoice, PlacementChoice, RetryChoice
    from ._private import Key

MessageHandler: TypeAlias = Callable[[_amop.Message], object]
RequestHandler: TypeAlias = Callable[[_amop.Request], Data | None]


class Client(BaseClient[_amop.Handler]):
    """A connection to one or more nodes. It may be used from any number of threads at once.

    It reconnects automatically until it is closed, and restores its topics. Close it with :meth:`close` or a ``with``
    block. A client that is dropped without either emits a ResourceWarning and closes in the background. In a child
    process of a fork every call raises ForkError.

    :param endpoints: the nodes to connect to: ``host:port``, ``IPv4:port`` or ``[IPv6]:port``; none if the
        configuration file states them.
    :param options: see :class:`ClientOptions`.
    :raises ArgumentError: an endpoint or option is invalid.
    :raises CredentialsError: credentials are missing or unusable.
    :raises NodeConnectionError: no node could be reached; the error of the first endpoint. Its subclasses are
        TlsError and ConnectTimeoutError.
    :raises TypeError: an option does not exist or has a value of a wrong type.
    """

    def __init__(self, *endpoints: str, **options: Unpack[ClientOptions]) -> None:
        given: dict[str, Any] = dict(options)
        held = None
        if given.get("on_event") is not None:
            held = given["on_event"] = _amop.Handler(_for_threads(given["on_event"]))
        super().__init__(_amop.connect(list(endpoints), given), endpoints)
        if held is not None:
            self._keep(held)

    def publish(
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
        return self._native.publish(topic, data, timeout, wait_for_subscriber, retry, private)

    def publish_async(
        self,
        topic: str,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
        private: bool = False,
    ) -> CallFuture[_amop.Reply]:
        """Send a unicast without waiting, and return a future for the reply or the error.

        Arguments as for :meth:`publish`. Messages are sent in the order in which a thread starts them.

        :raises Error: an error that is known at once: no connection, an invalid argument, a limit (65,536 calls).
        """
        future: CallFuture[_amop.Reply] = CallFuture()
        future._started = self._native.start_publish(
            topic, data, timeout, wait_for_subscriber, retry, private, future
        )
        return future

    def broadcast(
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
        self._native.broadcast(topic, data, timeout, wait_for_subscriber, all_nodes, retry, private)

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
    ) -> CallFuture[None]:
        """Send a broadcast without waiting, and return a future for the acknowledgement or the error.

        Arguments as for :meth:`broadcast`, errors as for :meth:`publish_async`.
        """
        future: CallFuture[None] = CallFuture()
        future._started = self._native.start_broadcast(
            topic, data, timeout, wait_for_subscriber, all_nodes, retry, private, future
        )
        return future

    def private_topic(self, topic: str, keys: Iterable[Key]) -> PrivateTopic:
        """Open a private topic to publish on (2.x nodes): messages reach subscribers that hold one of the keys only.

        Each node asks for the verification within 5 s of its learning of a subscriber, so that a message that is
        published before is not delivered: use ``wait_for_subscriber``, or wait for the event Verified. A private topic
        is another topic than the one of the same name without keys. Nodes verify nodes and not programs, and can read
        the payloads.

        ::

            with client.private_topic("orders", [Path("subscriber.pem")]) as orders:
                orders.publish("one more", wait_for_subscriber=True)

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
    ) -> Subscription:
        """Subscribe to a topic, to iterate over the result or with a handler.

        A topic can have any number of subscriptions. Each receives every message. A unicast is answered with an empty
        reply as soon as one subscription has accepted it, so that a slow reader does not cause the node to deliver it
        again.

        A handler is called with each message on the client's dispatcher threads, one call after the other. Its
        exceptions are logged on logger ``amop`` and reported as an event, and delivery continues. Its return value is
        ignored.

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
        :raises TypeError: the handler is not callable, or is a coroutine function.
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
        confirm: ConfirmChoice | None = None,
        timeout: float | None = None,
        key: Key | None = None,
        key_password: str | None = None,
    ) -> Service:
        """Serve a topic: answer each of its unicasts.

        A client can have one service per topic. It receives the unicasts alone; broadcasts are delivered to
        subscriptions only.

        A handler is called with each request on the client's dispatcher threads. The data that it returns is the
        reply. If it returns None, it answers through the request, at once or later. If it raises, the publisher
        receives a failure with a fixed text; the exception is only logged on logger ``amop`` and emitted as an event.
        Use ``request.fail(code, data)`` to send a code and data of your own.

        :param topic: 1 to 65,535 bytes without TAB and NUL; 2.x nodes accept at most 254.
        :param handler: the function that is called with each request; None: requests are read from the result.
        :param concurrency: how many calls of the handler may run at once. Default: 1.
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
        :raises TypeError: the handler is not callable, or is a coroutine function.
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
        confirm: ConfirmChoice | None = None,
        timeout: float | None = None,
        key: Key | None = None,
        key_password: str | None = None,
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
                confirm=confirm,
                timeout=timeout,
                key=key,
                key_password=key_password,
            )
            return handler

        return decorate

    def events(self) -> Events:
        """Return the events from now on: lost and restored connections, slow consumers, failed handlers.

        :raises ForkError: in a child process of a fork.
        """
        return Events(self, self._native.events())

    def reload_credentials(self) -> None:
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
        self._native.reload_credentials()

    def close(self, timeout: float | None = None) -> None:
        """Close the client in order.

        Calls in flight fail with ClosedError. Handlers process what is queued until the timeout; the rest is
        discarded and counted. Return after the last call of a handler has returned, or at once inside of a handler. A
        second call waits for the first one.

        :param timeout: in seconds; None: the client's ``close_timeout``.
        :raises CallTimeoutError: a handler has not returned.
        :raises ForkError: in a child process of a fork.
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
        """Release the handlers that will not be called again."""
        self._handlers -= {handler for handler in list(self._handlers) if handler.done}


def _for_threads(handler: Callable[[Any], object]) -> Callable[[Any], object]:
    if not callable(handler):
        raise TypeError(f"the handler {handler!r} is not callable")
    if inspect.iscoroutinefunction(handler):
        raise TypeError(f"the handler {handler!r} is a coroutine function: use amop.aio for it")
    return handler


def connect(*endpoints: str, **options: Unpack[ClientOptions]) -> Client:
    """Connect to one or more nodes. Return when one is ready; the client connects to the others in the background.

    ::

        with amop.connect("127.0.0.1:20200", call_timeout=5) as client:
            print(client.publish("greet", "Ada").data)

    Arguments and errors as for :class:`Client`.
    """
    return Client(*endpoints, **options)
