"""The native half of the package, for its own use only. `amop` exports its public part."""

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Self, final, overload

from typing_extensions import disjoint_base

from ._errors import Error
from ._futures import CallFuture
from ._options import Given, Path, RetryChoice
from ._private import PrivateTopicStats
from ._words import Data, EndpointState, MessageKind

VERSION: Final[str]

__all__ = [
    "VERSION",
    "Bridge",
    "Client",
    "Devnet",
    "EndpointStats",
    "Guard",
    "Handler",
    "Inbox",
    "Message",
    "PrivateTopic",
    "Reply",
    "Request",
    "Started",
    "Stats",
    "SubscriptionStats",
    "connect",
    "connect_listening",
    "end_all",
    "restore_message",
    "restore_reply",
    "restore_stats",
    "run_command",
]

@disjoint_base
class Message:
    """A message as received from a node. Immutable; may be kept and passed to other threads.

    ``memoryview(message)`` is the payload without a copy, ``bytes(message)`` and ``message.data`` are copies.
    """

    @property
    def topic(self) -> str:
        """The topic that the message was published on."""
    @property
    def kind(self) -> MessageKind:
        """Whether the message is a unicast or a broadcast."""
    @property
    def seq(self) -> bytes:
        """The sequence id that the publisher gave the message: 32 bytes as received."""
    @property
    def data(self) -> bytes:
        """The payload: any bytes, possibly none. Copied when it is first read."""
    @property
    def endpoint(self) -> str:
        """The endpoint of the node that delivered the message, as it was added."""
    @property
    def received_at(self) -> datetime:
        """When this client received the message, in UTC. The protocol does not transmit when it was sent."""
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class Request(Message):
    """A unicast that can be answered at once or later, from any thread.

    Call :meth:`reply` or :meth:`fail` within ``answer_timeout`` (default 4.5 s, at 3.x nodes 29.5 s) of its arrival.
    After that the library answers TOO_SLOW. When the last reference is dropped without an answer, the publisher
    receives SUBSCRIBER_DROPPED.
    """

    FAILED: ClassVar[int]
    """The code of a failure if the program has no code of its own."""

    def reply(self, data: Data | None = None) -> None:
        """Send the reply. Never waits. Raises OverloadedError if too many bytes wait to be sent on the request's
        connection: the request stays open and can be answered later."""
    def fail(self, code: int = -5000, data: Data | None = None) -> None:
        """Answer with a failure. Never waits."""
    @property
    def is_open(self) -> bool:
        """Whether the request can still be answered."""

@final
class Reply:
    """A reply of a subscriber. Immutable.

    ``memoryview(reply)`` is the payload without a copy, ``bytes(reply)`` and ``reply.data`` are copies.
    """

    @property
    def data(self) -> bytes:
        """The payload; empty if the subscriber sent none."""
    @property
    def endpoint(self) -> str:
        """The endpoint of the node that the message was sent to, as it was added."""
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

@final
class SubscriptionStats:
    """Statistics of a subscription or service."""

    @property
    def held_messages(self) -> int:
        """Messages queued now."""
    @property
    def held_bytes(self) -> int:
        """Payload bytes queued now."""
    @property
    def accepted(self) -> int:
        """Messages accepted."""
    @property
    def refused(self) -> int:
        """Messages refused because the queue was full."""
    @property
    def dropped(self) -> int:
        """Messages discarded after they were accepted: in favour of newer ones, or because the subscription ended
        unread."""
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def asdict(self) -> dict[str, int]:
        """Return all plain values by name."""

