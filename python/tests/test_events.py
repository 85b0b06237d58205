"""Events and statistics."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from guard import GUARD, PatientDevnet, wait_for_event

import amop
from amop.devnet import Devnet


def test_lost_connection_is_reported_and_restored() -> None:
    with (
        PatientDevnet(nodes=1) as devnet,
        devnet.connect(0, reconnect_min=0.01, reconnect_max=0.05) as client,
    ):
        events = client.events()
        devnet.kill(0)
        lost = wait_for_event(events, amop.events.Lost)
        assert lost.endpoint == devnet.endpoints[0]
        assert isinstance(lost.error, amop.NodeConnectionError)
        failed = wait_for_event(events, amop.events.ConnectFailed)
        down = client.stats().endpoints[0]
        assert down.state is amop.EndpointState.DOWN
        assert isinstance(down.last_error, amop.NodeConnectionError)
        assert client.stats().total().last_error is None
        assert isinstance(failed.error, ConnectionError)
        devnet.restart(0)
        event = wait_for_event(events, amop.events.Reconnected)
        assert (event.endpoint, event.node_version) == (devnet.endpoints[0], "2.7.2")
        stats = client.stats().endpoints[0]
        assert (stats.connected, stats.connects, stats.losses) == (True, 2, 1)
        assert stats.failed_connects >= 1
        assert (stats.state, stats.last_error, stats.overloaded) == ("connected", None, 0)
        assert (client.stats().calls_waiting, client.stats().partial_broadcasts) == (0, 0)


def test_certificate_that_ends_soon_emits_an_event(devnet: Devnet) -> None:
    # Certificates of the devnet are valid for a hundred years.
    with devnet.connect(0, expiry_warning=101 * 366 * 24 * 3600) as client:
        event = wait_for_event(client.events(), amop.events.CertificateExpiring)
        assert event.certificate.startswith("CN=")
        assert event.expires > datetime.now(UTC)


def test_events_end_with_the_client(devnet: Devnet) -> None:
    client = devnet.connect(0)
    events = client.events()
    client.close()
    assert list(events)[-1] == amop.events.Closed()
    with pytest.raises(amop.ClosedError):
        events.next()


def test_added_node_emits_connected(devnet: Devnet) -> None:
    with devnet.connect(0) as client:
        events = client.events()
        client.add_endpoint(devnet.endpoints[1])
        client.add_endpoint(devnet.endpoints[1])
        while True:
            match events.next(GUARD):
                case amop.events.Connected(endpoint, node_version, protocol) if (
                    endpoint != devnet.endpoints[0]
                ):
                    assert (endpoint, node_version, protocol) == (devnet.endpoints[1], "2.7.2", 3)
                    break
                case _:
                    pass
        assert client.endpoints == devnet.endpoints
        client.remove_endpoint(devnet.endpoints[0])
        client.remove_endpoint(devnet.endpoints[0])
        assert client.endpoints == devnet.endpoints[1:]
        with pytest.raises(amop.ArgumentError):
            client.add_endpoint("nowhere")


def test_stats_count_messages_and_calls(publisher: amop.Client, subscriber: amop.Client, topic: str) -> None:
    subscription = subscriber.subscribe(topic)
    publisher.publish(topic, "1234", wait_for_subscriber=True)
    publisher.publish(topic, "12345")
    stats = subscriber.stats()
    assert (stats.held_bytes, stats.refused, stats.duplicates) == (9, 0, 0)
    assert stats.total().messages_received == 2
    assert [endpoint.endpoint for endpoint in stats.endpoints] == subscriber.endpoints
    figures = subscription.stats()
    assert (figures.held_messages, figures.held_bytes, figures.accepted) == (2, 9, 2)
    assert figures.asdict() == {
        "held_messages": 2,
        "held_bytes": 9,
        "accepted": 2,
        "refused": 0,
        "dropped": 0,
    }
    assert repr(figures) == (
        "amop.SubscriptionStats(held_messages=2, held_bytes=9, accepted=2, refused=0, dropped=0)"
    )
    assert "held=2 accepted=2 refused=0 dropped=0" in repr(subscription)
    # A reply is counted shortly after it was returned, but before the next one.
    publisher.publish(topic)
    sent = publisher.stats().total()
    assert sent.replies in (2, 3)
    slowest, median = sent.round_trip(1), sent.round_trip(0.5)
    assert slowest is not None
    assert median is not None
    assert 0 < median <= slowest < GUARD
    assert subscriber.stats().total().round_trip(0.5) is None
    assert sent.in_flight == 0


def test_reprs_describe_their_objects(devnet: Devnet) -> None:
    assert repr(devnet) == f"<amop.devnet.Devnet {', '.join(devnet.endpoints)}>"
    client = devnet.connect(0)
    assert repr(client) == f"<amop.Client {devnet.endpoints[0]}>"
    assert repr(client.events()) == f"<amop.Events of <amop.Client {devnet.endpoints[0]}>>"
    client.close()
    assert repr(client) == f"<amop.Client {devnet.endpoints[0]} closed>"
