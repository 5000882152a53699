"""The uploads that a machine was seen to get, each with what became of it: what the page tells one by one."""

import itertools
import statistics
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

REMEMBERED = 3000
"""Uploads that can be looked at; older ones are only counted."""

SHOWN = 60
"""Uploads that are told of one by one, the newest, and as many of those that failed: nobody reads more."""

FAILED = frozenset({"rejected", "retried"})

_LATEST = 50
"""Of so many times is the median told."""


@dataclass(frozen=True)
class Result:
    """One result in the bucket."""

    key: str
    format: str | None
    """As the library calls it: `jpeg`, ..."""
    width: int | None
    height: int | None
    """In pixels."""
    bytes: int | None


@dataclass(frozen=True)
class Told:
    """What became of one upload in one variant."""

    variant: str
    outcome: str
    """made, removed, skipped, rejected or retried."""
    reason: str | None = None
    detail: str | None = None
    milliseconds: float | None = None
    results: tuple[Result, ...] = ()
    at: float = 0.0
    """Seconds since 1970."""


@dataclass
class Upload:
    """One upload, of which the journal alone changes anything."""

    number: int
    key: str
    size: int | None = None
    """In bytes."""
    at: float = 0.0
    """When it was seen, in seconds since 1970."""
    change: int = 0
    """The journal's count of changes when this one was last changed."""
    told: dict[str, Told] = field(default_factory=dict)
    """By variant."""
    lines: dict[str, list[str]] = field(default_factory=dict)
    """What the functions wrote of it, by variant, oldest first."""

    @property
    def failed(self) -> bool:
        """Whether a variant of it was not made, or not yet after trouble."""
        return any(told.outcome in FAILED for told in self.told.values())


class Journal:
    """Takes note from any thread, and tells what has changed since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = 0
        self._numbers = 0
        self._count = 0
        """Of keys: an upload that takes another's place is no further one."""
        self._by_key: dict[str, Upload] = {}
        self._by_number: dict[int, Upload] = {}
        """Oldest first."""
        self._outcomes: dict[str, Counter[str]] = {}
        self._times: dict[str, deque[float]] = {}
        self._outside: list[str] = []

    def uploaded(self, key: str, size: int, at: float) -> None:
        """There is an upload since `at`, in seconds since 1970; it has taken the place of an older one of its key.

        News of it may come late: what was told of it already stays with it.
        """
        with self._lock:
            known = self._by_key.get(key)
            early = {one.variant: one for one in known.told.values() if one.at >= at} if known else {}
            if known is None or known.size is not None or early.keys() != known.told.keys():
                known = self._new(key, size, at)
            known.size, known.at, known.told = size, at, early
            self._touch(known)

    def told(self, key: str, told: Told, line: str) -> None:
        """A function has written `line` of the upload `key`."""
        with self._lock:
            upload = self._by_key.get(key) or self._new(key, None, told.at)
            upload.told[told.variant] = told
            upload.lines.setdefault(told.variant, []).append(line)
            self._outcomes.setdefault(told.variant, Counter())[told.outcome] += 1
            if told.milliseconds is not None and told.outcome == "made":
                self._times.setdefault(told.variant, deque(maxlen=_LATEST)).append(told.milliseconds)
            self._touch(upload)

    def outside(self, keys: Sequence[str]) -> None:
        """These lie in the bucket where nothing is looked for."""
        with self._lock:
            if list(keys) != self._outside:
                self._outside = list(keys)
                self._changes += 1

    def upload(self, number: int) -> Upload | None:
        """The upload of this number, if it is remembered."""
        with self._lock:
            return self._by_number.get(number)

    def made(self, variant: str) -> int:
        """How many results were made."""
        with self._lock:
            return self._outcomes.get(variant, Counter())["made"]

    def news(self, since: int) -> dict[str, Any] | None:
        """What is new since change number `since`, to be sent as JSON; None if nothing is."""
        with self._lock:
            if self._changes == since:
                return None
            shown = {upload.number: upload for kind in (self._newest(), self._newest_failed()) for upload in kind}
            return {
                "change": self._changes,
                "uploaded": self._count,
                "variants": {
                    variant: {**outcomes, "milliseconds": _median(self._times.get(variant))}
                    for variant, outcomes in self._outcomes.items()
                },
                "outside": self._outside[:SHOWN],
                "uploads": [_plain(shown[number]) for number in sorted(shown) if shown[number].change > since],
            }

    def _newest(self) -> Iterator[Upload]:
        return itertools.islice(reversed(self._by_number.values()), SHOWN)

    def _newest_failed(self) -> Iterator[Upload]:
        return itertools.islice((upload for upload in reversed(self._by_number.values()) if upload.failed), SHOWN)

    def _new(self, key: str, size: int | None, at: float) -> Upload:
        self._numbers += 1
        replaced = self._by_key.get(key)
        upload = self._by_key[key] = Upload(self._numbers, key, size, at)
        if replaced is None:
            self._count += 1
        else:
            upload.lines = replaced.lines
            del self._by_number[replaced.number]
        self._by_number[upload.number] = upload
        if len(self._by_number) > REMEMBERED:
            oldest = next(iter(self._by_number.values()))
            del self._by_number[oldest.number], self._by_key[oldest.key]
        return upload

    def _touch(self, upload: Upload) -> None:
        self._changes += 1
        upload.change = self._changes


def _plain(upload: Upload) -> dict[str, Any]:
    return {
        "number": upload.number,
        "key": upload.key,
        "size": upload.size,
        "at": upload.at,
        "told": {variant: asdict(told) for variant, told in upload.told.items()},
    }


def _median(times: deque[float] | None) -> float | None:
    return round(statistics.median(times), 1) if times else None
