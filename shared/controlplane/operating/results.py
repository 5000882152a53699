"""What a stored result says of itself, and what that makes of its upload: current, missing, stale or rejected."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import unquote

from controlplane.operating.listing import Listed
from controlplane.operating.pairing import Pair
from imagemachine.keys import extension, key_beside


class State(StrEnum):
    """How a variant stands for one upload."""

    CURRENT = "current"
    """The result was made of this revision of the upload, by the recipe that is deployed."""
    MISSING = "missing"
    STALE = "stale"
    """There is a result of another revision, by another recipe, or not of the machine at all."""
    REJECTED = "rejected"
    """No result, and a dead letter about this revision says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a result's metadata says of it; None where it says nothing."""

    source: str | None = None
    """The key of the upload."""
    etag: str | None = None
    """Of the upload."""
    recipe: str | None = None
    beside: tuple[str, ...] = ()
    """The extensions under which more files of the same result lie beside it."""
    first: bool = True
    """Whether it is the result itself, and not one that lies beside it."""

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> "Told":
        """From an object's user metadata."""
        source = metadata.get("source-key")
        return cls(
            source=source and upload_key(source),
            etag=metadata.get("source-etag"),
            recipe=metadata.get("recipe"),
            beside=tuple(filter(None, metadata.get("beside", "").split(","))),
            first=metadata.get("role") != "beside",
        )

    @property
    def ours(self) -> bool:
        """Whether the machine wrote it."""
        return self.source is not None and self.recipe is not None


@dataclass(frozen=True)
class Wanted:
    """What a deployed variant makes of an upload, as its function says."""

    recipe: str
    only: Sequence[str] = ()
    never: Sequence[str] = ()
    """Shell patterns on the path below the ingest prefix: what the variant leaves out."""
    suffixes: Sequence[str] = ()
    """The extensions of uploads, lower case; none: all."""

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> "Wanted":
        """From what a function says of itself."""
        return cls(
            recipe=described["recipe"],
            only=described.get("only", ()),
            never=described.get("never", ()),
            suffixes=described.get("suffixes", ()),
        )

    def takes(self, path: str) -> bool:
        """Whether an upload at `path` is one for this variant."""
        if self.suffixes and extension(path) not in self.suffixes:
            return False
        if any(fnmatchcase(path, pattern) for pattern in self.never):
            return False
        return not self.only or any(fnmatchcase(path, pattern) for pattern in self.only)


class Prefixes(NamedTuple):
    """Below which uploads lie, and a variant's results."""

    ingest: str
    output: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one pair."""

    path: str
    state: State | None
    """None where there is no upload, or the variant leaves it out."""
    orphans: tuple[Listed, ...] = ()
    """Objects among the results that no upload stands for, or that its current result has taken the place of."""


def by_metadata(
    pair: Pair, told: Mapping[str, Told], wanted: Wanted, prefixes: Prefixes, rejected: datetime | None
) -> Verdict:
    """The verdict by what each result says of itself; `told` by path, without those that were gone meanwhile.

    `rejected` is when the newest dead letter about the upload was written, if there is one.
    """
    upload = pair.upload
    results = tuple(result for result in pair.results if result.path in told)
    if upload is None or not wanted.takes(upload.path):
        return Verdict(pair.path, None, results)
    own = {result.path for result in results if told[result.path].source == prefixes.ingest + upload.path}
    current = {path for path in own if (told[path].etag, told[path].recipe) == (upload.etag, wanted.recipe)}
    firsts = sorted(path for path in current if told[path].first)
    for path in firsts:
        whole = {path, *_beside(path, told[path].beside, prefixes.output)}
        if whole <= current:
            return Verdict(pair.path, State.CURRENT, _without(results, whole))
    # What stands where a result belongs is written over by the repair, whoever wrote it.
    places = own | {result.path for result in results if result.path == upload.path}
    strangers = _without(results, places)
    if rejected is not None and rejected >= upload.modified:
        return Verdict(pair.path, State.REJECTED, strangers)
    # Of a current result a part is missing; of any other the result itself may be.
    lacking = bool(firsts) or not any(told[path].first for path in places)
    return Verdict(pair.path, State.MISSING if lacking else State.STALE, strangers)


def _beside(path: str, extensions: Sequence[str], output_prefix: str) -> Iterator[str]:
    for each in extensions:
        yield key_beside(output_prefix + path, each).removeprefix(output_prefix)


def by_listing(pair: Pair, wanted: Wanted, rejected: datetime | None) -> Verdict:
    """The verdict by dates alone: a result older than its upload is stale, the recipe is taken to be the same."""
    upload = pair.upload
    if upload is None or not wanted.takes(upload.path):
        return Verdict(pair.path, None, pair.results)
    if any(result.modified >= upload.modified for result in pair.results):
        return Verdict(pair.path, State.CURRENT)
    if rejected is not None and rejected >= upload.modified:
        return Verdict(pair.path, State.REJECTED)
    return Verdict(pair.path, State.STALE if pair.results else State.MISSING)


def upload_key(source: str) -> str:
    """The upload's key out of the metadata entry `source-key`: percent-encoded, or an RFC 2047 word where long."""
    encoded = source.removeprefix("=?UTF-8?B?")
    if encoded == source:
        return unquote(source, errors="replace")
    try:
        return base64.b64decode(encoded.removesuffix("?="), validate=True).decode()
    except ValueError:
        return source


def _without(results: Sequence[Listed], paths: set[str]) -> tuple[Listed, ...]:
    return tuple(result for result in results if result.path not in paths)
