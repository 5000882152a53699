"""How far a long piece of work has come, on standard error: with its rate, and the time left where that is known."""

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TextIO

from rich.console import Console

from controlplane.words import count, duration

if TYPE_CHECKING:
    from rich.status import Status

_EVERY_SECONDS = 10.0
"""Where no line can change, a new one so often."""
_WINDOW_SECONDS = 20.0
"""Over which the rate is taken."""
_REDRAW_SECONDS = 0.2


class Meter:
    """One kind of thing, counted while a `with` lasts. Not for several threads."""

    def __init__(
        self,
        noun: str,
        total: int | None = None,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Counts `noun`s, of which there will be `total` where that is known."""
        self._noun = noun
        self._total = total
        self._clock = clock
        self.console = Console(file=stream or sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
        """What else is printed meanwhile goes through it, or would be written over."""
        self._line: Status | None = None
        self._remark = ""
        self._told = self._clock()
        self._counts: deque[tuple[float, int]] = deque([(self._told, 0)])
        self.number = 0
        """How many there were so far."""

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._line = self.console.status("")
            self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.stop()

    def add(self, number: int = 1) -> None:
        """So many more."""
        self.reached(self.number + number)

    def reached(self, number: int) -> None:
        """So many by now."""
        self.number = number
        self._remark = ""
        self._tell()

    def remark(self, text: str) -> None:
        """Something that is to be known for the moment."""
        self._remark = text
        self._tell()

    def words(self) -> str:
        """`1,240 of 3,000 messages, 87 a second, 20 s left`."""
        of = f" of {self._total:,}" if self._total is not None else ""
        plural = count(self._total if self._total is not None else self.number, self._noun).partition(" ")[2]
        parts = [f"{self.number:,}{of} {plural}"]
        if (rate := self._rate()) > 0:
            parts.append(f"{rate:,.0f} a second" if rate >= 10 else f"{rate:,.1f} a second")
            if self._total is not None and self.number < self._total:
                parts.append(f"{duration((self._total - self.number) / rate)} left")
        return ", ".join([*parts, *([self._remark] if self._remark else [])])

    def _rate(self) -> float:
        start, number = self._counts[0]
        seconds = self._clock() - start
        return (self.number - number) / seconds if seconds > 0 else 0.0

    def _tell(self) -> None:
        now = self._clock()
        if now - self._told < (_REDRAW_SECONDS if self._line else _EVERY_SECONDS):
            return
        self._told = now
        if self._line is not None:
            self._line.update(self.words())
        else:
            self.console.print(self.words())
        self._counts.append((now, self.number))
        while len(self._counts) > 1 and now - self._counts[1][0] >= _WINDOW_SECONDS:
            self._counts.popleft()