@final
class EndpointStats:
    """Statistics of the connections to one endpoint."""

    @property
    def endpoint(self) -> str:
        """The endpoint, as it was added; empty in a total."""
    @property
    def connected(self) -> bool:
        """Whether a session is established; in a total: whether any is."""
    @property
    def connects(self) -> int:
        """Sessions established; all after the first are reconnects."""
    @property
    def losses(self) -> int:
        """Sessions lost."""
    @property
    def failed_connects(self) -> int:
        """Failed attempts to connect."""
    @property
    def frames_sent(self) -> int:
        """Frames written, of all types."""
    @property
    def frames_received(self) -> int:
        """Frames read, of all types."""
    @property
    def bytes_sent(self) -> int:
        """Bytes written, before encryption."""
    @property
    def bytes_received(self) -> int:
        """Bytes read, after decryption."""
    @property
    def writes(self) -> int:
        """Write operations on the connection."""
    @property
    def calls(self) -> int:
        """Unicasts and broadcasts sent for callers, retries included."""
    @property
    def messages_received(self) -> int:
        """Unicasts and broadcasts received, duplicates included."""
    @property
    def in_flight(self) -> int:
        """Calls in flight now."""
    @property
    def queued_bytes(self) -> int:
        """Bytes queued for sending now."""
    @property
    def topic_lists_sent(self) -> int:
        """Topic lists sent."""
    @property
    def stray_replies(self) -> int:
        """Replies that match no call in flight: late, duplicate or of unknown origin."""
    @property
    def ignored_frames(self) -> int:
        """Frames of types that a client does not use, and malformed ones of those that other SDKs make."""
    @property
    def overloaded(self) -> int:
        """Calls and replies refused because of a limit: the bytes queued at this connection; in a total: also the calls
        under way."""
    @property
    def state(self) -> EndpointState:
        """The state of the endpoint; in a total: the best of all."""
    @property
    def last_error(self) -> Error | None:
        """Why the session was lost, or why the last attempt to connect failed. None while a session is established, in
        a total, and in a pickled copy."""
    @property
    def too_slow(self) -> int:
        """Requests that the library answered TOO_SLOW on behalf of a service."""
    @property
    def busy(self) -> int:
        """Unicasts refused because every subscription or service of the topic was full."""
    @property
    def tls(self) -> str | None:
        """The kind of TLS by which the endpoint was reached the last time, such as ``static-rsa``; None before, and in
        a total."""
    @property
    def replies(self) -> int:
        """Unicasts that received a reply."""
    def round_trip(self, part: float) -> float | None:
        """Return a quantile of the round trip times of unicasts that received a reply, in seconds.

        0.5 gives the median, 0.99 the time that the slowest hundredth exceeded. None if there were none.
        """
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def asdict(self) -> dict[str, int]:
        """Return all plain values by name."""

@final
class Stats:
    """Statistics of a client."""

    @property
    def endpoints(self) -> list[EndpointStats]:
        """The statistics of each endpoint, in the order in which they were added."""
    @property
    def retries(self) -> int:
        """Retries of calls."""
    @property
    def held_bytes(self) -> int:
        """Payload bytes queued now in all subscriptions and services."""
    @property
    def calls_waiting(self) -> int:
        """Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried."""
    @property
    def partial_broadcasts(self) -> int:
        """Broadcasts that were acknowledged by at least one node, but by too few to reach all subscribers."""
    @property
    def dispatcher_waits(self) -> int:
        """How often a handler had to wait for a thread."""
    @property
    def refused(self) -> int:
        """Messages refused because a subscription or service was full."""
    @property
    def dropped(self) -> int:
        """Messages discarded after they were accepted: in favour of newer ones, or because their subscription ended
        unread."""
    @property
    def duplicates(self) -> int:
        """Messages that had been received before: answered as the first one was, and not delivered again."""
    @property
    def unwanted(self) -> int:
        """Messages on topics that the client is not, or no longer, subscribed to."""
    @property
    def own_broadcasts(self) -> int:
        """The client's own broadcasts that were received and discarded (without ``echo``)."""
    @property
    def events_dropped(self) -> int:
        """Events that were discarded because a listener read too slowly, or was dropped before it had read them."""
    @property
    def private_topics(self) -> list[PrivateTopicStats]:
        """The private topics that the client subscribes to, serves or publishes on, ordered by name."""
    def total(self) -> EndpointStats:
        """Return the totals of all endpoints."""
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def asdict(self) -> dict[str, int]:
        """Return all plain values by name."""

@final
class Bridge:
    def __new__(cls, event_loop: AbstractEventLoop, watched: bool) -> Bridge: ...
    def fileno(self) -> int: ...
    def wait(self) -> bool: ...
    def drain(self) -> None: ...
    def cancel(self, future: Future[Any]) -> None: ...
    def close(self) -> None: ...
    @property
    def wakes(self) -> int: ...
    @property
    def in_flight(self) -> int: ...

@final
class Started:
    def cancel(self) -> None: ...

@final
class Handler:
    def __new__(cls, function: Callable[[Any], object]) -> Handler: ...
    @property
    def done(self) -> bool: ...

@final
class Guard:
    def leave(self) -> None: ...
    @overload
    def end(self, timeout: float | None, bridge: None = None) -> None: ...
    @overload
    def end(self, timeout: float | None, bridge: Bridge) -> Future[None]: ...
    def stats(self) -> SubscriptionStats: ...

@final
class Inbox:
    def next(self, timeout: float | None = None) -> Any: ...
    def next_many(self, limit: int, timeout: float | None = None) -> list[Any]: ...
    def try_next(self) -> Any: ...
    def ready(self, bridge: Bridge) -> Future[None]: ...
    def pass_on(self) -> None: ...
    @property
    def waiting(self) -> int: ...
    @property
    def wakes(self) -> int: ...
    @property
    def ended(self) -> bool: ...
    def unsubscribe(self) -> None: ...
    def finish(self) -> None: ...
    def stats(self) -> SubscriptionStats: ...

