"""The native half of the package; for its own use only. What is public of it, `amop` exports."""

from asyncio import Future
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, TypeVar, final, overload

from typing_extensions import Buffer, disjoint_base

from ._futures import CallFuture
from ._options import Given, Path, RetryChoice
from ._words import Data, MessageKind

_T = TypeVar("_T")

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
    "Operation",
    "Reply",
    "Request",
    "Started",
    "Stats",
    "SubscriptionStats",
    "connect",
    "end_all",
    "run_command",
]

@disjoint_base
class Message:
    """A message as it came from a node. Immutable; may be kept and passed to other threads.

    ``memoryview(message)`` is the payload without a copy, ``bytes(message)`` and ``message.data`` are copies.
    """

    @property
    def topic(self) -> str:
        """The topic that it was published on."""
    @property
    def kind(self) -> MessageKind:
        """Unicast or broadcast."""
    @property
    def seq(self) -> bytes:
        """The publisher's sequence id: 32 bytes as they came."""
    @property
    def data(self) -> bytes:
        """The payload, any bytes, possibly none; copied at the first look."""
    @property
    def endpoint(self) -> str:
        """The node that it came from, as the endpoint was given."""
    @property
    def received_at(self) -> datetime:
        """When this client read it, in UTC. (When it was sent the wire doesn't say.)"""
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Request(Message):
    """A unicast to answer, now or later, from any thread.

    Answer with :meth:`reply` or :meth:`fail` within 4.5 s of its arrival: then the library answers for it that the
    subscriber is too slow. When the last reference is gone unanswered, the publisher is told so at once.
    """

    FAILED: ClassVar[int]
    """The code of a failure without a code of its own."""

    def reply(self, data: Data | None = None) -> None:
        """Send the reply; never waits."""
    def fail(self, code: int = -5000, data: Data | None = None) -> None:
        """Tell the publisher that it failed; never waits."""
    @property
    def is_open(self) -> bool:
        """Whether an answer can still be given."""

@final
class Reply:
    """A subscriber's answer to a unicast. Immutable.

    ``memoryview(reply)`` is the payload without a copy, ``bytes(reply)`` and ``reply.data`` are copies.
    """

    @property
    def data(self) -> bytes:
        """What the subscriber answered; empty when it had nothing to say, or only listens."""
    @property
    def endpoint(self) -> str:
        """The node that the message went through, as the endpoint was given."""
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class SubscriptionStats:
    """What a subscription or service holds, was given and lost so far."""

    @property
    def held_messages(self) -> int:
        """Messages held now."""
    @property
    def held_bytes(self) -> int:
        """Their payload bytes."""
    @property
    def accepted(self) -> int:
        """Messages accepted so far."""
    @property
    def refused(self) -> int:
        """Messages refused because it was full."""
    @property
    def dropped(self) -> int:
        """Accepted messages given up: for newer ones, or because it ended before they were read."""
    def asdict(self) -> dict[str, int]:
        """All plain figures by name."""

@final
class EndpointStats:
    """What went over the connections to one endpoint, and waits there now."""

    @property
    def endpoint(self) -> str:
        """The endpoint as given; of a total: empty."""
    @property
    def connected(self) -> bool:
        """Whether a session is up; of a total: any."""
    @property
    def connects(self) -> int:
        """Sessions so far; all after the first are reconnects."""
    @property
    def losses(self) -> int:
        """Sessions that were lost."""
    @property
    def failed_connects(self) -> int:
        """Tries to connect that failed."""
    @property
    def frames_sent(self) -> int:
        """Frames written, of all kinds."""
    @property
    def frames_received(self) -> int:
        """Frames read, of all kinds."""
    @property
    def bytes_sent(self) -> int:
        """Bytes written, before encryption."""
    @property
    def bytes_received(self) -> int:
        """Bytes read, after decryption."""
    @property
    def writes(self) -> int:
        """Writes to the connection."""
    @property
    def calls(self) -> int:
        """Unicasts and broadcasts sent for callers, each further try too."""
    @property
    def messages_received(self) -> int:
        """Unicasts and broadcasts that came, duplicates too."""
    @property
    def in_flight(self) -> int:
        """Calls in flight now."""
    @property
    def queued_bytes(self) -> int:
        """Bytes queued to send now."""
    @property
    def topic_lists_sent(self) -> int:
        """Topic lists sent."""
    @property
    def stray_replies(self) -> int:
        """Answers to nothing in flight: late, duplicate or foreign."""
    @property
    def ignored_frames(self) -> int:
        """Frames of types that a client does not use, and malformed ones of those that other SDKs make."""
    @property
    def too_slow(self) -> int:
        """Requests answered for a handler that was too slow."""
    @property
    def busy(self) -> int:
        """Unicasts refused because every subscription for them was full."""
    @property
    def replies(self) -> int:
        """Unicasts that were answered well."""
    def round_trip(self, part: float) -> float | None:
        """The seconds within which this part of the unicasts that were answered well was answered.

        0.5 gives the median, 0.99 leaves the slowest hundredth out. None without any.
        """
    def asdict(self) -> dict[str, int]:
        """All plain figures by name."""

