"""Futures of calls in flight: their callbacks, and waiting for one inside of a callback or handler."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

import pytest
from guard import GUARD

import amop
from amop.devnet import Devnet


@pytest.fixture
def echo(subscriber: amop.Client, topic: str) -> str:
    subscriber.serve(topic, lambda request: request.data)
    return topic


def answered(
    client: amop.Client,
    service: amop.Service,
    topic: str,
    *callbacks: Callable[[concurrent.futures.Future[amop.Reply]], object],
) -> amop.CallFuture[amop.Reply]:
    """Return a future that has its reply, with callbacks that were added before."""
    future = client.publish_async(topic, b"1", timeout=GUARD, wait_for_subscriber=True)
    for callback in callbacks:
        future.add_done_callback(callback)
    request = service.next(GUARD)
    assert request is not None
    request.reply(b"1")
    return future


@pytest.fixture
def service(subscriber: amop.Client, topic: str) -> amop.Service:
    return subscriber.serve(topic + "/answered")


def test_callback_may_wait_for_another_future(
    publisher: amop.Client, service: amop.Service, echo: str
) -> None:
    outcome: concurrent.futures.Future[bytes] = concurrent.futures.Future()

    def wait(first: concurrent.futures.Future[amop.Reply]) -> None:
        second = publisher.publish_async(echo, first.result().data + b"2")
        outcome.set_result(second.result(GUARD).data)

    answered(publisher, service, service.topic, wait)
    assert outcome.result(GUARD) == b"12"


def test_slow_callback_does_not_delay_futures(
    publisher: amop.Client, service: amop.Service, echo: str
) -> None:
    release = threading.Event()
    answered(publisher, service, service.topic, lambda future: release.wait(GUARD)).result(GUARD)
    for _ in range(10):
        publisher.publish_async(echo, b"2").result(GUARD)
    assert not release.is_set()
    release.set()


def test_handler_may_wait_for_a_future_with_one_thread(
    devnet: Devnet, publisher: amop.Client, echo: str
) -> None:
    outcome: concurrent.futures.Future[bytes] = concurrent.futures.Future()
    with devnet.connect(0, dispatcher_threads=1) as client:
        client.subscribe(
            echo + "/read",
            lambda message: outcome.set_result(client.publish_async(echo, message.data).result(GUARD).data),
        )
        publisher.publish(echo + "/read", b"3", wait_for_subscriber=True, timeout=GUARD)
        assert outcome.result(GUARD) == b"3"


def test_each_callback_is_called_once(
    publisher: amop.Client, service: amop.Service, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Any] = []
    last = threading.Event()

    def fail(future: concurrent.futures.Future[amop.Reply]) -> None:
        calls.append(future)
        raise ValueError("no good")

    future = answered(publisher, service, service.topic, fail, lambda future: last.set())
    assert last.wait(GUARD)
    assert calls == [future]
    future.add_done_callback(calls.append)
    assert calls == [future, future], "it has completed: the callback is called at once"
    assert any("exception calling callback" in record.message for record in caplog.records)


def test_cancelled_future_calls_its_callbacks(publisher: amop.Client, topic: str) -> None:
    calls: list[Any] = []
    future = publisher.publish_async(topic, wait_for_subscriber=True, timeout=GUARD)
    future.add_done_callback(calls.append)
    assert future.cancel()
    assert calls == [future]
    assert future.cancel()
    assert calls == [future]


def test_future_that_the_program_completes_does_not_delay_others(
    publisher: amop.Client, service: amop.Service, caplog: pytest.LogCaptureFixture
) -> None:
    futures = [
        publisher.publish_async(service.topic, timeout=GUARD, wait_for_subscriber=True) for _ in range(20)
    ]
    requests = [service.next(GUARD) for _ in futures]
    for future in futures[::2]:
        # Only what runs a call may do so.
        future.set_result(None)  # type: ignore[arg-type]
    for request in requests:
        request.reply(b"1")
    assert [future.result(GUARD).data for future in futures[1::2]] == [b"1"] * 10
    assert any("could not complete" in record.message for record in caplog.records)


async def test_future_can_be_awaited_and_waited_for(publisher: amop.Client, echo: str) -> None:
    wrapped = asyncio.wrap_future(publisher.publish_async(echo, b"1"))
    assert (await asyncio.wait_for(wrapped, GUARD)).data == b"1"
    futures = [publisher.publish_async(echo, str(n)) for n in range(20)]
    done, _ = concurrent.futures.wait(futures, GUARD)
    assert len(done) == 20
