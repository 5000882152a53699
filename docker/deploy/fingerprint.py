"""Prints sixteen hexadecimal digits that stand for the text and for everything in the folders given.

    fingerprint.py TEXT FOLDER...

The same on every computer: names and contents count, times, modes and what Python leaves behind do not.
"""

import hashlib
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def fingerprint(text: str, folders: list[str], root: Path = PROJECT) -> str:
    """Of `folders` below `root`, in whatever order they come."""
    digest = hashlib.sha256(text.encode())
    files = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.relative_to(root).as_posix()):
        if "__pycache__" in path.parts or path.suffix == ".pyc":
            continue
        digest.update(b"\0" + path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    print(fingerprint(sys.argv[1], sys.argv[2:]))
