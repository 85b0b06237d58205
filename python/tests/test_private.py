"""Private topics: keys of both sides, verified subscribers, and the events."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from guard import GUARD, wait_for_event

import amop

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_KEY = "11" * 32
PUBLIC_KEY = (
    "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
    "385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1"
)


def test_verified_subscriber_receives_private_messages(
    publisher: amop.Client, subscriber: amop.Client, topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "public.pem"
    file.write_text(PUBLIC_KEY)
    events = publisher.events()
    with publisher.private_topic(topic, [file]) as opened:
        subscription = subscriber.subscribe(topic, key=PRIVATE_KEY)
        event = wait_for_event(events, amop.events.Verified)
        assert (event.topic, event.key) == (topic, PUBLIC_KEY)
        publisher.publish(topic, "x", private=True, wait_for_subscriber=True, timeout=GUARD)
        message = subscription.next(GUARD)
        assert (message.topic, message.data) == (topic, b"x")
        assert opened.topic == topic
        opened.allow([PUBLIC_KEY])


def test_private_topic_sends_without_the_option(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    with publisher.private_topic(topic, [PUBLIC_KEY]) as opened:
        subscription = subscriber.subscribe(topic, key=PRIVATE_KEY)
        assert opened.publish("1", wait_for_subscriber=True, timeout=GUARD).data == b""
        opened.broadcast("2", wait_for_subscriber=True, timeout=GUARD)
        assert opened.publish_async("3", wait_for_subscriber=True, timeout=GUARD).result(GUARD).data == b""
        opened.broadcast_async("4", wait_for_subscriber=True, timeout=GUARD).result(GUARD)
        assert [subscription.next(GUARD).data for _ in range(4)] == [b"1", b"2", b"3", b"4"]
    with publisher.private_topic(topic, [PUBLIC_KEY]):
        # Also while the topic is open elsewhere.
        for call in (opened.publish, opened.publish_async, opened.broadcast, opened.broadcast_async):
            with pytest.raises(amop.ClosedError, match="the private topic is closed"):
                call()
        with pytest.raises(amop.ClosedError):
            opened.allow([PUBLIC_KEY])
    # The public topic of the same name is another one.
    with pytest.raises(amop.NoSubscriberError):
        publisher.publish(topic)


def test_statistics_state_where_private_topics_stand(
    publisher: amop.Client, subscriber: amop.Client, topic: str
) -> None:
    events = publisher.events()
    with publisher.private_topic(topic, [PUBLIC_KEY]), subscriber.subscribe(topic, key=PRIVATE_KEY):
        event = wait_for_event(events, amop.events.Verified)
        stats = publisher.stats()
        verification = amop.VerificationStats(
            event.endpoint, event.node_id, amop.VerificationState.VERIFIED, PUBLIC_KEY, ""
        )
        (found,) = (stats for stats in stats.private_topics if stats.topic == topic)
        assert found == amop.PrivateTopicStats(topic, None, 0, 0, (PUBLIC_KEY,), (verification,))
        assert pickle.loads(pickle.dumps(stats)).private_topics == stats.private_topics
        (found,) = (stats for stats in subscriber.stats().private_topics if stats.topic == topic)
        assert (found.key, found.challenges_refused, found.allowed) == (PUBLIC_KEY, 0, ())
        assert found.challenges_signed >= 1


def test_keys_of_wrong_types_are_named(publisher: amop.Client, topic: str) -> None:
    accepted = "str, bytes or os.PathLike"
    with pytest.raises(TypeError, match=f"^keys must be an iterable of {accepted}, not int$"):
        publisher.private_topic(topic, 5)  # type: ignore[arg-type]
    for wrong, kind in ((5, "int"), (None, "NoneType")):
        with pytest.raises(TypeError, match=f"^each of keys must be {accepted}, not {kind}$"):
            publisher.private_topic(topic, [PUBLIC_KEY, wrong])  # type: ignore[list-item]
    with (
        publisher.private_topic(topic, [PUBLIC_KEY]) as opened,
        pytest.raises(TypeError, match=r"^keys must"),
    ):
        opened.allow(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^key must be {accepted}, not int$"):
        publisher.subscribe(topic, key=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^key must be {accepted}, not int$"):
        publisher.serve(topic, key=5)  # type: ignore[arg-type]


def test_unusable_keys_are_refused(publisher: amop.Client, topic: str) -> None:
    for call in (publisher.subscribe, publisher.serve):
        # An empty one, such as that of an empty file, does not make it a call for the public topic of the same name.
        for key, why in (("no key", "the key"), ("", "the key is empty"), (b"", "the key is empty")):
            with pytest.raises(amop.CredentialsError, match=why):
                call(topic, key=key)
    with pytest.raises(amop.ArgumentError):
        publisher.private_topic(topic, [])
    with pytest.raises(amop.CredentialsError):
        publisher.private_topic(topic, ["no key"])
    with pytest.raises(amop.ArgumentError, match="does not publish"):
        publisher.publish(topic, private=True)
    with pytest.raises(amop.ArgumentError, match="private_topic"):
        publisher.publish("#!$TopicNeedVerify_t")
