"""What is going on, on standard error: one line that changes on a terminal, a line now and then elsewhere."""

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console

from controlplane.progress import Meter


class Progress:
    """A step at a time; `say` may be called from any thread."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._console = self._new_console()
        self._shown = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def step(self, text: str) -> None:
        """A new part of the work begins."""
        self.clear()
        if self._console.is_terminal:
            self._shown.enter_context(self._console.status(text))
        else:
            self._console.print(text)

    def count(self, total: int) -> Meter:
        """A new part of the work begins, of so many results: they are counted by what this returns."""
        self.clear()
        meter = self._shown.enter_context(Meter("result", total, stream=self._stream))
        self._console = meter.console
        return meter

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text)

    def clear(self) -> None:
        """Take the changing line away."""
        self._shown.close()
        self._console = self._new_console()

    def _new_console(self) -> Console:
        return Console(file=self._stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
