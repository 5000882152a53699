"""What an image is made of, in sixteen hexadecimal digits."""

import hashlib
from collections.abc import Sequence
from pathlib import Path


def fingerprint(text: str, folders: Sequence[str], root: Path) -> str:
    """Stands for `text` and for everything in `folders` below `root`, in whatever order they come.

    The same on every computer: names and contents count, times, modes and what Python leaves behind do not.
    """
    digest = hashlib.sha256(text.encode())
    files = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.relative_to(root).as_posix()):
        if "__pycache__" in path.parts or path.suffix == ".pyc":
            continue
        digest.update(b"\0" + path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
