"""What became of each upload in each variant, as the functions' log lines tell it."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

MAX_RECEIVES = 3
"""After so many receives SQS moves a message to the dead-letter queue."""

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

    def __init__(self, variants: Iterable[str], keys: Iterable[str], on_final: Callable[[Outcome], None]) -> None:
        keys = list(keys)
        self._pending = {(variant, key) for variant in variants for key in keys}
        self._final: dict[tuple[str, str], Outcome] = {}
        self._on_final = on_final
        self._changed = threading.Condition()

    def add(self, outcome: Outcome) -> None:
        """Take note of `outcome`; the first final one of an upload and variant counts, a duplicate changes nothing."""
        place = (outcome.variant, outcome.key)
        with self._changed:
            if place not in self._pending or not outcome.final:
                return
            self._pending.remove(place)
            self._final[place] = outcome
            self._changed.notify_all()
        self._on_final(outcome)

    def wait(self, seconds: float) -> bool:
        """Wait for news; False if `seconds` went by without."""
        with self._changed:
            return self._changed.wait(seconds) or not self._pending

    def pending(self) -> set[tuple[str, str]]:
        """Variant and key of what has no final outcome yet."""
        with self._changed:
            return set(self._pending)

    def get(self, variant: str, key: str) -> Outcome:
        """The final outcome."""
        return self._final[variant, key]

    def amend(self, outcome: Outcome, **changes: object) -> None:
        """Put right what a function said of an outcome that is final."""
        with self._changed:
            self._final[outcome.variant, outcome.key] = replace(outcome, **changes)  # type: ignore[arg-type]
