"""Looks at pictures, by a process that runs look.py: sizes, and previews of what browsers do not show."""

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from controlplane.local.children import Family, stop

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

    def look(self, files: Sequence[Path]) -> list[tuple[Seen, Path | None]]:
        """Open `files`; if browsers do not show one's format there is a preview, a WebP to be moved elsewhere.

        All in one go: each time that the process is woken takes longer than looking at a few more.
        """
        with self._lock:
            asked = [(file, self._family.workspace / f"preview-{next(self._numbers)}.webp") for file in files]
            try:
                seen = self._ask(asked)
            except (OSError, ValueError):
                # It died on one of them. On which, is seen when they come one by one.
                seen = [self._seen(*one) for one in asked]
        return [
            (found, preview if found.width and preview.exists() else None)
            for found, (_, preview) in zip(seen, asked, strict=True)
        ]

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._child is not None:
            with self._child:  # Which closes the pipes.
                stop(self._child)
            self._child = None

    def _seen(self, file: Path, preview: Path) -> Seen:
        try:
            return self._ask([(file, preview)])[0]
        except (OSError, ValueError):
            return NOTHING_SEEN

    def _ask(self, asked: Sequence[tuple[Path, Path]]) -> list[Seen]:
        """What the process sees. Raises OSError or ValueError where it does not answer, and it is ended."""
        if self._child is None:
            self._child = self._start()
        requests, answers = self._child.stdin, self._child.stdout
        assert requests is not None and answers is not None  # noqa: S101, PT018 - they were asked for
        try:
            lines = [json.dumps([str(file.absolute()), str(preview)]) + "\n" for file, preview in asked]
            requests.write("".join(lines).encode())
            requests.flush()
            return [Seen(**json.loads(answers.readline())) for _ in asked]
        except (OSError, ValueError):
            self._end()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        return self._family.start(
            [sys.executable, "-I", _PROGRAM],
            environment={"LANG": "C.UTF-8"},
            folder=self._family.workspace,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
