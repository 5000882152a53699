"""The folder that the results go to: nothing in it that is not ours is ever overwritten or removed."""

import hashlib
import json
import os
import threading
from pathlib import Path, PurePosixPath

from controlplane.errors import UsageError

MANIFEST = ".image-machine"
SHEET = "index.html"
REPORT = "report.json"
UPLOADS = "ingest"
PREVIEWS = "previews"

_MAX_NAME_BYTES = 255


class OutputFolder:
    """DIR, with a list of what this and earlier runs wrote there. Thread-safe.

    Raises UsageError where it is not a folder, cannot be written, or holds a sheet or report of somebody else's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest = folder / MANIFEST
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._earlier = frozenset(self._read())
            self._manifest.touch()
        except FileExistsError as error:
            raise UsageError(f"{folder} is not a folder: name another one with --out.") from error
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be written ({error.strerror}): name another folder with --out."
            ) from error
        self._ours = set(self._earlier)
        self._written: set[str] = set()
        self._lock = threading.Lock()
        for name in (SHEET, REPORT):
            if (folder / name).exists() and name not in self._ours:
                raise UsageError(f"{folder / name} was not made here: name another folder with --out.")

    def claim(self, path: str) -> Path:
        """The file to write for `path`, a `/`-separated path below the folder; it is noted as ours.

        A name that the file system would not take is shortened; one that a file of somebody else's has gets a number.
        Raises ValueError for a path that leads out of the folder.
        """
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise ValueError(f"{path!r} leads out of the folder.")
        first = PurePosixPath(*map(_shortened, pure.parts))
        with self._lock:
            relative, number = first, 2
            while str(relative) not in self._ours and os.path.lexists(self.folder / relative):
                relative = first.with_name(f"{first.stem}-{number}{first.suffix}")
                number += 1
            self._note(str(relative))
        target = self.folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def remove_stale(self, variant: str, path: str) -> None:
        """Remove what an earlier run left of a result that this run did not make, lest it be taken for one."""
        stem = str(PurePosixPath(variant, *map(_shortened, PurePosixPath(path).parts)))
        for relative in self._earlier - self._written:
            if relative == stem or (relative.startswith(f"{stem}.") and "/" not in relative[len(stem) :]):
                (self.folder / relative).unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Remove a file of ours, and the folders that it leaves empty."""
        relative = PurePosixPath(*map(_shortened, PurePosixPath(path).parts))
        with self._lock:
            if str(relative) not in self._ours:
                return
        (self.folder / relative).unlink(missing_ok=True)
        for parent in relative.parents[:-1]:
            try:
                (self.folder / parent).rmdir()
            except OSError:
                return  # It holds something else.

    def _note(self, relative: str) -> None:
        self._written.add(relative)
        if relative not in self._ours:
            self._ours.add(relative)
            with self._manifest.open("a") as manifest:
                manifest.write(json.dumps(relative) + "\n")

    def _read(self) -> list[str]:
        if not self._manifest.exists():
            return []
        return [str(json.loads(line)) for line in self._manifest.read_text().splitlines() if line.endswith('"')]


def put_in_place(target: Path, data: bytes) -> None:
    """Write a whole file: whoever reads `target` meanwhile finds what was there before."""
    partial = target.with_name(f"{target.name}.partial")
    partial.write_bytes(data)
    partial.replace(target)


def _shortened(name: str) -> str:
    """`name`, or, where it has more than 255 bytes, its beginning, a hash and its extension."""
    if len(name.encode()) <= _MAX_NAME_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) < 16 else ""
    tail = f"~{hashlib.sha256(name.encode()).hexdigest()[:16]}{suffix}"
    return name.encode()[: _MAX_NAME_BYTES - len(tail.encode())].decode(errors="ignore") + tail
