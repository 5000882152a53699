"""Feeds the machine from a folder: each picture that is finished there, and again when it has changed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane.errors import UsageError
from controlplane.local.background import background
from controlplane.local.uploads import Collected, Upload, pictures_below

EVERY_SECONDS = 1.0

State = tuple[int, int]
"""Size in bytes, and when it was last written, in nanoseconds."""


class Folder:
    """What was seen in a folder so far."""

    def __init__(self, folder: Path, without: Path) -> None:
        """`without` is where results go. Raises UsageError where there is no such folder."""
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder} to watch.")
        self._folder = folder
        self._without = without
        self._seen: dict[Path, State] = {}
        self._sent: dict[Path, State] = {}

    def finished(self) -> list[Upload]:
        """The pictures that are new or changed and have lain still since the last look."""
        seen = dict(self._states())
        still = [file for file, state in seen.items() if self._seen.get(file) == state != self._sent.get(file)]
        self._seen = seen
        self._sent |= {file: seen[file] for file in still}
        return [Upload(file, self._paths[file]) for file in still]

    def _states(self) -> Iterator[tuple[Path, State]]:
        self._paths: dict[Path, str] = {}
        for file, path in pictures_below(self._folder, self._without, Collected()):
            try:
                status = file.stat()
            except OSError:
                continue  # It was taken away meanwhile.
            if status.st_size:
                self._paths[file] = path
                yield file, (status.st_size, status.st_mtime_ns)


@contextmanager
def watched(folder: Folder, send: Callable[[Upload], None], say: Callable[[str], None]) -> Iterator[None]:
    """Have `send` called with what is finished in `folder`, within the block; `say` hears of trouble, once each."""

    def run(ended: threading.Event) -> None:
        said = ""
        while not ended.wait(EVERY_SECONDS):
            try:
                for upload in folder.finished():
                    send(upload)
            except UsageError as error:
                if str(error) != said:
                    said = str(error)
                    say(said)

    with background("watch", run):
        yield
