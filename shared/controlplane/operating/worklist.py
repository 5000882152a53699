"""Work that an audit found, kept on disk until it is done: memory does not grow with it."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from tempfile import TemporaryFile
from typing import NamedTuple, Self

from controlplane.operating.listing import Listed


class Entry(NamedTuple):
    """One piece of work."""

    variant: str
    listed: Listed
    """The upload that is to be made, or the object that is to be removed."""
    alone: bool
    """Of an object: whether there was no upload for it."""


class WorkList:
    """Entries in the order in which they came."""

    def __init__(self) -> None:
        self._file = TemporaryFile("w+", encoding="utf-8", prefix="image-machine-")  # noqa: SIM115 - closed below
        self.counts: Counter[str] = Counter()
        """Entries by variant."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, entry: Entry) -> None:
        """Put one more at the end."""
        listed = entry.listed
        fields = [entry.variant, entry.alone, listed.path, listed.etag, listed.modified.isoformat(), listed.size]
        self._file.write(json.dumps(fields) + "\n")
        self.counts[entry.variant] += 1

    def __iter__(self) -> Iterator[Entry]:
        """All of them; nothing may be added meanwhile."""
        self._file.seek(0)
        for line in self._file:
            variant, alone, path, etag, modified, size = json.loads(line)
            yield Entry(variant, Listed(path, etag, datetime.fromisoformat(modified), size), alone)
