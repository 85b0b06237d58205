"""What a client is set up with."""

from __future__ import annotations

from os import PathLike
from typing import Literal, TypeAlias, TypedDict

from ._words import Overflow, Placement, Retry

Path: TypeAlias = str | PathLike[str]
RetryChoice: TypeAlias = Retry | Literal["never", "definite", "at_least_once"]
OverflowChoice: TypeAlias = Overflow | Literal["refuse", "drop_oldest"]
PlacementChoice: TypeAlias = Placement | Literal["all", "one"]

Given: TypeAlias = tuple[
    int | None, int | None, OverflowChoice | None, PlacementChoice | None, int | None, float | None
]
"""A subscription's bounds as the native half takes them: max_messages, max_bytes, overflow, placement, concurrency,
timeout."""


class ClientOptions(TypedDict, total=False):
    """Options of a client, all by name; those left out, or None, keep their defaults. Times are seconds."""

    credentials: Path | None
    """The folder with ``ca.crt``, ``sdk.crt`` and ``sdk.key``. Without any credentials they are looked for in
    ``$AMOP_CREDENTIALS`` or, only if that isn't set, in ``.``, ``conf``, ``sdk``, ``nodes/127.0.0.1/sdk`` and
    ``amop-devnet/sdk``."""
    credential_files: tuple[Path, Path, Path] | None
    """The three PEM files by name: CA, own certificate chain, private key."""
    credential_pem: tuple[str | bytes, str | bytes, str | bytes] | None
    """The same from memory, as PEM text."""
    start_offline: bool | None
    """Whether there is a client though no node can be reached yet. Default no."""
    connect_timeout: float | None
    """How long one try to connect may take: TCP, TLS and handshake together. Default 10."""
    call_timeout: float | None
    """The deadline of every call that has none of its own. Default 10."""
    close_timeout: float | None
    """How long close() lets handlers finish. Default 5."""
    heartbeat: float | None
    """The time between heartbeats. Default 10; nodes end a connection that is idle for 60."""
    missed_heartbeats: int | None
    """After how many heartbeats without a byte from the node a connection is dead. Default 2."""
    reconnect_min: float | None
    """The first pause before a reconnect; it duplicates. Default 0.1."""
    reconnect_max: float | None
    """The longest pause before a reconnect. Default 10."""
    answer_timeout: float | None
    """How long a service's handler may take before the library answers for it. Default 4.5: half a second before a
    2.x node would give the message to somebody else."""
    retry: RetryChoice | None
    """When a failed publish is tried again by itself. Default: definite."""
    echo: bool | None
    """Whether this client's own broadcasts come back to its subscriptions. Default no."""
    group: int | None
    """The group that nodes are asked about their peers in. Default 1."""
    max_in_flight: int | None
    """The maximum number of calls of the client that are under way, whatever they wait for. Further calls fail at once.
    Default: 65,536."""
    max_send_bytes: int | None
    """The maximum number of bytes queued to send at each connection, and the maximum number that calls of the client keep
    while they wait for a node, a subscriber or a retry. Default: 256 MiB."""
    max_held_bytes: int | None
    """Most bytes held in all subscriptions and services, payloads and 160 for each message. Default 512 MiB."""
    max_events: int | None
    """Most events held for a listener; beyond it the oldest go. Default 1,024."""
    max_duplicates: int | None
    """How many messages are remembered to recognise duplicates. Default 65,536."""
    duplicate_window: float | None
    """How long they are remembered. Default 60."""
    dispatcher_threads: int | None
    """Most threads for handlers. Default 256."""
