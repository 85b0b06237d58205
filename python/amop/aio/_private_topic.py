"""Private topics to publish on, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._private import BasePrivateTopic

if TYPE_CHECKING:
    import asyncio

    from .. import _amop
    from .._options import RetryChoice
    from .._words import Data
    from ._client import Client


class PrivateTopic(BasePrivateTopic):
    """A private topic that a client publishes on, from ``client.private_topic``.

    While it is open, the client verifies the subscribers that hold one of the allowed keys. After :meth:`close` its
    calls raise ClosedError.
    """

    _name = "amop.aio.PrivateTopic"
    _client: Client

    async def publish(
        self,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
    ) -> _amop.Reply:
        """Send a unicast to one verified subscriber and return its reply.

        Arguments and errors as for :meth:`Client.publish`.

        :raises NoSubscriberError: no subscriber is verified.
        :raises ClosedError: the client or this private topic is closed.
        """
        self._native.check()
        return await self._client.publish(
            self._topic,
            data,
            timeout=timeout,
            wait_for_subscriber=wait_for_subscriber,
            retry=retry,
            private=True,
        )

    def publish_async(
        self,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        retry: RetryChoice | None = None,
    ) -> asyncio.Future[_amop.Reply]:
        """Send a unicast to one verified subscriber without waiting.

        Arguments and errors as for :meth:`Client.publish_async`.
        """
        self._native.check()
        return self._client.publish_async(
            self._topic,
            data,
            timeout=timeout,
            wait_for_subscriber=wait_for_subscriber,
            retry=retry,
            private=True,
        )

    async def broadcast(
        self,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
    ) -> None:
        """Send a broadcast to all verified subscribers and wait for the acknowledgement of the node.

        Arguments and errors as for :meth:`Client.broadcast`.
        """
        self._native.check()
        await self._client.broadcast(
            self._topic,
            data,
            timeout=timeout,
            wait_for_subscriber=wait_for_subscriber,
            all_nodes=all_nodes,
            retry=retry,
            private=True,
        )

    def broadcast_async(
        self,
        data: Data = b"",
        *,
        timeout: float | None = None,
        wait_for_subscriber: bool = False,
        all_nodes: bool = False,
        retry: RetryChoice | None = None,
    ) -> asyncio.Future[None]:
        """Send a broadcast to all verified subscribers without waiting.

        Arguments and errors as for :meth:`Client.broadcast_async`.
        """
        self._native.check()
        return self._client.broadcast_async(
            self._topic,
            data,
            timeout=timeout,
            wait_for_subscriber=wait_for_subscriber,
            all_nodes=all_nodes,
            retry=retry,
            private=True,
        )
