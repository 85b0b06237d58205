"""The client for asyncio: the calls of :mod:`amop`, awaited.

::

    async with amop.aio.connect("127.0.0.1:20200") as client:
        reply = await client.publish("greet", "Ada", timeout=5)
        async for message in await client.subscribe("news"):
            print(message.data)

Handlers may be coroutine functions; they run in the loop in which they were given. Cancelling a task cancels the call
that it waits for, so ``asyncio.timeout`` works as everywhere. No call needs a thread, and the library wakes a loop once
for all that has happened. Works in uvloop too.
"""

from ._client import Client, Connecting, connect
from ._reading import Events, Service, Subscription

__all__ = ["Client", "Connecting", "Events", "Service", "Subscription", "connect"]
