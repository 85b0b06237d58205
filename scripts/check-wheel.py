"""Looks into a wheel: python3 scripts/check-wheel.py dev|release WHEEL."""

import csv
import io
import json
import re
import sys
import zipfile
from pathlib import Path

from wheel_record import digest

SOURCES = [path for path in Path("python/amop").rglob("*.py*") if "__pycache__" not in path.parts]
PACKAGE = {path.relative_to("python").as_posix() for path in SOURCES} | {
    "amop/py.typed",
    "amop/_amop.abi3.so",
}


def main(kind: str, wheel: Path) -> None:
    name = re.fullmatch(r"amop-([^-]+)-cp311-abi3-(\S+)\.whl", wheel.name)
    if not name:
        sys.exit(f"{wheel.name}: it should be for the stable ABI of Python 3.11")
    version, platforms = name.groups()
    if kind == "release" and "manylinux2014_x86_64" not in platforms:
        sys.exit(f"{wheel.name}: it should be for manylinux2014")

    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"amop-{version}.dist-info"
        if missing := PACKAGE - names:
            sys.exit(f"{wheel.name} lacks {sorted(missing)}")
        if foreign := {name for name in names if not name.startswith(("amop/", f"{info}/"))}:
            sys.exit(f"{wheel.name} has {sorted(foreign)}, which isn't the package's")
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
        for line in ("amop=amop._command:main", "amop=amop.pytest_plugin"):
            if line not in entry_points.replace(" ", ""):
                sys.exit(f"{wheel.name} lacks the entry point {line}")
        boms = [name for name in names if name.startswith(f"{info}/sboms/") and name.endswith(".json")]
        if not boms:
            sys.exit(f"{wheel.name} has no list of what was built into it")
        # Each with its hash, which installers compare, and nothing of the machine that built a release.
        for file, hashed, _ in csv.reader(io.StringIO(archive.read(f"{info}/RECORD").decode())):
            data = archive.read(file)
            if hashed and hashed != digest(data):
                sys.exit(f"{wheel.name}: {file} isn't what RECORD has")
            if kind == "release" and str(Path.cwd()).encode() in data:
                sys.exit(f"{wheel.name}: {file} names {Path.cwd()}")
        parts = {part["name"] for bom in boms for part in json.loads(archive.read(bom))["components"]}
        for crate in ("amop", "rustls", "ring", "tokio", "pyo3"):
            if crate not in parts:
                sys.exit(f"{wheel.name}: the list of what was built into it lacks {crate}")
        metadata = archive.read(f"{info}/METADATA").decode()
        for line in ("Requires-Python: >=3.11", "License-Expression: Apache-2.0"):
            if line not in metadata:
                sys.exit(f"{wheel.name}: its metadata lacks {line!r}")
        if "Requires-Dist" in metadata:
            sys.exit(f"{wheel.name} needs other packages")
        if kind == "release" and f"{info}/licenses/THIRD-PARTY" not in names:
            sys.exit(f"{wheel.name} lacks the licences of what was built into it")
        size = wheel.stat().st_size / 1e6
    print(f"{wheel.name}: {size:.1f} MB, {len(parts)} crates listed")


main(sys.argv[1], Path(sys.argv[2]))
