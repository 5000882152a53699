"""What is going on, on standard error: one line that changes on a terminal, a line now and then elsewhere."""

import shutil
import sys
import threading
import time
from typing import TextIO

_EVERY_SECONDS = 10.0
_REDRAW_SECONDS = 0.05


class Progress:
    """May be used from any thread."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._lock = threading.Lock()
        self._shown = ""
        self._last = float("-inf")

    def update(self, text: str) -> None:
        """Show `text` as what is going on now."""
        with self._lock:
            pause = _REDRAW_SECONDS if self._terminal else _EVERY_SECONDS
            if time.monotonic() - self._last < pause:
                return
            self._last = time.monotonic()
            if self._terminal:
                self._draw(text)
            else:
                print(text, file=self._stream, flush=True)

    def step(self, text: str) -> None:
        """Show `text` in any case: a new part of the work begins."""
        self._last = float("-inf")
        self.update(text)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            shown = self._shown
            self._draw("")
            print(text, file=self._stream, flush=True)
            self._draw(shown)

    def clear(self) -> None:
        """Take the changing line away."""
        with self._lock:
            self._draw("")

    def _draw(self, text: str) -> None:
        if not self._terminal or text == self._shown:
            return
        width = shutil.get_terminal_size().columns - 1
        text = text[:width]
        self._stream.write(f"\r{text}\x1b[K")
        self._stream.flush()
        self._shown = text
