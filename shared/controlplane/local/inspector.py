"""Looks at pictures, by a process that runs look.py: what they are, and small ones of those that need it."""

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from controlplane.local.children import Family, stop
from imagemachine.formats import FORMATS

_PROGRAM = Path(__file__).with_name("look.py")
_NAMES = {name.upper(): name for name in FORMATS} | {"HEIF": "heic", "MPO": "jpeg"}
"""By what Pillow calls them."""


@dataclass(frozen=True)
class Seen:
    """A picture as this computer's Pillow sees it."""

    width: int = 0
    height: int = 0
    """In pixels, upright; 0 where it could not be opened."""
    frames: int = 0
    transparent: bool = False
    """Whether something may show through."""
    format: str | None = None
    """As the library calls it, `jpeg`; None where it does not know it."""


NOTHING_SEEN = Seen()


class _Asked(NamedTuple):
    file: Path
    preview: Path
    always: bool


def _read(answer: dict[str, Any]) -> Seen:
    return Seen(**{**answer, "format": _NAMES.get(answer.get("format", ""))})


class Inspector:
    """A file that the process dies on was simply not seen. Thread-safe."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def look(self, files: Sequence[Path], *, always: bool = False) -> list[tuple[Seen, Path | None]]:
        """Open `files`; of a large one, and one that no browser shows, there is a preview, and with `always` of each.

        It is a small WebP, to be moved elsewhere.

        All in one go: each time that the process is woken takes longer than looking at a few more.
        """
        with self._lock:
            asked = [
                _Asked(file, self._family.workspace / f"preview-{next(self._numbers)}.webp", always) for file in files
            ]
            try:
                seen = self._ask(asked)
            except (OSError, ValueError):
                # It died on one of them. On which, is seen when they come one by one.
                seen = [self._seen(one) for one in asked]
        return [
            (found, one.preview if found.width and one.preview.exists() else None)
            for found, one in zip(seen, asked, strict=True)
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

    def _seen(self, asked: "_Asked") -> Seen:
        try:
            return self._ask([asked])[0]
        except (OSError, ValueError):
            return NOTHING_SEEN

    def _ask(self, asked: Sequence["_Asked"]) -> list[Seen]:
        """What the process sees. Raises OSError or ValueError where it does not answer, and it is ended."""
        if self._child is None:
            self._child = self._start()
        requests, answers = self._child.stdin, self._child.stdout
        assert requests is not None and answers is not None  # noqa: S101, PT018 - they were asked for
        try:
            lines = [json.dumps([str(one.file.absolute()), str(one.preview), one.always]) + "\n" for one in asked]
            requests.write("".join(lines).encode())
            requests.flush()
            return [_read(json.loads(answers.readline())) for _ in asked]
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
