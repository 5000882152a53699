"""What became of each upload in each variant, as the functions' log lines tell it."""

import itertools
import json
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_RECEIVES = 3
"""After so many receives SQS moves a message to the dead-letter queue: fewer than on AWS, for somebody is waiting."""

FINAL = frozenset({"made", "removed", "skipped", "rejected"})


@dataclass(frozen=True)
class Outcome:
    """One upload in one variant."""

    variant: str
    key: str
    outcome: str
    """made, removed, skipped, rejected or retried."""
    reason: str | None = None
    detail: str | None = None
    output: str | None = None
    """The result's key in the results' bucket."""
    bytes_in: int | None = None
    bytes_out: int | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    milliseconds: float | None = None
    receives: int = 1

    @property
    def final(self) -> bool:
        """Whether nothing more will come: the message is deleted or set aside."""
        return self.outcome in FINAL or self.receives >= MAX_RECEIVES

    @property
    def made(self) -> bool:
        """Whether there is a result."""
        return self.outcome == "made"


def parse(line: str) -> Outcome | None:
    """The outcome that a function's log line holds; None for every other line."""
    if not line.startswith("{"):
        return None
    try:
        said: Any = json.loads(line)
    except ValueError:
        return None
    if not all(isinstance(said.get(name), str) for name in ("variant", "key", "outcome")):
        return None
    names = Outcome.__dataclass_fields__
    return Outcome(**{name: value for name, value in said.items() if name in names and value is not None})


class Tally:
    """Collects outcomes from any thread until each upload has a final one in each variant."""

    def __init__(self, variants: Iterable[str], keys: Iterable[str]) -> None:
        self._pending = set(itertools.product(variants, keys))
        self.total = len(self._pending)
        """How many final outcomes there will be."""
        self._news: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def add(self, outcome: Outcome) -> None:
        """Take note of `outcome`: the first final one of an upload and variant counts, a duplicate changes nothing."""
        with self._lock:
            if outcome.final and (outcome.variant, outcome.key) in self._pending:
                self._pending.remove((outcome.variant, outcome.key))
                self._news.put(outcome)

    def next(self, seconds: float) -> Outcome | None:
        """The next final outcome; None if `seconds` go by without."""
        try:
            return self._news.get(timeout=seconds)
        except queue.Empty:
            return None

    def pending(self) -> set[tuple[str, str]]:
        """Variant and key of what has no final outcome yet."""
        with self._lock:
            return set(self._pending)