@final
class Stats:
    """What a client has done so far, and holds now."""

    @property
    def endpoints(self) -> list[EndpointStats]:
        """Per endpoint, in the order given."""
    @property
    def retries(self) -> int:
        """Further tries of calls, after the first."""
    @property
    def held_bytes(self) -> int:
        """Payload bytes held in subscriptions and services now."""
    @property
    def dispatcher_waits(self) -> int:
        """How often a handler had to wait for a thread."""
    @property
    def refused(self) -> int:
        """Messages not delivered because a subscription or service was full."""
    @property
    def dropped(self) -> int:
        """Messages accepted, and given up: for newer ones, or because their subscription ended unread."""
    @property
    def duplicates(self) -> int:
        """Messages that had come before: answered as the first was, not delivered again."""
    @property
    def unwanted(self) -> int:
        """Messages on topics that nobody here subscribes to, or no longer."""
    @property
    def own_broadcasts(self) -> int:
        """This client's own broadcasts that came back (without ``echo``)."""
    @property
    def events_dropped(self) -> int:
        """Events that a listener lost because it read too slowly, or left unread."""
    def total(self) -> EndpointStats:
        """The figures of all endpoints together."""
    def asdict(self) -> dict[str, int]:
        """All plain figures by name."""

@final
class Bridge:
    def __new__(cls, watched: bool) -> Bridge: ...
    def fileno(self) -> int: ...
    def wait(self) -> bool: ...
    def drain(self) -> None: ...
    def close(self) -> None: ...
    @property
    def wakes(self) -> int: ...
    @property
    def going(self) -> int: ...

@final
class Operation(Generic[_T]):
    @property
    def future(self) -> Future[_T]: ...
    def cancel(self) -> None: ...

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
    def end(self, timeout: float | None, bridge: Bridge) -> Operation[None]: ...
    def stats(self) -> SubscriptionStats: ...

@final
class Inbox:
    def next(self, timeout: float | None = None) -> Any: ...
    def next_many(self, limit: int, timeout: float | None = None) -> list[Any]: ...
    def try_next(self) -> Any: ...
    def ready(self, bridge: Bridge) -> Operation[None]: ...
    @property
    def ended(self) -> bool: ...
    def unsubscribe(self) -> None: ...
    def finish(self) -> None: ...
    def stats(self) -> SubscriptionStats: ...

@final
class Client:
    @overload
    def publish(
        self,
        topic: str,
        data: Data | Buffer,
        timeout: float | None,
        wait_for_subscriber: bool,
        retry: RetryChoice | None,
        bridge: None = None,
    ) -> Reply: ...
    @overload
    def publish(
        self,
        topic: str,
        data: Data | Buffer,
        timeout: float | None,
        wait_for_subscriber: bool,
        retry: RetryChoice | None,
        bridge: Bridge,
    ) -> Operation[Reply]: ...
    @overload
    def broadcast(
        self,
        topic: str,
        data: Data | Buffer,
        timeout: float | None,
        all_nodes: bool,
        retry: RetryChoice | None,
        bridge: None = None,
    ) -> None: ...
    @overload
    def broadcast(
        self,
        topic: str,
        data: Data | Buffer,
        timeout: float | None,
        all_nodes: bool,
        retry: RetryChoice | None,
        bridge: Bridge,
    ) -> Operation[None]: ...
    def start_publish(
        self,
        topic: str,
        data: Data | Buffer,
        timeout: float | None,
        wait_for_subscriber: bool,
        retry: RetryChoice | None,
        future: CallFuture[Reply],
    ) -> Started: ...
    def start_broadcast(
        self,
        topic: str,
        data: Data | Buffer,
        timeout: float | None,
        all_nodes: bool,
        retry: RetryChoice | None,
        future: CallFuture[None],
    ) -> Started: ...
    @overload
    def subscribe(self, topic: str, given: Given, bridge: None = None) -> Inbox: ...
    @overload
    def subscribe(self, topic: str, given: Given, bridge: Bridge) -> Operation[Inbox]: ...
    def subscribe_handler(self, topic: str, given: Given, handler: Handler) -> Guard: ...
    def subscribe_elsewhere(
        self, topic: str, given: Given, bridge: Bridge
    ) -> Operation[tuple[Inbox, Guard]]: ...
    @overload
    def serve(self, topic: str, given: Given, bridge: None = None) -> Inbox: ...
    @overload
    def serve(self, topic: str, given: Given, bridge: Bridge) -> Operation[Inbox]: ...
    def serve_handler(self, topic: str, given: Given, handler: Handler) -> Guard: ...
    def serve_elsewhere(self, topic: str, given: Given, bridge: Bridge) -> Operation[tuple[Inbox, Guard]]: ...
    def events(self) -> Inbox: ...
    def report_failed(self, topic: str, text: str) -> None: ...
    def stats(self) -> Stats: ...
    def add_endpoint(self, endpoint: str) -> None: ...
    def remove_endpoint(self, endpoint: str) -> None: ...
    @overload
    def close(self, timeout: float | None, bridge: None = None) -> None: ...
    @overload
    def close(self, timeout: float | None, bridge: Bridge) -> Operation[None]: ...
    def begin_close(self, timeout: float | None) -> None: ...

@final
class Devnet:
    def __new__(cls, nodes: int, port: int, folder: Path, rsa: bool, like_2_11: bool) -> Devnet: ...
    @property
    def endpoints(self) -> list[str]: ...
    def control(self, command: str) -> str: ...
    def stop(self) -> None: ...

@overload
def connect(endpoints: Sequence[str], options: dict[str, Any], bridge: None = None) -> Client: ...
@overload
def connect(endpoints: Sequence[str], options: dict[str, Any], bridge: Bridge) -> Operation[Client]: ...
def end_all() -> None: ...
def run_command(arguments: Sequence[str]) -> int: ...
