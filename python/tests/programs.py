"""Runs Python programs as processes, for tests that end a process or need one of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guard import GUARD

if TYPE_CHECKING:
    from amop.devnet import Devnet


@dataclass
class Ended:
    """What a program left behind."""

    code: int
    """The exit code; negative if ended by this signal."""
    stdout: str
    stderr: str


LIMIT = 4 * GUARD
"""When a test gives up on a program, in seconds. Waits that tests interrupt are longer."""


def run(source: str, devnet: Devnet | None = None, *options: str, start: str | None = None) -> Ended:
    """Run a program to its end. It has the names `amop`, `endpoints` and `credentials`, unless it has its own start."""
    arguments = [] if devnet is None else [str(devnet.credentials), *devnet.endpoints]
    if start is None:
        start = "import amop, sys\n"
        if devnet is not None:
            start += "endpoints, credentials = sys.argv[2:], sys.argv[1]\n"
    command = [sys.executable, *options, "-c", start + textwrap.dedent(source), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def clean(ended: Ended) -> str:
    """Return the output of a program that succeeded and printed nothing on standard error."""
    assert (ended.code, ended.stderr) == (0, ""), ended
    return ended.stdout
