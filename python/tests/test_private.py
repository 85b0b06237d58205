"""Private topics: keys of both sides, verified subscribers, and the events."""

from __future__ import annotations

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


def test_unusable_keys_are_refused(publisher: amop.Client, topic: str) -> None:
    for call in (publisher.subscribe, publisher.serve):
        with pytest.raises(amop.CredentialsError, match="the key"):
            call(topic, key="no key")
    with pytest.raises(amop.ArgumentError):
        publisher.private_topic(topic, [])
    with pytest.raises(amop.CredentialsError):
        publisher.private_topic(topic, ["no key"])
    with pytest.raises(amop.ArgumentError, match="does not publish"):
        publisher.publish(topic, private=True)
    with pytest.raises(amop.ArgumentError, match="private_topic"):
        publisher.publish("#!$TopicNeedVerify_t")
