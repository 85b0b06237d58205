"""Embedded nodes, and the pytest fixture of the package."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from guard import GUARD, SHORT_LIMITS, PatientDevnet, wait_for_event

import amop
from amop.devnet import Devnet

if TYPE_CHECKING:
    from amop._options import TlsChoice


def test_fixture_starts_two_nodes(amop_devnet: Devnet, topic: str) -> None:
    with amop_devnet.connect(0) as publisher, amop_devnet.connect(1) as subscriber:
        subscriber.serve(topic, lambda request: request.data)
        assert publisher.publish(topic, "hi", wait_for_subscriber=True).data == b"hi"
    assert len(amop_devnet.endpoints) == 2


@pytest.mark.amop_devnet(nodes=3)
def test_mark_sets_the_number_of_nodes(amop_devnet: Devnet) -> None:
    assert len(amop_devnet.endpoints) == 3


def test_pytest_finds_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(amop_devnet):
            with amop_devnet.connect(0) as client:
                client.broadcast("topic")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers")
    result.assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.amop_devnet(nodes=2, ?*options):*"])


def test_nodes_can_be_killed_frozen_and_inspected(topic: str) -> None:
    with PatientDevnet(nodes=2) as devnet, devnet.connect(0) as client:
        assert [devnet.sessions(node) for node in range(2)] == [1, 0]
        client.subscribe(topic, print)
        assert devnet.topics(0) == [topic]
        assert devnet.topics(1) == []
        devnet.freeze(0)
        with pytest.raises(amop.CallTimeoutError):
            client.broadcast(topic, timeout=0.1, retry="never")
        devnet.thaw(0)
        client.broadcast(topic, timeout=GUARD)
        events = client.events()
        devnet.cut_sessions(0)
        wait_for_event(events, amop.events.Lost)
        wait_for_event(events, amop.events.Reconnected)
        devnet.kill(1)
        with pytest.raises(amop.NodeConnectionError):
            devnet.connect(1)
        devnet.restart(1)
        devnet.connect(1).close()


def test_faults_are_set_by_commands(topic: str) -> None:
    with PatientDevnet(nodes=1) as devnet, devnet.connect(0) as client:
        fault = devnet.control("fault lose type=0x31 times=1")["fault"]
        for limit in SHORT_LIMITS:
            with pytest.raises(amop.CallTimeoutError) as caught:
                client.broadcast(topic, timeout=limit, retry="never")
            # Otherwise the message could not be sent in that time.
            if caught.value.delivery == amop.Delivery.MAYBE:
                break
        deadline = time.monotonic() + GUARD
        while devnet.control(f"hits {fault}") != {"hits": 1}:
            assert time.monotonic() < deadline
        client.broadcast(topic, timeout=GUARD)
        with pytest.raises(amop.ArgumentError, match="explode"):
            devnet.control("explode")


def test_nodes_have_clocks_and_nagle(topic: str) -> None:
    with (
        PatientDevnet(nodes=2, nagle=True) as devnet,
        devnet.connect(0) as publisher,
        devnet.connect(1) as server,
    ):
        devnet.clock_offset(0, 1.5)
        devnet.clock_offset(1, -0.25)
        with pytest.raises(amop.ArgumentError, match="no node 2"):
            devnet.clock_offset(2, 1)
        with server.serve(topic, lambda request: request.data):
            assert publisher.publish(topic, b"x", wait_for_subscriber=True).data == b"x"


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(amop.ArgumentError, match="at least one node"):
        Devnet(nodes=0)
    with pytest.raises(amop.ArgumentError, match="invalid nodes -1"):
        Devnet(nodes=-1)
    with pytest.raises(amop.ArgumentError, match="ports"):
        Devnet(nodes=2, port=65535)
    with Devnet(nodes=1) as devnet:
        for node in (-1, 1):
            with pytest.raises(amop.ArgumentError, match=f"{node}"):
                devnet.kill(node)


def test_port_in_use_is_reported() -> None:
    with Devnet(nodes=1) as devnet:
        port = int(devnet.endpoints[0].rsplit(":", 1)[1])
        with pytest.raises(amop.NodeConnectionError, match="could not listen") as caught:
            Devnet(nodes=1, port=port)
        assert caught.value.kind == amop.ErrorKind.LISTEN


def test_calls_after_stop_raise_closed_error() -> None:
    devnet = Devnet(nodes=1)
    devnet.stop()
    assert repr(devnet).endswith(" stopped>")
    with pytest.raises(amop.ClosedError):
        devnet.kill(0)


def test_given_folder_is_kept(tmp_path: Path) -> None:
    with Devnet(nodes=1, folder=tmp_path / "chain") as devnet:
        assert devnet.credentials == tmp_path / "chain" / "sdk"
        assert (devnet.credentials / "sdk.key").is_file()
    assert (tmp_path / "chain").is_dir()


def test_temporary_folder_is_deleted_with_the_devnet() -> None:
    with Devnet(nodes=1) as devnet:
        folder = devnet.credentials.parent
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.parametrize("tls", ["ecdhe", "static-rsa", "gm"])
def test_every_kind_of_channel_is_connected(tls: TlsChoice, topic: str) -> None:
    with PatientDevnet(nodes=1, tls=tls) as devnet, devnet.connect(0, tls=tls) as client:
        client.broadcast(topic)
        assert client.stats().endpoints[0].tls == tls
        assert client.stats().total().tls is None
        client.reload_credentials()
        assert client.stats().endpoints[0].connects == 2
        with pytest.raises(amop.ArgumentError):
            devnet.connect(0, tls="tlcp")
    with pytest.raises(amop.ArgumentError):
        Devnet(nodes=1, tls="tlcp")


@pytest.mark.parametrize("tls", ["ecdhe", "tlcp", "off"])
def test_every_kind_of_3x_node_is_connected(tls: TlsChoice, topic: str) -> None:
    with (
        PatientDevnet(nodes=1, tls=tls, generation="3", like_3_16=True) as devnet,
        devnet.connect(0, generation="3") as client,
    ):
        client.broadcast(topic)
        assert client.stats().endpoints[0].tls == tls
        if tls == "off":
            with pytest.raises(AttributeError):
                _ = devnet.credentials
            with pytest.raises(amop.ArgumentError):
                client.reload_credentials()
        else:
            assert devnet.credentials.is_dir()
    with pytest.raises(amop.ArgumentError):
        Devnet(nodes=1, tls="gm", generation="3")


def test_gm_credentials_are_read_from_files_or_memory() -> None:
    with Devnet(nodes=1, tls="gm") as devnet:
        gm = devnet.credentials / "gm"
        files = (
            gm / "gmca.crt",
            gm / "gmsdk.crt",
            gm / "gmsdk.key",
            gm / "gmensdk.crt",
            gm / "gmensdk.key",
        )
        pem = (
            files[0].read_bytes(),
            files[1].read_bytes(),
            files[2].read_bytes(),
            files[3].read_bytes(),
            files[4].read_bytes(),
        )
        with amop.connect(devnet.endpoints[0], credential_files_gm=files) as client:
            assert client.stats().endpoints[0].tls == amop.Tls.GM
        with amop.connect(devnet.endpoints[0], credential_pem_gm=pem) as client:
            assert client.stats().endpoints[0].tls == amop.Tls.GM
