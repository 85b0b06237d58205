"""The programs in README.md and docs/python.md."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from guard import GUARD

from amop.devnet import Devnet

ROOT = Path(__file__).parents[2]


def programs(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def test_programs_of_the_readme_reach_each_other(devnet: Devnet) -> None:
    # Replace only the endpoints and the time until a new subscription is known.
    here, there = programs("README.md")[:2]
    environment = {"AMOP_CREDENTIALS": str(devnet.credentials), "PYTHONUNBUFFERED": "1"}
    assert '"127.0.0.1:20200"' in here
    assert '"127.0.0.1:20201"' in there
    here = here.replace("127.0.0.1:20200", devnet.endpoints[0])
    there = there.replace("127.0.0.1:20201", devnet.endpoints[1])
    there = there.replace("timeout=5", f"timeout={GUARD}, wait_for_subscriber=True")
    with subprocess.Popen(
        [sys.executable, "-c", here],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as listening:
        # The program subscribes to the news after it serves.
        with devnet.connect(1) as client:
            client.publish("news", "sun", wait_for_subscriber=True, timeout=GUARD)
        talked = subprocess.run(
            [sys.executable, "-c", there],
            capture_output=True,
            text=True,
            env=environment,
            timeout=2 * GUARD,
            check=False,
        )
        assert (talked.returncode, talked.stdout, talked.stderr) == (0, "b'hello, Ada'\n", "")
        assert listening.stdout is not None
        assert [listening.stdout.readline() for _ in range(2)] == ["b'sun'\n", "b'rain'\n"]
        listening.send_signal(signal.SIGINT)
        _, said = listening.communicate(timeout=GUARD)
    assert said.rstrip().endswith("KeyboardInterrupt")


def test_programs_of_the_page_run() -> None:
    shown = programs("docs/python.md")
    assert shown
    for program in shown:
        exec(compile(program, "docs/python.md", "exec"), {})
