"""Looks at pictures, by a process that runs look.py: sizes, and previews of what browsers do not show."""

import itertools
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from children import Family, stop

_PROGRAM = Path(__file__).with_name("look.py")


@dataclass(frozen=True)
class Seen:
    """A picture as this computer's Pillow sees it."""

    width: int = 0
    height: int = 0
    """In pixels, upright; 0 where it could not be opened."""
    frames: int = 0
    transparent: bool = False
    """Whether something may show through."""


NOTHING_SEEN = Seen()


class Inspector:
    """A file that the process dies on was simply not seen. Thread-safe."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def look(self, file: Path) -> tuple[Seen, Path | None]:
        """Open `file`; if browsers do not show its format there is a preview, a WebP to be moved elsewhere."""
        with self._lock:
            preview = self._family.workspace / f"preview-{next(self._numbers)}.webp"
            if self._child is None:
                self._child = self._start()
            try:
                seen = self._ask(self._child, [str(file.absolute()), str(preview)])
            except (OSError, ValueError):
                self._end()
                return NOTHING_SEEN, None
        return seen, preview if seen.width and preview.exists() else None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._child is not None:
            with self._child:  # Which closes the pipes.
                stop(self._child)
            self._child = None

    @staticmethod
    def _ask(child: subprocess.Popen[bytes], request: list[str]) -> Seen:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - they were asked for
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        return Seen(**json.loads(child.stdout.readline()))

    def _start(self) -> subprocess.Popen[bytes]:
        return self._family.start(
            [sys.executable, "-I", _PROGRAM],
            environment={"LANG": "C.UTF-8"},
            folder=self._family.workspace,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
