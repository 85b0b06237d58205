#!/usr/bin/env python3
"""Record `amop demo` as an animated picture: record-demo.py AMOP docs/assets/demo.svg.

Each line of the output appears at the time at which the command wrote it; pauses longer than a second are shortened.
Viewers without animations show all lines.
"""

from __future__ import annotations

import subprocess
import sys
import time
from html import escape
from pathlib import Path

# Pixels: of a character and a line of the monospaced font, and around the text.
CHARACTER, LINE, MARGIN, BAR = 7.8, 19, 16, 28
# Seconds: the longest pause, and how long the last line stays before the recording starts again.
LONGEST_PAUSE, AT_THE_END = 1.0, 5.0
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
BACKGROUND, FRAME, TEXT, PROMPT, DIMMED = "#1b2021", "#31393b", "#d8dee9", "#8fd7c0", "#8b9599"


def record(command: str) -> list[tuple[float, str]]:
    """Run the demo and return its lines, with the seconds since the start."""
    lines = [(0.0, "$ amop demo")]
    at = 0.5
    before = time.monotonic()
    with subprocess.Popen([command, "demo"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdout is None:
            sys.exit("the output can't be read")
        for line in process.stdout:
            now = time.monotonic()
            at += min(now - before, LONGEST_PAUSE)
            before = now
            lines.append((at, line.rstrip("\n")))
    if process.returncode != 0:
        sys.exit(f"amop demo ended with {process.returncode}")
    return lines


def picture(lines: list[tuple[float, str]]) -> str:
    """Return the lines as SVG."""
    width = round(max(len(text) for _, text in lines) * CHARACTER + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN + BAR
    length = lines[-1][0] + AT_THE_END
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>amop demo: publishers and a subscriber on two embedded nodes</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
        f'<path d="M0 8a8 8 0 0 1 8-8h{width - 16}a8 8 0 0 1 8 8v{BAR - 8}H0z" fill="{FRAME}"/>',
        f'<g font-family="{FONT}" font-size="13" xml:space="preserve">',
    ]
    for number, (at, text) in enumerate(lines):
        if not text:
            continue
        colour = PROMPT if text.startswith("$") else DIMMED if text.startswith("#") else TEXT
        y = BAR + MARGIN + (number + 1) * LINE - 6
        # Hidden until its time, within a cycle of all lines.
        hidden = f'<animate attributeName="opacity" values="0;1;1" keyTimes="0;{at / length:.4f};1" calcMode="discrete"'
        animation = f'{hidden} dur="{length:.2f}s" repeatCount="indefinite"/>' if at else ""
        parts.append(f'<text x="{MARGIN}" y="{y}" fill="{colour}">{animation}{escape(text)}</text>')
    parts.append("</g>\n</svg>\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    file = Path(sys.argv[2])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(picture(record(sys.argv[1])))
