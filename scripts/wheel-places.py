#!/usr/bin/env python3
"""Replace the folder where a wheel was built in its list of crates: wheel-places.py WHEEL FOLDER.

The list (the SBOM that maturin writes) names the crates of this project by their folders on the machine that built
them. The rest of the wheel stays as it is.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from pathlib import Path

from wheel_record import digest


def main(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist()]
    place = folder.resolve().as_uri().encode()
    changed = {
        info.filename: data.replace(place, b"file:///amop")
        for info, data in entries
        if "/sboms/" in info.filename and place in data
    }
    if not changed:
        sys.exit(f"{wheel.name} has no list that names {folder}")
    for info, data in entries:
        if info.filename.endswith(".dist-info/RECORD"):
            rows = list(csv.reader(io.StringIO(data.decode())))
            record = io.StringIO()
            writer = csv.writer(record, lineterminator="\n")
            for name, *rest in rows:
                new = changed.get(name)
                writer.writerow([name, *rest] if new is None else [name, digest(new), str(len(new))])
            changed[info.filename] = record.getvalue().encode()
            break
    written = wheel.with_suffix(".new")
    with zipfile.ZipFile(written, "w") as archive:
        for info, data in entries:
            archive.writestr(info, changed.get(info.filename, data), compress_type=info.compress_type)
    written.replace(wheel)


main(Path(sys.argv[1]), Path(sys.argv[2]))
