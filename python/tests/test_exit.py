"""Interpreters that exit in difficult states: without crash, hang or output.

AMOP_EXITS processes of all scenarios together, a few at once; scripts/test-deep-python.sh runs 200.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import awkward_exits
import pytest
from guard import GUARD

from amop.devnet import Devnet

PROGRAM = Path(awkward_exits.__file__)
ROUNDS = -(-int(os.environ.get("AMOP_EXITS", "39")) // len(awkward_exits.SCENARIOS))
# More processes would only compete for the processors.
AT_ONCE = 2


@pytest.mark.parametrize("scenario", awkward_exits.SCENARIOS)
def test_interpreter_exits_cleanly(devnet: Devnet, scenario: str) -> None:
    def end(_: int) -> tuple[int, str, str]:
        ended = subprocess.run(
            [sys.executable, str(PROGRAM), scenario, str(devnet.credentials), *devnet.endpoints],
            capture_output=True,
            text=True,
            timeout=2 * GUARD,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(end, range(ROUNDS))) == {(0, "", "")}


def test_uncaught_ctrl_c_ends_a_program(devnet: Devnet) -> None:
    from programs import run

    source = """
    import os, signal, threading
    subscription = amop.connect(endpoints[0], credentials=credentials).subscribe('a')
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    subscription.next()
    """
    ended = run(source, devnet)
    assert ended.code == -2
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")
    assert ended.stderr.count("Traceback") == 1
