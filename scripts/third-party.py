#!/usr/bin/env python3
"""Print the licences of all crates that are linked into a package of this workspace: third-party.py PACKAGE [FEATURES].

The crates are those that cargo links for this system, without tools that only help to build. A crate without a licence
file fails the script, unless its licence is one of which another crate has the text.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

LICENCE = re.compile(r"^(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)


def cargo(*arguments: str) -> str:
    """Run cargo and return its output."""
    command = ["cargo", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def main(package: str, features: str = "") -> None:
    """Print the notices."""
    chosen = ["--locked", "--features", features]
    tree = cargo(
        "tree",
        *chosen,
        "--package",
        package,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    )
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1"))
    crates = [
        crate
        for crate in metadata["packages"]
        if crate["source"] and (crate["name"], f"v{crate['version']}") in linked
    ]
    if not crates:
        sys.exit(f"cargo lists no crates for {package}")
    texts: dict[str, list[str]] = {}
    listed: list[str] = []
    missing: list[tuple[str, str]] = []
    for crate in sorted(crates, key=lambda crate: (crate["name"], crate["version"])):
        name = f"{crate['name']} {crate['version']}"
        listed.append(f"{name}: {crate['license'] or 'see its licence file'}")
        folder = Path(crate["manifest_path"]).parent
        files = [file for file in sorted(folder.iterdir()) if LICENCE.match(file.name) and file.is_file()]
        if not files:
            missing.append((name, crate["license"] or ""))
        for file in files:
            texts.setdefault(file.read_text(encoding="utf-8", errors="replace").strip(), []).append(name)
    everything = "\n".join(texts)
    for name, licence in missing:
        # These two have the same text in every crate.
        if "Apache-2.0" not in licence or "Apache License" not in everything:
            sys.exit(f"{name} ({licence}) has no licence file")
    print("amop contains code of the following crates.\n")
    print("\n".join(listed))
    print("The Rust standard library: MIT OR Apache-2.0")
    for text, names in texts.items():
        print(f"\n{'-' * 80}\n{', '.join(dict.fromkeys(names))}\n{'-' * 80}\n{text}")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
