"""The command amop, as installed by the package."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from guard import GUARD

import amop
from amop.devnet import Devnet

COMMAND = [str(Path(sysconfig.get_path("scripts")) / "amop")]
MODULE = [sys.executable, "-m", "amop"]


def run(*command: str, said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=said, capture_output=True, timeout=2 * GUARD, check=False)


@pytest.mark.parametrize("command", [COMMAND, MODULE], ids=["amop", "python -m amop"])
def test_command_runs_as_script_and_module(command: list[str]) -> None:
    version = run(*command, "--version")
    assert (version.returncode, version.stderr) == (0, b"")
    assert version.stdout.startswith(f"amop {amop.__version__}\n".encode())
    assert b"Usage: amop" in run(*command, "--help").stdout
    wrong = run(*command, "fly")
    assert wrong.returncode == 2
    assert b"fly" in wrong.stderr


def test_demo_shows_both_transcripts() -> None:
    demo = run(*COMMAND, "demo")
    assert (demo.returncode, demo.stderr) == (0, b"")
    for text in (b"Subscriber success", b"unique broadcast publisher! 0", b"multi broadcast publisher! 0"):
        assert text in demo.stdout


def test_command_publishes_to_a_program(devnet: Devnet, subscriber: amop.Client, topic: str) -> None:
    subscriber.serve(topic, lambda request: request.data.upper())
    published = run(
        *COMMAND,
        "publish",
        devnet.endpoints[0],
        topic,
        "-",
        "--wait",
        "--credentials",
        str(devnet.credentials),
        said=b"piped",
    )
    assert (published.returncode, published.stdout.strip()) == (0, b"PIPED")


def test_ctrl_c_ends_the_command_in_order(devnet: Devnet, publisher: amop.Client, topic: str) -> None:
    command = [*COMMAND, "subscribe", devnet.endpoints[1], topic, "--credentials", str(devnet.credentials)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        publisher.publish(topic, "heard", wait_for_subscriber=True, timeout=GUARD)
        assert program.stdout is not None
        while b"heard" not in program.stdout.readline():
            pass
        os.kill(program.pid, signal.SIGINT)
        _, said = program.communicate(timeout=GUARD)
    assert b"Traceback" not in said
    assert program.returncode in (0, 130)
