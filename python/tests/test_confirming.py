"""Subscriptions and services before a node has confirmed them, and handlers of the events of connecting."""

from __future__ import annotations

import asyncio
import queue

import pytest
from guard import GUARD, PATIENT, PatientDevnet

import amop

FAR = 600.0
"""A timeout that no test reaches."""


def test_offline_client_subscribes_and_serves_at_once() -> None:
    with PatientDevnet(nodes=2) as devnet:
        devnet.kill(0)
        offline = devnet.connect(
            0, start_offline=True, call_timeout=FAR, reconnect_min=0.01, reconnect_max=0.05
        )
        with offline as client, devnet.connect(1) as publisher:
            handled: queue.Queue[bytes] = queue.Queue()
            read = client.subscribe("read")
            client.subscribe("handled", lambda message: handled.put(message.data))
            client.serve("served", lambda request: b"yes")
            client.serve("asked", confirm=amop.Confirm.NEVER)
            with pytest.raises((amop.CallTimeoutError, amop.NodeConnectionError)):
                client.subscribe("refused", print, confirm="always", timeout=0.02)
            for _ in range(2):
                with pytest.raises((amop.CallTimeoutError, amop.NodeConnectionError)):
                    client.serve("refused", confirm="always", timeout=0.02)
            with pytest.raises(amop.ArgumentError, match="confirm"):
                client.subscribe("t", confirm="sometimes")  # type: ignore[arg-type]
            devnet.restart(0)
            for topic in ("read", "handled"):
                publisher.publish(topic, topic, wait_for_subscriber=True, timeout=GUARD)
            message = read.next(GUARD)
            assert message is not None
            assert message.data == b"read"
            assert handled.get(timeout=GUARD) == b"handled"
            assert publisher.publish("served", wait_for_subscriber=True, timeout=GUARD).data == b"yes"


async def test_offline_client_subscribes_and_serves_at_once_in_asyncio() -> None:
    with PatientDevnet(nodes=2) as devnet:
        devnet.kill(0)
        offline = amop.aio.connect(
            devnet.endpoints[0],
            credentials=devnet.credentials,
            start_offline=True,
            call_timeout=FAR,
            reconnect_min=0.01,
            reconnect_max=0.05,
        )
        async with offline as client:
            handled: asyncio.Queue[bytes] = asyncio.Queue()
            await client.subscribe("handled", lambda message: handled.put_nowait(message.data))
            await client.serve("served", lambda request: b"yes")
            with pytest.raises((amop.CallTimeoutError, amop.NodeConnectionError)):
                await client.subscribe("refused", print, confirm="always", timeout=0.02)
            waiting = asyncio.create_task(client.subscribe("late", confirm="always"))
            devnet.restart(0)
            await asyncio.wait_for(waiting, GUARD)
            async with amop.aio.connect(
                devnet.endpoints[1], credentials=devnet.credentials, **PATIENT
            ) as publisher:
                await publisher.publish("handled", b"1", wait_for_subscriber=True, timeout=GUARD)
                assert await asyncio.wait_for(handled.get(), GUARD) == b"1"
                reply = await publisher.publish("served", wait_for_subscriber=True, timeout=GUARD)
                assert reply.data == b"yes"


def test_only_some_confirmations_wait_for_a_connected_node() -> None:
    with PatientDevnet(nodes=1) as devnet, devnet.connect(0, heartbeat=GUARD) as client:
        devnet.freeze(0)
        client.subscribe("read", confirm="never")
        client.serve("served", confirm="never")
        for confirm in (amop.Confirm.AUTO, amop.Confirm.ALWAYS):
            for begin in (client.subscribe, client.serve):
                with pytest.raises(amop.CallTimeoutError):
                    begin("t", confirm=confirm, timeout=0.02)
        devnet.thaw(0)


async def test_only_some_confirmations_wait_for_a_connected_node_in_asyncio() -> None:
    with PatientDevnet(nodes=1) as devnet:
        async with amop.aio.connect(
            devnet.endpoints[0], credentials=devnet.credentials, heartbeat=GUARD, **PATIENT
        ) as client:
            devnet.freeze(0)
            await client.subscribe("read", confirm="never")
            await client.serve("served", confirm="never")
            for confirm in (amop.Confirm.AUTO, amop.Confirm.ALWAYS):
                with pytest.raises(amop.CallTimeoutError):
                    await client.subscribe("t", confirm=confirm, timeout=0.02)
                with pytest.raises(amop.CallTimeoutError):
                    await client.serve("t", confirm=confirm, timeout=0.02)
            devnet.thaw(0)


def test_handler_of_connect_receives_all_events() -> None:
    with PatientDevnet(nodes=1) as devnet:
        seen: queue.Queue[amop.events.Event] = queue.Queue()
        devnet.kill(0)
        with pytest.raises(amop.NodeConnectionError):
            devnet.connect(0, on_event=seen.put)
        # No call runs or begins any more.
        events = list(seen.queue)
        assert isinstance(events[0], amop.events.ConnectFailed)
        assert isinstance(events[-1], amop.events.Closed)
        seen.queue.clear()
        devnet.restart(0)
        with devnet.connect(0, on_event=seen.put):
            assert isinstance(seen.get(timeout=GUARD), amop.events.Connected)
        assert [type(event) for event in seen.queue] == [amop.events.Closed]
        for wrong in (7, _coroutine):
            with pytest.raises(TypeError):
                devnet.connect(0, on_event=wrong)  # type: ignore[arg-type]


async def _coroutine(event: amop.events.Event) -> None:
    pass


def test_failing_handler_of_events_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: amop.events.Event) -> None:
        raise ValueError("no good")

    with PatientDevnet(nodes=1) as devnet, devnet.connect(0, on_event=fail):
        pass
    assert any("the handler of events failed" in record.message for record in caplog.records)


async def test_handler_of_connect_receives_all_events_in_asyncio() -> None:
    with PatientDevnet(nodes=1) as devnet:
        seen: list[amop.events.Event] = []

        async def see(event: amop.events.Event) -> None:
            seen.append(event)

        def connecting() -> amop.aio.Connecting:
            return amop.aio.connect(devnet.endpoints[0], credentials=devnet.credentials, on_event=see)

        devnet.kill(0)
        with pytest.raises(amop.NodeConnectionError):
            await connecting()
        assert isinstance(seen[0], amop.events.ConnectFailed)
        assert isinstance(seen[-1], amop.events.Closed)
        seen.clear()
        devnet.restart(0)
        async with connecting():
            while not seen:
                await asyncio.sleep(0.001)
            assert isinstance(seen[0], amop.events.Connected)
        assert isinstance(seen[-1], amop.events.Closed)
