"""The programs of the documentation's pages about tasks. The tests run each of them with ``run_tasks.py``."""

# --8<-- [start:imports]
import logging
from pathlib import Path

import amop
from amop.devnet import Devnet

# --8<-- [end:imports]


def subscribe(client: amop.Client) -> None:
    # --8<-- [start:subscribe]
    for message in client.subscribe("news"):
        print(message.data.decode())
    # --8<-- [end:subscribe]


def serve(client: amop.Client) -> None:
    # --8<-- [start:serve]
    client.serve("greet", lambda request: b"hello, " + request.data, concurrency=4)
    # --8<-- [end:serve]


def publish(client: amop.Client) -> None:
    # --8<-- [start:publish]
    try:
        reply = client.publish("greet", "Ada", timeout=60, wait_for_subscriber=True)
        print(reply.data.decode())
    except amop.Error as error:
        print(f"delivered: {error.delivery}: {error}")
    # --8<-- [end:publish]


def broadcast(client: amop.Client) -> None:
    # --8<-- [start:broadcast]
    client.broadcast("news", "rain")
    # --8<-- [end:broadcast]


def nodes(first: str, second: str, third: str) -> amop.Client:
    # --8<-- [start:nodes]
    client = amop.connect(first, second)
    client.add_endpoint(third)
    client.remove_endpoint(first)
    # --8<-- [end:nodes]
    return client


def events(client: amop.Client) -> None:
    # --8<-- [start:events]
    for event in client.events():
        if isinstance(event, amop.events.Lost):
            print(f"lost {event.endpoint}: {event.error}")
        elif isinstance(event, amop.events.Reconnected):
            print(f"{event.endpoint} is back")
    # --8<-- [end:events]


def flow(client: amop.Client) -> None:
    # --8<-- [start:flow]
    prices = client.subscribe("prices", max_messages=1000, overflow="drop_oldest")
    print(prices.stats().dropped, "messages were dropped")
    # --8<-- [end:flow]


def private(publisher: amop.Client, subscriber: amop.Client) -> None:
    # --8<-- [start:private]
    messages = subscriber.subscribe("orders", key=Path("orders.pem"))

    with publisher.private_topic("orders", [Path("orders.pem.pub")]) as orders:
        orders.publish("one more", wait_for_subscriber=True)
    print(messages.next().data.decode())
    # --8<-- [end:private]


def credentials(endpoint: str) -> None:
    # --8<-- [start:credentials]
    with amop.connect(endpoint, credentials="nodes/127.0.0.1/sdk") as client:
        print("connected to", client.stats().endpoints[0].endpoint)
    # --8<-- [end:credentials]


def configuration() -> None:
    # --8<-- [start:configuration]
    with amop.connect(config_file="config.toml", call_timeout=5) as client:
        print("connected to", client.stats().endpoints[0].endpoint)
    # --8<-- [end:configuration]


def testing() -> None:
    # --8<-- [start:testing]
    with Devnet(nodes=2) as devnet, devnet.connect(0) as publisher, devnet.connect(1) as subscriber:
        subscriber.serve("echo", lambda request: request.data)
        print(publisher.publish("echo", "hi", wait_for_subscriber=True).data)  # b'hi'
    # --8<-- [end:testing]


def observe(client: amop.Client) -> None:
    # --8<-- [start:observe]
    stats = client.stats()
    print(stats.retries, "retries")
    for endpoint in stats.endpoints:
        print(endpoint.endpoint, "connected" if endpoint.connected else "not connected")
    # --8<-- [end:observe]


def log() -> None:
    # --8<-- [start:log]
    # ERROR shows only failures, DEBUG each step.
    logging.basicConfig(level=logging.INFO)
    # --8<-- [end:log]
