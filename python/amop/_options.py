"""The options of a client."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from os import PathLike
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict

from ._words import Confirm, Data, Generation, Overflow, Placement, Retry, Tls

Path: TypeAlias = str | PathLike[str]
GenerationChoice: TypeAlias = Generation | Literal["auto", "2", "3"]
RetryChoice: TypeAlias = Retry | Literal["never", "definite", "at_least_once"]
OverflowChoice: TypeAlias = Overflow | Literal["refuse", "drop_oldest"]
PlacementChoice: TypeAlias = Placement | Literal["all", "one"]
ConfirmChoice: TypeAlias = Confirm | Literal["auto", "always", "never"]

TlsChoice: TypeAlias = Tls | Literal["auto", "ecdhe", "static-rsa", "gm", "tlcp", "off"]


class Given(NamedTuple):
    """The options of a subscription or service, which the native half reads by their names."""

    max_messages: int | None = None
    max_bytes: int | None = None
    overflow: OverflowChoice | None = None
    placement: PlacementChoice | None = None
    confirm: ConfirmChoice | None = None
    concurrency: int | None = None
    timeout: float | None = None
    key: Data | None = None
    key_password: str | None = None


class ClientOptions(TypedDict, total=False):
    """Options of a client. Options that are omitted, or None, have their defaults. Times are in seconds."""

    config_file: Path | None
    """A configuration file: a TOML file of this library, or the file that a program has for another SDK (java-sdk,
    go-sdk, the C SDK, web3sdk, nodejs-sdk, python-sdk), whose kind is recognised by its content. It is read when
    connecting. The other options precede what the file states; if endpoints are given, those of the file are not
    used. Topics that the file states as private are private in all calls."""
    credentials: Path | None
    """The folder with the SDK's credentials, or one of its files. It contains ``ca.crt``, ``sdk.crt`` and ``sdk.key``;
    or ``gmca.crt``, ``gmsdk.crt``, ``gmsdk.key``, ``gmensdk.crt`` and ``gmensdk.key`` (2.x GM chains, also in ``gm``
    below it); or ``sm_ca.crt``, ``sm_sdk.crt``, ``sm_sdk.key``, ``sm_ensdk.crt`` and ``sm_ensdk.key`` (3.x SM chains);
    or the folder ``sdk`` with one of these sets. If the first set has a GM set beside it, nodes that have nothing in
    common with the first are tried with the other; a file that is given instead of its folder excludes the other sets.
    A node's own key (``node.key``) is used only if it is given. If no credentials are set, the files are
    searched in ``$AMOP_CREDENTIALS`` or, only if that is not set, in ``.``, ``conf``, ``sdk``,
    ``nodes/127.0.0.1/sdk`` and ``amop-devnet/sdk``."""
    credential_files: tuple[Path, Path, Path] | None
    """The paths of the three PEM files: CA, the client's certificate chain, private key."""
    credential_pem: tuple[str | bytes, str | bytes, str | bytes] | None
    """The contents of the three PEM files."""
    credential_files_gm: tuple[Path, Path, Path, Path, Path] | None
    """The paths of the five PEM files of a GM chain: CA, the client's certificate chain and private key for signatures,
    and those for encryption. Names that begin with ``gm`` or ``sm_`` state whether GM over TLS 1.2 or TLCP is used;
    otherwise both are tried."""
    credential_pem_gm: tuple[str | bytes, str | bytes, str | bytes, str | bytes, str | bytes] | None
    """The contents of the five PEM files of a GM chain. TLCP is tried first, then GM over TLS 1.2."""
    tls: TlsChoice | None
    """The kind of TLS. Default: auto, with which the credentials decide. With off none is used, and no credentials are
    searched for or loaded."""
    expiry_warning: float | None
    """How long before its end a certificate in use is reported as CertificateExpiring. Default: 14 days."""
    start_offline: bool | None
    """Whether to create a client even if no node can be reached. Default: False."""
    connect_timeout: float | None
    """The time limit of one attempt to connect, which includes TCP, TLS and channel handshake. Default: 10."""
    call_timeout: float | None
    """The time limit of calls that state none. Default: 10."""
    close_timeout: float | None
    """How long close() waits for handlers. Default: 5."""
    heartbeat: float | None
    """The heartbeat interval. Default: 10. Keep it below 60, because nodes close connections that are idle for that
    long."""
    missed_heartbeats: int | None
    """The number of heartbeat intervals after which a connection on which nothing arrives is closed. Default: 2."""
    reconnect_min: float | None
    """The pause before the first attempt to reconnect. It doubles with each failed attempt. Default: 0.1."""
    reconnect_max: float | None
    """The longest pause between attempts to reconnect. Default: 10."""
    answer_timeout: float | None
    """How long a request may wait for its answer before the library answers TOO_SLOW on behalf of the service.
    Default: 4.5, half a second before a 2.x node would deliver the message to another subscriber."""
    generation: GenerationChoice | None
    """Which generations of nodes the client connects to. Default: auto, with which it tries both at each endpoint until
    it has been connected there. All nodes of one client are of one generation, that of the first one connected;
    endpoints of the other one are down with UNSUPPORTED."""
    retry: RetryChoice | None
    """When failed calls are retried automatically. Default: definite."""
    echo: bool | None
    """Whether the client's own broadcasts are delivered to its own subscriptions. Default: False."""
    group: int | None
    """The group of the chain in which nodes are asked for their peers. Default: 1."""
    max_in_flight: int | None
    """The maximum number of calls of the client that are in flight or waiting. Further calls fail with OVERLOADED.
    Default: 65,536."""
    max_send_bytes: int | None
    """The maximum number of bytes queued for sending at each connection, and of calls that wait for a node, a
    subscriber or a retry. Further calls fail with OVERLOADED, and so do replies of handlers, whose requests stay
    open. Default: 256 MiB."""
    max_held_bytes: int | None
    """The maximum number of bytes queued in all subscriptions and services together, counting 160 bytes per message
    besides its payload. Default: 512 MiB."""
    max_events: int | None
    """The maximum number of events queued for each listener. At the limit the oldest is discarded. Default: 1,024."""
    max_duplicates: int | None
    """The maximum number of messages that are remembered to recognise duplicates. Default: 65,536."""
    duplicate_window: float | None
    """How long messages are remembered. Default: 60."""
    on_event: Callable[[Any], object] | None
    """A function that is called with each event of the client, also with those before connecting returns. With threads
    it runs on the client's dispatcher threads, with asyncio in the event loop, where it may be a coroutine function;
    one call after the other. Its exceptions are logged. If connecting fails, no call runs or begins afterwards.
    Default: none; see also ``Client.events``."""
    dispatcher_threads: int | None
    """The maximum number of threads for handlers. Default: 256."""


def unknown_option(name: str) -> str:
    """Return the text of the error for an option that a client does not have."""
    similar = difflib.get_close_matches(name, ClientOptions.__annotations__, 1)
    meant = f"{similar[0]}, or another one" if similar else "one"
    return f'unknown option "{name}": use {meant} of help(amop.ClientOptions)'
