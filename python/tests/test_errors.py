"""Exceptions: their classes and attributes, and a class for each kind of the core."""

from __future__ import annotations

import copy
import pickle
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from guard import PATIENT

import amop
from amop import _errors

SOURCE = Path(__file__).parents[2] / "src" / "error.rs"


def test_every_kind_of_the_core_has_a_number_and_a_class() -> None:
    text = SOURCE.read_text()
    body = text[text.index("pub enum ErrorKind {") :]
    body = body[: body.index("\n}")]
    in_core = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): int(number)
        for name, number in re.findall(r"^    (\w+) = (\d+),", body, re.MULTILINE)
    }
    assert in_core == {kind.name: kind.value for kind in amop.ErrorKind}
    for kind in amop.ErrorKind:
        error = _errors.from_native(kind, "text", True, False, None, b"")
        assert (error.kind, error.code, str(error)) == (kind, int(kind), "text")


def test_exceptions_have_their_base_classes() -> None:
    bases: dict[type[amop.Error], tuple[type[BaseException], ...]] = {
        amop.ArgumentError: (ValueError,),
        amop.CredentialsError: (),
        amop.NodeConnectionError: (ConnectionError, OSError),
        amop.TlsError: (amop.NodeConnectionError, ConnectionError),
        amop.CallTimeoutError: (TimeoutError,),
        amop.ConnectTimeoutError: (amop.NodeConnectionError, ConnectionError, TimeoutError),
        amop.ClosedError: (),
        amop.OverloadedError: (),
        amop.NoSubscriberError: (),
        amop.SubscriberError: (),
        amop.ServiceError: (),
        amop.UnsupportedError: (NotImplementedError,),
        amop.ForkError: (RuntimeError,),
        amop.InternalError: (RuntimeError,),
    }
    for kind, others in bases.items():
        assert issubclass(kind, amop.Error)
        for other in others:
            assert issubclass(kind, other), (kind, other)


def _pickled(error: amop.Error) -> amop.Error:
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, amop.Error)
    return again


@pytest.mark.parametrize("again", [copy.copy, _pickled])
def test_errors_can_be_pickled(
    again: Callable[[amop.Error], amop.Error],
) -> None:
    error = _errors.from_native(102, "the node's time limit passed", True, True, 102, b"data")
    other = again(error)
    assert type(other) is amop.CallTimeoutError
    assert vars(other) == vars(error)
    assert (str(other), repr(other)) == (str(error), repr(error))
    assert repr(error) == (
        "<amop.CallTimeoutError NODE_TIMEOUT node_code=102 delivery=maybe: the node's time limit passed>"
    )


def test_connect_reports_invalid_arguments() -> None:
    with pytest.raises(amop.ArgumentError, match="no endpoint was given"):
        amop.connect()
    with pytest.raises(amop.ArgumentError) as caught:
        amop.connect("nowhere")
    assert caught.value.kind == amop.ErrorKind.INVALID_ENDPOINT
    with pytest.raises(amop.CredentialsError, match="/nowhere"):
        amop.connect("127.0.0.1:1", credentials="/nowhere")
    with pytest.raises(TypeError, match=r'^unknown option "colour": use one of help\(amop.ClientOptions\)$'):
        amop.connect("127.0.0.1:1", colour="red")  # type: ignore[call-arg]
    with pytest.raises(
        TypeError, match=r'^unknown option "timeout": use call_timeout, or another one of help'
    ):
        amop.connect("127.0.0.1:1", timeout=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="the option echo"):
        amop.connect("127.0.0.1:1", echo="loud")  # type: ignore[arg-type]
    with pytest.raises(amop.ArgumentError, match="invalid call_timeout -1"):
        amop.connect("127.0.0.1:1", call_timeout=-1)
    with pytest.raises(amop.ArgumentError, match="invalid max_in_flight -5"):
        amop.connect("127.0.0.1:1", max_in_flight=-5)
    with pytest.raises(amop.ArgumentError, match="use one of never, definite, at_least_once"):
        amop.connect("127.0.0.1:1", retry="always")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        amop.connect(7)  # type: ignore[arg-type]


def test_missing_node_is_a_connection_error(devnet: amop.devnet.Devnet) -> None:
    # Nothing listens at the port, and no other process can use it meanwhile.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(amop.NodeConnectionError) as caught:
            amop.connect(endpoint, credentials=devnet.credentials)
        assert isinstance(caught.value, ConnectionError)
        assert caught.value.kind == amop.ErrorKind.CONNECT
        assert caught.value.retriable
        with amop.connect(endpoint, credentials=devnet.credentials, start_offline=True) as client:
            with pytest.raises(amop.NodeConnectionError) as caught:
                client.publish("topic", timeout=0.1, retry="never")
            assert caught.value.kind in (amop.ErrorKind.NOT_CONNECTED, amop.ErrorKind.CONNECT)


def test_credentials_of_another_chain_are_a_tls_error(devnet: amop.devnet.Devnet) -> None:
    with amop.devnet.Devnet(nodes=1) as other, pytest.raises(amop.TlsError):
        amop.connect(devnet.endpoints[0], credentials=other.credentials)


def test_configuration_file_of_another_sdk_connects(devnet: amop.devnet.Devnet, tmp_path: Path) -> None:
    host, port = devnet.endpoints[0].split(":")
    folder = devnet.credentials
    file = tmp_path / "client_config.py"
    file.write_text(
        f"class client_config:\n"
        f'    client_protocol = "channel"\n'
        f'    channel_host = "{host}"\n'
        f"    channel_port = {port}\n"
        f'    channel_ca = "{folder}/ca.crt"\n'
        f'    channel_node_cert = "{folder}/sdk.crt"\n'
        f'    channel_node_key = "{folder}/sdk.key"\n'
    )
    with amop.connect(config_file=file, connect_timeout=PATIENT["connect_timeout"]) as client:
        assert client.endpoints == [devnet.endpoints[0]]
    file.write_text("class client_config:\n    channel_port = port()\n")
    with pytest.raises(amop.ArgumentError, match=r"client_config\.py, line 2"):
        amop.connect(config_file=file)


def test_credentials_are_read_from_files_and_memory(devnet: amop.devnet.Devnet) -> None:
    files = [devnet.credentials / name for name in ("ca.crt", "sdk.crt", "sdk.key")]
    with amop.connect(devnet.endpoints[0], credential_files=(files[0], files[1], files[2])) as client:
        client.broadcast("files")
    pem = (files[0].read_text(), files[1].read_bytes(), files[2].read_text())
    with amop.connect(devnet.endpoints[0], credential_pem=pem) as client:
        client.broadcast("memory")
