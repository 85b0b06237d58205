"""The client for asyncio, with the calls of :mod:`amop` as coroutines.

::

    async with amop.aio.connect("127.0.0.1:20200") as client:
        reply = await client.publish("greet", "Ada", timeout=5)
        async for message in client.subscribe("news"):
            print(message.data)

Handlers may be coroutine functions; they run in the event loop in which they were passed. Cancelling a task cancels
the call that it waits for, so that ``asyncio.timeout`` works. No call needs a thread, and the library wakes a loop
once for a batch of results. It works with uvloop, too.
"""

from ._client import Client
from ._connecting import Connecting, connect
from ._private_topic import PrivateTopic
from ._reading import Events, Service, Subscription
from ._starting import Serving, Subscribing

__all__ = [
    "Client",
    "Connecting",
    "Events",
    "PrivateTopic",
    "Service",
    "Serving",
    "Subscribing",
    "Subscription",
    "connect",
]


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__"]
