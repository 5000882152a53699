"""Renders every file of a folder in every variant, for the eye to look at: python3 -m eye.render_all UPLOADS RESULTS

It is what runs where the machine is as it ships: it takes nothing but the library, and what the tests draw with.
"""

import sys
from pathlib import Path

from pictures_kit import rendered, variants


def main(uploads: Path, results: Path) -> None:
    """Writes `results/<upload>.<variant>` for each."""
    for upload in sorted(uploads.iterdir()):
        for name in variants():
            (results / f"{upload.name}.{name}").write_bytes(rendered(upload.read_bytes(), name).data)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
