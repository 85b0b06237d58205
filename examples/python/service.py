"""Request and reply: serves a topic, and sends requests to it through another node.

``python examples/python/service.py`` starts its own two nodes. With an endpoint and a topic it serves there until
Ctrl-C: ``python examples/python/service.py 127.0.0.1:20201 sum``, and
``amop publish 127.0.0.1:20200 sum "1 2 3"`` prints 6.
"""

import signal
import sys

from program import run

import amop
from amop.devnet import Devnet


def total(request: amop.Request) -> str | None:
    """Add the numbers of a request. What it returns is the reply."""
    numbers = request.data.decode().split()
    try:
        return str(sum(int(number) for number in numbers))
    except ValueError as error:
        # A code of the application. The error of the publisher has it, and the text.
        request.fail(1, str(error))
        return None


def serve(endpoint: str, topic: str) -> None:
    with amop.connect(endpoint) as client:
        client.serve(topic, total, concurrency=4)
        print(f"serving {topic}", flush=True)
        signal.pause()


def demonstrate() -> None:
    with Devnet(nodes=2) as devnet, devnet.connect(1) as server, devnet.connect(0) as client:
        server.serve("sum", total)
        reply = client.publish("sum", "1 2 3", wait_for_subscriber=True, timeout=5)
        print("1 2 3 =", reply.data.decode())
        try:
            client.publish("sum", "1 two 3")
        except amop.SubscriberError as error:
            print(f"failed with {error.node_code}: {error.data.decode()}")


run(lambda: serve(*sys.argv[1:3]) if len(sys.argv) > 2 else demonstrate())
