"""What happens to messages that are read too slowly, with each overflow policy.

``python examples/python/slow_consumer.py`` starts its own two nodes.
"""

from program import run

import amop
from amop.devnet import Devnet


def refuse(publisher: amop.Client, subscriber: amop.Client) -> None:
    """Refuse messages beyond the limit: the publisher of a unicast receives an error, and losses are counted."""
    events = subscriber.events()
    subscription = subscriber.subscribe("refuse", max_messages=3)
    publisher.publish("refuse", "0", wait_for_subscriber=True)
    for number in range(1, 5):
        try:
            publisher.publish("refuse", str(number), retry="never")
        except amop.SubscriberError as error:
            print(f"message {number}: {error.kind.name}, retriable: {error.retriable}")
    for event in events:
        # Other events may arrive before, such as that of the first connection.
        if isinstance(event, amop.events.SlowConsumer):
            print("event:", event)
            break
    print("read:", [message.data.decode() for message in subscription.next_many(10)])
    print(subscription.stats())


def drop_oldest(publisher: amop.Client, subscriber: amop.Client) -> None:
    """Discard the oldest messages instead, for readings of which only the latest is needed."""
    subscription = subscriber.subscribe("drop", max_messages=3, overflow="drop_oldest")
    publisher.publish("drop", "0", wait_for_subscriber=True)
    for number in range(1, 5):
        publisher.publish("drop", str(number))
    print("read:", [message.data.decode() for message in subscription.next_many(10)])
    print(subscription.stats())


def main() -> None:
    with Devnet(nodes=2) as devnet, devnet.connect(0) as publisher, devnet.connect(1) as subscriber:
        refuse(publisher, subscriber)
        drop_oldest(publisher, subscriber)


run(main)
