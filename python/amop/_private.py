"""Private topics: the keys of both sides, and the topics that a client publishes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from . import _amop
    from ._words import Data

Key: TypeAlias = str | bytes | os.PathLike[str]
"""A key: its text or bytes, or the path of a file with it."""


def key_data(key: Key | None) -> Data | None:
    """Return the bytes of a key."""
    return Path(key).read_bytes() if isinstance(key, os.PathLike) else key


def keys_data(keys: Iterable[Key]) -> list[Data]:
    """Return the bytes of several keys."""
    if isinstance(keys, (str, bytes, os.PathLike)):
        keys = [keys]
    return [data for key in keys if (data := key_data(key)) is not None]


class PrivateTopic:
    """A private topic that a client publishes on, from ``client.private_topic``.

    While it is open, the client verifies the subscribers that hold one of the allowed keys. Publish on it with
    ``client.publish(topic, data, private=True)`` and ``client.broadcast(topic, data, private=True)``.
    """

    def __init__(self, topic: str, native: _amop.PrivateTopic) -> None:
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
        :raises ClosedError: the client is closed.
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
        return f"<amop.PrivateTopic topic={self._topic!r}>"
