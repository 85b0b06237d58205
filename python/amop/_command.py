"""The command ``amop``, as installed by the package."""

from __future__ import annotations

import signal
import sys

from . import _amop


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    # The command handles Ctrl-C itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _amop.run_command(sys.argv)
