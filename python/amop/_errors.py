"""The exceptions: one class for each way to react, all under Error."""

from __future__ import annotations

from ._words import Delivery, ErrorKind


class Error(Exception):
    """The base of all errors of this package. Its text says what happened, to what, and what to do.

    :ivar kind: what went wrong.
    :ivar retriable: whether the same call may succeed later without a change. Says nothing of duplicates: see
        ``delivery``.
    :ivar delivery: whether the message may have reached a subscriber all the same.
    :ivar node_code: the result that the node or the subscriber answered, None where none did.
    :ivar data: what the subscriber sent along with its failure; empty otherwise.
    """

    kind: ErrorKind
    retriable: bool
    delivery: Delivery
    node_code: int | None
    data: bytes

    def __init__(
        self,
        message: str,
        kind: ErrorKind = ErrorKind.INTERNAL,
        *,
        retriable: bool = False,
        delivery: Delivery = Delivery.NO,
        node_code: int | None = None,
        data: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retriable = retriable
        self.delivery = delivery
        self.node_code = node_code
        self.data = data

    @property
    def code(self) -> int:
        """The number of ``kind``, the same in every language."""
        return int(self.kind)

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        node_code = "" if self.node_code is None else f" node_code={self.node_code}"
        return f"<amop.{type(self).__name__} {self.kind.name}{node_code} delivery={self.delivery}: {self}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all of it on the way to another process."""
        return _again, (
            type(self),
            str(self),
            self.kind,
            self.retriable,
            self.delivery,
            self.node_code,
            self.data,
        )


class ArgumentError(Error, ValueError):
    """An argument can't be used: a topic, an endpoint, an option, a payload that is too large."""


class CredentialsError(Error):
    """Certificates or key are missing, damaged, out of date or don't belong together."""


class NodeConnectionError(Error, ConnectionError):
    """There is no connection to a node: it could not be made, or was lost."""


class TlsError(NodeConnectionError):
    """Node and client reached each other, but TLS or the handshake after it failed."""


class CallTimeoutError(Error, TimeoutError):
    """The call's own deadline passed, or the node's."""


class ConnectTimeoutError(NodeConnectionError, CallTimeoutError):
    """No connection within the connect limit."""


class ClosedError(Error):
    """The client is closed or closing, or what is read has ended."""


class OverloadedError(Error):
    """A bound of this client or a limit of the node is reached: try later."""


class NoSubscriberError(Error):
    """Nobody was there to get the message."""


class SubscriberError(Error):
    """The subscriber answered with a failure: ``node_code`` and ``data`` are its own."""


class ServiceError(Error):
    """The topic is served already, or a request can't be answered any more."""


class UnsupportedError(Error, NotImplementedError):
    """This build, or this node, doesn't have it."""


class ForkError(Error, RuntimeError):
    """The process was forked from the one that made the client: make a new one in the child."""


class InternalError(Error, RuntimeError):
    """The library's threads can't be started, or there is a bug in it."""


_K = ErrorKind
_CLASSES: dict[ErrorKind, type[Error]] = {
    _K.INVALID_ARGUMENT: ArgumentError,
    _K.INVALID_TOPIC: ArgumentError,
    _K.INVALID_ENDPOINT: ArgumentError,
    _K.TOO_LARGE: ArgumentError,
    _K.CREDENTIALS_NOT_FOUND: CredentialsError,
    _K.CREDENTIALS_INVALID: CredentialsError,
    _K.KEY_ENCRYPTED: CredentialsError,
    _K.KEY_MISMATCH: CredentialsError,
    _K.CERTIFICATE_DATES: CredentialsError,
    _K.RESOLVE: NodeConnectionError,
    _K.CONNECT: NodeConnectionError,
    _K.CONNECT_TIMEOUT: ConnectTimeoutError,
    _K.TLS: TlsError,
    _K.NODE_CERTIFICATE: TlsError,
    _K.CLIENT_CERTIFICATE: TlsError,
    _K.TLS_NO_COMMON: TlsError,
    _K.HANDSHAKE: TlsError,
    _K.LISTEN: NodeConnectionError,
    _K.NOT_CONNECTED: NodeConnectionError,
    _K.CONNECTION_LOST: NodeConnectionError,
    _K.PROTOCOL: NodeConnectionError,
    _K.TIMEOUT: CallTimeoutError,
    _K.CANCELLED: Error,
    _K.CLOSED: ClosedError,
    _K.OVERLOADED: OverloadedError,
    _K.NO_SUBSCRIBER: NoSubscriberError,
    _K.REMOTE_NODE: NoSubscriberError,
    _K.NODE_TIMEOUT: CallTimeoutError,
    _K.BANDWIDTH: OverloadedError,
    _K.SUBSCRIBER_UNREACHABLE: NoSubscriberError,
    _K.REMOTE: SubscriberError,
    _K.SUBSCRIBER_FAILED: SubscriberError,
    _K.SUBSCRIBER_DROPPED: SubscriberError,
    _K.SUBSCRIBER_TOO_SLOW: SubscriberError,
    _K.SUBSCRIBER_BUSY: SubscriberError,
    _K.SUBSCRIBER_UNSUBSCRIBED: SubscriberError,
    _K.ALREADY_SERVED: ServiceError,
    _K.WOULD_DEADLOCK: ServiceError,
    _K.UNSUPPORTED: UnsupportedError,
    _K.FORKED: ForkError,
    _K.RUNTIME: InternalError,
    _K.ALREADY_ANSWERED: ServiceError,
    _K.REQUEST_EXPIRED: ServiceError,
    _K.INTERNAL: InternalError,
}


def from_native(
    code: int, message: str, retriable: bool, maybe_delivered: bool, node_code: int | None, data: bytes
) -> Error:
    """Make the exception that stands for an error of the core's."""
    kind = ErrorKind(code)
    delivery = Delivery.MAYBE if maybe_delivered else Delivery.NO
    return _CLASSES[kind](
        message, kind, retriable=retriable, delivery=delivery, node_code=node_code, data=data
    )


def timed_out(message: str) -> CallTimeoutError:
    """Make the error of a wait that was in vain."""
    return CallTimeoutError(message, ErrorKind.TIMEOUT, retriable=True)


def closed(message: str) -> ClosedError:
    """Make the error of a call on what has ended."""
    return ClosedError(message, ErrorKind.CLOSED)


def unusable(message: str) -> ArgumentError:
    """Make the error of an argument that can't be used."""
    return ArgumentError(message, ErrorKind.INVALID_ARGUMENT)


def _again(
    kind_of_error: type[Error],
    message: str,
    kind: ErrorKind,
    retriable: bool,
    delivery: Delivery,
    node_code: int | None,
    data: bytes,
) -> Error:
    return kind_of_error(
        message, kind, retriable=retriable, delivery=delivery, node_code=node_code, data=data
    )
