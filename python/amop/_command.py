"""The command ``amop``, as the package installs it."""

from __future__ import annotations

import signal
import sys

from . import _amop


def main() -> int:
    """Run the command with the process's arguments; its exit code."""
    # The command has a way of its own to end at Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _amop.run_command(sys.argv)
