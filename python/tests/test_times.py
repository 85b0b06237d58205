"""Times in seconds: errors name the argument, and times that look like milliseconds warn once."""

from __future__ import annotations

from typing import Any

import pytest
from programs import run

import amop
from amop import aio
from amop.devnet import Devnet


@pytest.mark.parametrize(
    "name",
    ["connect_timeout", "call_timeout", "close_timeout", "heartbeat", "reconnect_min", "reconnect_max"],
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), 1e18])
def test_error_names_the_option(name: str, value: float) -> None:
    options: Any = {name: value}
    with pytest.raises(amop.ArgumentError, match=rf"^(invalid )?{name} "):
        amop.connect("127.0.0.1:1", **options)


@pytest.mark.parametrize("value", [0, -1, float("nan"), 1e20])
def test_error_names_the_expiry_warning(value: float) -> None:
    with pytest.raises(amop.ArgumentError, match=r"^(invalid )?expiry_warning "):
        amop.connect("127.0.0.1:1", expiry_warning=value)


@pytest.mark.parametrize("name", ["max_in_flight", "max_send_bytes", "max_events", "missed_heartbeats"])
@pytest.mark.parametrize("value", [0, -1])
def test_error_names_the_limit(name: str, value: int) -> None:
    options: Any = {name: value}
    with pytest.raises(amop.ArgumentError, match=rf"^(invalid )?{name} "):
        amop.connect("127.0.0.1:1", **options)


@pytest.mark.parametrize("value", [-1, float("nan"), 1e18])
def test_error_names_the_timeout(publisher: amop.Client, topic: str, value: float) -> None:
    for call in (publisher.publish, publisher.broadcast, publisher.publish_async, publisher.subscribe):
        with pytest.raises(amop.ArgumentError, match=r"^invalid timeout "):
            call(topic, timeout=value)


@pytest.mark.parametrize("name", ["max_messages", "max_bytes"])
def test_error_names_the_limit_of_a_subscription(publisher: amop.Client, topic: str, name: str) -> None:
    options: Any = {name: -1}
    with pytest.raises(amop.ArgumentError, match=name):
        publisher.subscribe(topic, **options)


@pytest.mark.parametrize("name", ["max_messages", "max_bytes", "overflow", "placement", "timeout"])
def test_type_error_names_the_option_of_a_subscription(publisher: amop.Client, topic: str, name: str) -> None:
    options: Any = {name: [1]}
    with pytest.raises(TypeError, match=name):
        publisher.subscribe(topic, **options)


def test_error_names_a_number_that_is_too_large(publisher: amop.Client, topic: str) -> None:
    with pytest.raises(amop.ArgumentError, match="invalid max_messages: the number is too large"):
        publisher.subscribe(topic, max_messages=1 << 200)
    with pytest.raises(amop.ArgumentError, match="invalid max_events: the number is too large"):
        amop.connect("127.0.0.1:1", max_events=1 << 200)
    with pytest.raises(amop.ArgumentError, match="invalid port 99999: use 0 to 65535"):
        Devnet(port=99999)


def test_timeout_in_milliseconds_warns_once(devnet: Devnet) -> None:
    source = """
    client = amop.connect(endpoints[0], credentials=credentials, call_timeout=600)
    subscription = client.subscribe('t')
    client.broadcast('t', timeout=5000)
    client.broadcast('t', timeout=5000)
    subscription.unsubscribe(5000)
    client.close()
    """
    ended = run(source, devnet)
    assert ended.code == 0, ended
    first, *more = ended.stderr.splitlines()
    assert first == "<string>:6: UserWarning: timeout is 5000 s: times are in seconds, so 5000 ms are 5"
    assert "UserWarning" not in "".join(more)


def test_timeout_in_milliseconds_warns_in_a_loop(devnet: Devnet) -> None:
    source = """
    import asyncio
    async def main():
        async with amop.aio.connect(endpoints[0], credentials=credentials, heartbeat=30) as client:
            subscription = await client.subscribe('t')
            waiting = asyncio.create_task(subscription.next(5000))
            await asyncio.sleep(0)
            await client.broadcast('t', timeout=5000)
            waiting.cancel()
    asyncio.run(main())
    """
    ended = run(source, devnet)
    assert ended.code == 0, ended
    assert ended.stderr.count("UserWarning: timeout is 5000 s") == 1


def test_warning_can_be_an_error(publisher: amop.Client, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amop._warnings._warned", False)
    with pytest.raises(UserWarning, match="times are in seconds"):
        publisher.broadcast(topic, timeout=5000)


async def test_look_without_a_wait_suspends_no_task(aio_publisher: aio.Client, topic: str) -> None:
    subscription = await aio_publisher.subscribe(topic)
    with pytest.raises(amop.CallTimeoutError, match="nothing has arrived"):
        # The first step of the coroutine is its last one.
        subscription.next(0).send(None)


def test_look_without_a_wait_formats_no_text(
    publisher: amop.Client, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def span(seconds: float) -> str:
        raise AssertionError(f"{seconds} were formatted")

    subscription = publisher.subscribe(topic)
    monkeypatch.setattr("amop._errors.span", span)
    for look in (lambda: subscription.next(0), lambda: subscription.next_many(8, 0)):
        with pytest.raises(amop.CallTimeoutError, match="nothing has arrived"):
            look()
