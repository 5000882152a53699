"""Files that are written once and hardly read again while the machine works: past the system's page cache.

For each page of a file in there the kernel has to find and clear memory, which takes longer than all else of a
download, and of which the functions and the emulator could make better use.
"""

import fcntl
import mmap
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_DIRECT = getattr(os, "O_DIRECT", 0)
"""0 where the system has no such way."""
_PIECE_BYTES = 1 << 20
_own = threading.local()


class Output:
    """A file that is written from its beginning, whatever it held."""

    def __init__(self, target: Path) -> None:
        """Raises OSError."""
        self._file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        with suppress(OSError):  # Not every file system can.
            fcntl.fcntl(self._file, fcntl.F_SETFL, self._flags | _DIRECT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, read_into: Callable[[memoryview], int]) -> int:
        """Write all that `read_into` gives until it gives nothing, from the beginning; the number of bytes."""
        os.ftruncate(self._file, 0)
        length = 0
        piece = _piece()
        while count := _filled(piece, read_into):
            # What is written so is written in whole pages, and what is too much cut off again.
            self._put(piece[: -(-count // mmap.PAGESIZE) * mmap.PAGESIZE], length)
            length += count
        os.ftruncate(self._file, length)
        return length

    def _put(self, data: memoryview, offset: int) -> None:
        while data:
            try:
                count = os.pwrite(self._file, data, offset)
            except OSError:
                if fcntl.fcntl(self._file, fcntl.F_GETFL) == self._flags:
                    raise
                fcntl.fcntl(self._file, fcntl.F_SETFL, self._flags)
                continue
            data = data[count:]
            offset += count


def _piece() -> memoryview:
    """This thread's own memory, at the beginning of a page."""
    if not hasattr(_own, "piece"):
        _own.piece = memoryview(mmap.mmap(-1, _PIECE_BYTES))
    piece: memoryview = _own.piece
    return piece


def _filled(piece: memoryview, read_into: Callable[[memoryview], int]) -> int:
    """How much of `piece` was filled: all of it, unless that was the end."""
    filled = 0
    while filled < len(piece) and (count := read_into(piece[filled:])):
        filled += count
    return filled
