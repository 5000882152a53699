"""What is going on, on standard error: one line that changes on a terminal, a line now and then elsewhere."""

import math
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress import Progress as Bar
from rich.text import Text

from controlplane.words import count, duration

_EVERY_SECONDS = 10.0
_FEW = 20
"""Results before which a rate would be a guess."""


class Progress:
    """May be used from any thread."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._terminal = self._console.is_terminal
        self._bar = Bar(
            BarColumn(bar_width=24, complete_style="default", finished_style="default", pulse_style="dim"),
            _Words(),
            console=self._console,
            transient=True,
            disable=not self._terminal,
            speed_estimate_period=20,
        )
        self._task = self._bar.add_task("", total=None, remark="")
        self._lock = threading.Lock()
        self._last = float("-inf")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def step(self, text: str, total: int | None = None) -> None:
        """A new part of the work begins, of so many results if that is known."""
        self._bar.reset(self._task, description=text, remark="")
        self._bar.tasks[0].total = total
        self._tell(at_once=True)

    def done(self, number: int) -> None:
        """So many results are there."""
        self._bar.update(self._task, completed=number, remark="")
        self._tell()

    def remark(self, text: str) -> None:
        """Something to be known of the present part."""
        self._bar.update(self._task, remark=text)
        self._tell()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text)

    def clear(self) -> None:
        """Take the changing line away; nothing more is shown."""
        self._bar.stop()

    def _tell(self, *, at_once: bool = False) -> None:
        """Where no line can change: a new one, if the last is old enough."""
        if self._terminal:
            return
        with self._lock:
            if not at_once and time.monotonic() - self._last < _EVERY_SECONDS:
                return
            self._last = time.monotonic()
        self._console.print(words(self._bar.tasks[0]))


class _Words(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(words(task))


def words(task: Task) -> str:
    """`Making: 1,240 of 3,000 results, 87 a second, 20 s left`."""
    if task.total is None:
        return task.description
    parts = [f"{task.completed:,.0f} of {count(int(task.total), 'result')}"]
    if task.completed >= _FEW and task.speed and not task.finished:
        parts.append(f"{task.speed:,.0f} a second" if task.speed >= 10 else f"{task.speed:,.1f} a second")
        left = math.ceil((task.remaining or 0) / task.speed)
        parts.append(f"{left} s left" if left < 60 else f"{duration(left)} left")
    if remark := task.fields["remark"]:
        parts.append(remark)
    return f"{task.description}: {', '.join(parts)}"
