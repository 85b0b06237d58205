"""Warnings of this package."""

from __future__ import annotations

import sys
import warnings

LIKELY_MILLISECONDS = 600.0
"""Longer timeouts, in seconds, are probably meant to be milliseconds."""

_warned = False


def warn_of_milliseconds(name: str, seconds: float) -> None:
    """Warn, once in a process, of a time that is probably meant to be milliseconds."""
    global _warned
    if _warned:
        return
    _warned = True
    # The warning shows the line of the program, which is the first one outside of this package.
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "amop":
        level, frame = level + 1, frame.f_back
    warnings.warn(
        f"{name} is {seconds:g} s: times are in seconds, so {seconds:g} ms are {seconds / 1000:g}",
        UserWarning,
        stacklevel=level,
    )
