"""What became of each upload in each variant, as the functions' log lines tell it."""

import itertools
import json
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imagemachine.formats import FORMATS

MAX_RECEIVES = 3
"""After so many receives SQS moves a message to the dead-letter queue: fewer than on AWS, for somebody is waiting."""

FINAL = frozenset({"made", "removed", "skipped", "rejected"})


@dataclass(frozen=True)
class Output:
    """One result in the bucket."""

    key: str
    format: str | None = None
    """As the library calls it: `jpeg`, ..."""
    width: int | None = None
    height: int | None = None
    """In pixels."""
    bytes: int | None = None


@dataclass(frozen=True)
class Outcome:
    """One upload in one variant."""

    variant: str
    key: str
    outcome: str
    """made, removed, skipped, rejected or retried."""
    reason: str | None = None
    detail: str | None = None
    outputs: tuple[Output, ...] = ()
    """The results, one for each format."""
    bytes_in: int | None = None
    frames: int | None = None
    milliseconds: float | None = None
    receives: int = 1
    at: float = 0.0
    """When the function wrote it, in seconds since 1970."""

    @property
    def final(self) -> bool:
        """Whether nothing more will come: the message is deleted or set aside."""
        return self.outcome in FINAL or self.receives >= MAX_RECEIVES

    @property
    def made(self) -> bool:
        """Whether there is a result."""
        return self.outcome == "made"


_AS_SAID = ("variant", "key", "outcome", "reason", "detail", "bytes_in", "frames", "milliseconds", "receives")


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
    return Outcome(
        **{name: said[name] for name in _AS_SAID if said.get(name) is not None},
        outputs=tuple(_outputs(said)),
        at=said.get("_aws", {}).get("Timestamp", 0) / 1000,
    )


def _outputs(said: Mapping[str, Any]) -> Iterator[Output]:
    """A function tells of one result by the line's own fields, of several by a list of such."""
    several = said.get("outputs") or ()
    for output in several:
        yield Output(**{name: output[name] for name in Output.__dataclass_fields__ if output.get(name) is not None})
    if not several and said.get("output") is not None:
        key = said["output"]
        yield Output(key, _format_of(key), said.get("width"), said.get("height"), said.get("bytes_out"))


def _format_of(key: str) -> str | None:
    """By its extension: a result's key always has that of its format."""
    extension = key.rpartition(".")[2].lower()
    return next((format_.name for format_ in FORMATS.values() if extension in format_.extensions), None)


class Tally:
    """Collects outcomes from any thread until each upload has a final one in each variant."""

    def __init__(self, variants: Iterable[str], keys: Iterable[str]) -> None:
        self._pending = set(itertools.product(variants, keys))
        self.total = len(self._pending)
        """How many final outcomes there will be."""
        self._news: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def add(self, outcome: Outcome) -> bool:
        """Take note of `outcome`; whether it was waited for.

        The first final one of an upload and variant counts, a duplicate changes nothing.
        """
        with self._lock:
            if not outcome.final or (outcome.variant, outcome.key) not in self._pending:
                return False
            self._pending.remove((outcome.variant, outcome.key))
            self._news.put(outcome)
            return True

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