@final
class PrivateTopic:
    def check(self) -> None: ...
    def allow(self, keys: list[Data]) -> None: ...
    def close(self) -> None: ...

@final
class Client:
    @overload
    def publish(
        self,
        topic: str,
        data: Data,
        timeout: float | None,
        wait_for_subscriber: bool,
        retry: RetryChoice | None,
        private: bool,
        bridge: None = None,
    ) -> Reply: ...
    @overload
    def publish(
        self,
        topic: str,
        data: Data,
        timeout: float | None,
        wait_for_subscriber: bool,
        retry: RetryChoice | None,
        private: bool,
        bridge: Bridge,
    ) -> Future[Reply]: ...
    @overload
    def broadcast(
        self,
        topic: str,
        data: Data,
        timeout: float | None,
        wait_for_subscriber: bool,
        all_nodes: bool,
        retry: RetryChoice | None,
        private: bool,
        bridge: None = None,
    ) -> None: ...
    @overload
    def broadcast(
        self,
        topic: str,
        data: Data,
        timeout: float | None,
        wait_for_subscriber: bool,
        all_nodes: bool,
        retry: RetryChoice | None,
        private: bool,
        bridge: Bridge,
    ) -> Future[None]: ...
    def start_publish(
        self,
        topic: str,
        data: Data,
        timeout: float | None,
        wait_for_subscriber: bool,
        retry: RetryChoice | None,
        private: bool,
        future: CallFuture[Reply],
    ) -> Started: ...
    def start_broadcast(
        self,
        topic: str,
        data: Data,
        timeout: float | None,
        wait_for_subscriber: bool,
        all_nodes: bool,
        retry: RetryChoice | None,
        private: bool,
        future: CallFuture[None],
    ) -> Started: ...
    def private_topic(self, topic: str, keys: list[Data]) -> PrivateTopic: ...
    @overload
    def subscribe(self, topic: str, given: Given, bridge: None = None) -> Inbox: ...
    @overload
    def subscribe(self, topic: str, given: Given, bridge: Bridge) -> Future[Inbox]: ...
    def subscribe_handler(self, topic: str, given: Given, handler: Handler) -> Guard: ...
    def subscribe_elsewhere(
        self, topic: str, given: Given, bridge: Bridge
    ) -> tuple[Inbox, Future[Guard]]: ...
    @overload
    def serve(self, topic: str, given: Given, bridge: None = None) -> Inbox: ...
    @overload
    def serve(self, topic: str, given: Given, bridge: Bridge) -> Future[Inbox]: ...
    def serve_handler(self, topic: str, given: Given, handler: Handler) -> Guard: ...
    def serve_elsewhere(self, topic: str, given: Given, bridge: Bridge) -> tuple[Inbox, Future[Guard]]: ...
    def events(self) -> Inbox: ...
    def report_failed(self, topic: str, text: str) -> None: ...
    def stats(self) -> Stats: ...
    @overload
    def reload_credentials(self, bridge: None = None) -> None: ...
    @overload
    def reload_credentials(self, bridge: Bridge) -> Future[None]: ...
    def add_endpoint(self, endpoint: str) -> None: ...
    def remove_endpoint(self, endpoint: str) -> None: ...
    @overload
    def close(self, timeout: float | None, bridge: None = None) -> None: ...
    @overload
    def close(self, timeout: float | None, bridge: Bridge) -> Future[None]: ...
    def begin_close(self, timeout: float | None) -> None: ...
    @property
    def close_timeout(self) -> float: ...

@final
class Devnet:
    def __new__(
        cls,
        nodes: int,
        port: int,
        folder: Path | None,
        tls: str,
        generation: str,
        like_2_11: bool,
        like_3_16: bool,
        nagle: bool,
    ) -> Devnet: ...
    @property
    def endpoints(self) -> list[str]: ...
    def control(self, command: str) -> str: ...
    def stop(self) -> None: ...

@overload
def connect(endpoints: Sequence[str], options: dict[str, Any], bridge: None = None) -> Client: ...
@overload
def connect(endpoints: Sequence[str], options: dict[str, Any], bridge: Bridge) -> Future[Client]: ...
def connect_listening(
    endpoints: Sequence[str], options: dict[str, Any], bridge: Bridge
) -> tuple[Inbox, Future[Client]]: ...
def end_all() -> None: ...
def restore_message(
    topic: str, broadcast: bool, seq: bytes, data: Data, endpoint: str, received_at: datetime
) -> Message: ...
def restore_reply(data: Data, endpoint: str) -> Reply: ...
def restore_stats(
    class_: str, values: dict[str, Any], more: tuple[Any, ...]
) -> SubscriptionStats | EndpointStats | Stats: ...
def run_command(arguments: Sequence[str]) -> int: ...
