"""Uploads beside their results: two listings in order become pairs, in memory that does not grow with them.

A result's key is its upload's path, maybe with an extension appended, and with one more for what lies beside it. So the
results of `cat` may come after other uploads that begin with it (`cat-2`), but before the first key that is beyond
`cat.` and all that follows a dot. Until then an upload stays open. Those that are open at a time begin with one
another, and a key has 1,024 bytes: there are never more than that, and nearly always one.

S3 lists keys by their UTF-8 bytes, which is the order of code points, and so that of Python's strings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from controlplane.operating.listing import Listed
from imagemachine.envelopes import MAX_KEY_BYTES
from imagemachine.formats import FORMATS
from imagemachine.keys import MANIFEST, extension, keys_beside, result_keys

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
        self._open.append(_Open(upload))

    def end(self) -> Iterator[Pair]:
        """There are no more uploads; all that is left."""
        yield from self._results_before(None)
        yield from self._closed(None)

    def _results_before(self, path: str | None) -> Iterator[Pair]:
        """Take the results that come before `path`, or all: those that nobody claims are pairs by themselves."""
        while (result := self._next) is not None and (path is None or result.path < path):
            self._next = next(self._results, None)
            yield from self._closed(result.path)
            claimants = [one for one in self._open if claims(one.upload.path, result.path)]
            if claimants:
                self._owner(result, claimants).results.append(result)
            elif self._stray(result):
                yield Pair(result.path, None, (result,))

    def _closed(self, reached: str | None) -> Iterator[Pair]:
        """The uploads to which no result can come any more when a listing is at `reached`."""
        while self._open and (reached is None or reached >= self._open[-1].upload.path + _BEYOND):
            one = self._open.pop()
            cut = cut_keys(one.upload.path, self._prefix)
            yield Pair(one.upload.path, one.upload, (*one.results, *(self._lookups.found(cut) if cut else ())))

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
        stem = result.path
        for _ in range(_MOST_APPENDED):
            stem = stem.rpartition(".")[0]
            # Below a part of a key: the listing of uploads begins behind this one.
            if stem and len(stem) < len(self._below) and claims(stem, result.path) and self._lookups.exists(stem):
                return False
        if not _CUT.search(result.path):
            return True
        source = self._lookups.source(result) or ""
        possible = possible_keys(source, self._prefix) if source else ()
        return self._prefix + result.path not in possible or not self._lookups.exists(source)


_MOST_APPENDED = 2
_WRITABLE = tuple(format_ for format_ in FORMATS.values() if format_.writable)
_SAID = frozenset(extension_ for format_ in _WRITABLE for extension_ in format_.extensions)
_APPENDED = frozenset(format_.extensions[0] for format_ in _WRITABLE)


def claims(upload: str, result: str) -> bool:
    """Whether a result at path `result` can be of an upload at path `upload`, where no key had to be cut."""
    if result == upload:
        return extension(upload) in _SAID
    if not result.startswith(f"{upload}."):
        return False
    *firsts, last = result[len(upload) + 1 :].split(".")
    return len(firsts) < _MOST_APPENDED and _APPENDED.issuperset(firsts) and (last in _APPENDED or last == MANIFEST)


def possible_keys(upload: str, output_prefix: str) -> frozenset[str]:
    """Every key that a result of the upload can have, and what lies beside it."""
    firsts = result_keys(upload, "", output_prefix)
    return frozenset(key for first in firsts for key in (first, *keys_beside(first)))


def cut_keys(upload: str, output_prefix: str) -> tuple[str, ...]:
    """Those of them that had to be cut: none but for an upload whose key is nearly as long as a key can be."""
    plain = output_prefix + upload
    if len(plain.encode()) + _LONGEST_APPENDED <= MAX_KEY_BYTES:
        return ()
    return tuple(sorted(key for key in possible_keys(upload, output_prefix) if not key.startswith(plain)))


_LONGEST_APPENDED = _MOST_APPENDED * (1 + max(map(len, _APPENDED | {MANIFEST})))


@dataclass
class _Open:
    """An upload to which results may still come."""

    upload: Listed
    results: list[Listed] = field(default_factory=list)
