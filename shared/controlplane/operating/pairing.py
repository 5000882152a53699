"""Uploads beside their results: two listings in order become pairs, in memory that does not grow with them.

A result's key is its upload's path, maybe with an extension appended. So the results of `cat` may come after other
uploads that begin with it (`cat-2`), but before the first key that is beyond `cat.` and all that follows a dot. Until
then an upload stays open. Those that are open at a time begin with one another, and a key has 1,024 bytes: there are
never more than that, and nearly always one.

S3 lists keys by their UTF-8 bytes, which is the order of code points, and so that of Python's strings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from controlplane.operating.listing import Listed
from imagemachine.keys import result_keys

_BEYOND = "/"
"""The character after the dot: every key that begins with an upload's path and a dot comes before it."""

_CUT = re.compile(r"~[0-9a-f]{16}\.[a-z]+$")
"""How the key of a result ends that had to be cut; see imagemachine.keys."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An upload with all that may be a result of it; or an object among the results that no upload stands for."""

    path: str
    upload: Listed | None
    results: tuple[Listed, ...]


class Lookups(Protocol):
    """What the two listings cannot tell, asked for in the rare cases that need it."""

    def source(self, result: Listed) -> str | None:
        """The path of the upload that a result says it was made of; None where it says nothing."""

    def exists(self, path: str) -> bool:
        """Whether there is an upload at `path`."""

    def found(self, keys: tuple[str, ...]) -> tuple[Listed, ...]:
        """Those results among `keys` that there are."""


class Pairing:
    """The results of one variant, in order, paired with uploads that are handed in in order."""

    def __init__(self, results: Iterator[Listed], output_prefix: str, lookups: Lookups, below: str = "") -> None:
        """`below` is what all paths in both listings begin with."""
        self._results = results
        self._next = next(results, None)
        self._prefix = output_prefix
        self._lookups = lookups
        self._below = below
        self._open: list[_Open] = []

    def upload(self, upload: Listed) -> Iterator[Pair]:
        """Take the next upload; what is complete by then."""
        yield from self._results_before(upload.path)
        yield from self._closed(upload.path)
        self._open.append(_Open(upload, self._prefix))

    def end(self) -> Iterator[Pair]:
        """There are no more uploads; all that is left."""
        yield from self._results_before(None)
        yield from self._closed(None)

    def _results_before(self, path: str | None) -> Iterator[Pair]:
        """Take the results that come before `path`, or all: those that nobody claims are pairs by themselves."""
        while (result := self._next) is not None and (path is None or result.path < path):
            self._next = next(self._results, None)
            yield from self._closed(result.path)
            claimants = [one for one in self._open if self._prefix + result.path in one.keys]
            if claimants:
                self._owner(result, claimants).results.append(result)
            elif self._stray(result):
                yield Pair(result.path, None, (result,))

    def _closed(self, reached: str | None) -> Iterator[Pair]:
        """The uploads to which no result can come any more when a listing is at `reached`."""
        while self._open and (reached is None or reached >= self._open[-1].upload.path + _BEYOND):
            one = self._open.pop()
            cut = self._lookups.found(one.cut_keys) if one.cut_keys else ()
            yield Pair(one.upload.path, one.upload, (*one.results, *cut))

    def _owner(self, result: Listed, claimants: "list[_Open]") -> "_Open":
        """`cat.heic.jpg` can be of `cat.heic` or of `cat.heic.jpg`: where there are both, it says itself of which."""
        if len(claimants) > 1:
            source = self._lookups.source(result)
            for one in claimants:
                if one.upload.path == source:
                    return one
        return claimants[-1]

    def _stray(self, result: Listed) -> bool:
        """Whether no upload stands for `result`, also none that the listing of uploads does not show in its place."""
        stem = result.path.rpartition(".")[0]
        if len(stem) < len(self._below) and self._of(stem, result):
            return False
        if not _CUT.search(result.path):
            return True
        source = self._lookups.source(result)
        return source is None or not self._of(source, result)

    def _of(self, path: str, result: Listed) -> bool:
        """Whether `result` can be of an upload at `path`, and there is one."""
        keys = result_keys(path, "", self._prefix) if path else ()
        return self._prefix + result.path in keys and self._lookups.exists(path)


@dataclass
class _Open:
    """An upload to which results may still come."""

    upload: Listed
    prefix: str
    results: list[Listed] = field(default_factory=list)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every key that a result of it can have."""
        return frozenset(result_keys(self.upload.path, "", self.prefix))

    @cached_property
    def cut_keys(self) -> tuple[str, ...]:
        """Those of them that do not come where results of this upload are looked for."""
        plain = self.prefix + self.upload.path
        longest = len(plain.encode()) + 6  # A dot and the longest extension that is appended.
        return tuple(sorted(key for key in self.keys if not key.startswith(plain))) if longest > 1024 else ()
