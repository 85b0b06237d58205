"""The exceptions: a class for each way to react, all derived from Error."""

from __future__ import annotations

from ._words import Delivery, ErrorKind


class Error(Exception):
    """The base of all errors of this package. Its text states what happened, to what, and what to do.

    :ivar kind: the kind of the error.
    :ivar retriable: whether the same call may succeed later without a change. Whether a retry may produce a duplicate
        is stated by ``delivery``.
    :ivar delivery: whether the message may have been delivered to a subscriber.
    :ivar node_code: the result code that the node or the subscriber sent; None if there is none.
    :ivar data: the data that the subscriber sent with its failure; else empty.
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
        """Pickle all attributes."""
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
    """An argument is invalid: a topic, an endpoint, an option, or a payload that is too large."""


class CredentialsError(Error):
    """Certificates or key are missing, damaged or out of date, or do not belong together."""


class NodeConnectionError(Error, ConnectionError):
    """A connection to a node could not be established, or was lost."""


class TlsError(NodeConnectionError):
    """TLS, or the channel handshake after it, failed."""


class CallTimeoutError(Error, TimeoutError):
    """The deadline of the call or the time limit of the node passed."""


class ConnectTimeoutError(NodeConnectionError, CallTimeoutError):
    """The connection was not established within the connect timeout."""


class ClosedError(Error):
    """The client is closed or closing, or the source that is read has ended."""


class OverloadedError(Error):
    """A limit of this client or of the node is reached: try again later."""


class NoSubscriberError(Error):
    """No subscriber could receive the message."""


class SubscriberError(Error):
    """The subscriber answered with a failure; ``node_code`` and ``data`` are set by it."""


class ServiceError(Error):
    """The topic is already served, or a request can no longer be answered."""


class UnsupportedError(Error, NotImplementedError):
    """This build of the library, or this node, does not support the operation."""


class ForkError(Error, RuntimeError):
    """The client was created by the parent process of a fork: create a new one in the child."""


class InternalError(Error, RuntimeError):
    """The library could not start its threads, or has a bug."""


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
    _K.OWN_NODE_ONLY: NoSubscriberError,
    _K.REMOTE: SubscriberError,
    _K.SUBSCRIBER_FAILED: SubscriberError,
    _K.SUBSCRIBER_DROPPED: SubscriberError,
    _K.SUBSCRIBER_TOO_SLOW: SubscriberError,
    _K.SUBSCRIBER_BUSY: SubscriberError,
    _K.SUBSCRIBER_UNSUBSCRIBED: SubscriberError,
    _K.ALREADY_SERVED: ServiceError,
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
    """Return the exception for an error of the core."""
    kind = ErrorKind(code)
    delivery = Delivery.MAYBE if maybe_delivered else Delivery.NO
    return _CLASSES[kind](
        message, kind, retriable=retriable, delivery=delivery, node_code=node_code, data=data
    )


def span(seconds: float) -> str:
    """Return a duration with at most three digits and a fitting unit, as the library shows it in texts."""
    # The limits are those above which the next unit begins after rounding.
    if seconds < 999.5e-6:
        value, unit = seconds * 1e6, "us"
    elif seconds < 999.5e-3:
        value, unit = seconds * 1e3, "ms"
    else:
        value, unit = seconds, "s"
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    digits = f"{value:.{decimals}f}"
    return f"{digits.rstrip('0').rstrip('.') if decimals else digits} {unit}"


def nothing_arrived(timeout: float) -> CallTimeoutError:
    """Return the error of a wait in which nothing arrived. A program that did not wait gets a fixed text."""
    if timeout == 0:
        text = "nothing has arrived: wait for it, or check the publisher"
    else:
        text = f"nothing arrived within {span(timeout)}: wait longer, or check the publisher"
    return CallTimeoutError(text, ErrorKind.TIMEOUT, retriable=True)


def closed(message: str) -> ClosedError:
    """Return the error of a call on a source that has ended."""
    return ClosedError(message, ErrorKind.CLOSED)


def unusable(message: str) -> ArgumentError:
    """Return the error of an invalid argument."""
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
