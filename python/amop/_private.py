"""Private topics: the keys of both sides, the topics that a client publishes on, and where they stand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from . import _amop
    from ._words import Data, VerificationState

Key: TypeAlias = str | bytes | os.PathLike[str]
"""A key: its text or bytes, or the path of a file with it."""


_ACCEPTED = "str, bytes or os.PathLike"


def _key_data(key: object, name: str) -> Data:
    if isinstance(key, os.PathLike):
        return Path(cast("os.PathLike[str]", key)).read_bytes()
    if isinstance(key, (str, bytes, bytearray, memoryview)):
        return cast("Data", key)
    raise TypeError(f"{name} must be {_ACCEPTED}, not {type(key).__name__}")


def key_data(key: Key | None) -> Data | None:
    """Return the bytes of a key, None for None."""
    return None if key is None else _key_data(key, "key")


def keys_data(keys: Iterable[Key]) -> list[Data]:
    """Return the bytes of several keys, or of one."""
    if isinstance(keys, (str, bytes, os.PathLike)):
        keys = [keys]
    try:
        each = iter(keys)
    except TypeError:
        text = f"keys must be an iterable of {_ACCEPTED}, not {type(keys).__name__}"
        raise TypeError(text) from None
    return [_key_data(key, "each of keys") for key in each]


@dataclass(frozen=True, slots=True)
class VerificationStats:
    """Where the verification of the subscribers at one node stands, for messages through another one."""

    endpoint: str
    """The endpoint that passes messages on."""
    node_id: str
    """The id of the subscribers' node."""
    state: VerificationState
    """Where it stands."""
    key: str | None
    """The key that the subscriber has signed with, as 130 hex digits, if it has and it can be known."""
    reason: str
    """Why the subscriber was rejected; empty otherwise."""


@dataclass(frozen=True, slots=True)
class PrivateTopicStats:
    """Where a private topic of a client stands."""

    topic: str
    """The name of the topic."""
    key: str | None
    """The public half of the key with which this client proves that it may receive messages, as 130 hex digits, if it
    subscribes or serves."""
    challenges_signed: int
    """Challenges that this client has signed."""
    challenges_refused: int
    """Messages that arrived as challenges and were not signed, because they are none or too many came at once. They get
    no answer, so that the node asks again."""
    allowed: tuple[str, ...]
    """The keys that this client allows, if it publishes, as 130 hex digits."""
    verifications: tuple[VerificationStats, ...]
    """The nodes between which a verification took place. Those that were verified for an earlier publisher do not ask
    again, and are not among them."""


class BasePrivateTopic:
    """The part of a private topic that does not wait."""

    _name = "amop.PrivateTopic"
    _client: Any

    def __init__(self, client: object, topic: str, native: _amop.PrivateTopic) -> None:
        self._client = client
        self._topic = topic
        self._native = native

    @property
    def topic(self) -> str:
        """The name of the topic."""
        return self._topic

    def allow(self, keys: Iterable[Key]) -> None:
        """Allow further keys.

        A subscriber that was rejected before has to leave the topic for some 5 s, until its node no longer lists it,
        before nodes ask for its verification again.

        :param keys: public keys, see ``client.private_topic``.
        :raises ArgumentError: there is no key.
        :raises CredentialsError: a key is not a public one on secp256k1.
        :raises ClosedError: the client or this private topic is closed.
        :raises ForkError: in a child process of a fork.
        """
        self._native.allow(keys_data(keys))

    def close(self) -> None:
        """End the verification of subscribers. Nodes go on passing messages on to those that were verified.

        :raises ForkError: in a child process of a fork.
        """
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self._name} topic={self._topic!r}>"
