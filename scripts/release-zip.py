#!/usr/bin/env python3
"""Write a Go module's archive, the same bytes each time: release-zip.py FOLDER PREFIX FILE."""

import sys
import zipfile
from pathlib import Path

# The least time that an archive can express.
TIME = (1980, 1, 1, 0, 0, 0)


def main(folder: Path, prefix: str, file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(f"{prefix}/{path.relative_to(folder).as_posix()}", TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            archive.writestr(info, path.read_bytes())


main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
