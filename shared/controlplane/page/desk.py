"""What the page can do beside looking: take uploads, and show them with their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from controlplane.errors import Failure
from controlplane.page.journal import Journal


class RefusedError(Failure):
    """An upload is not taken, or a picture cannot be shown; the message is a sentence for a person."""


@dataclass(frozen=True)
class Picture:
    """A picture that a browser can show."""

    data: bytes
    content_type: str


class Desk(Protocol):
    """Its methods are called from threads."""

    @property
    def journal(self) -> Journal:
        """What was uploaded and what became of it."""

    @property
    def beside(self) -> Mapping[str, Sequence[str]]:
        """By variant, the formats that lie beside each of its results, as far as that was seen."""

    @property
    def extensions(self) -> Sequence[str]:
        """Those of files that are taken, lower case, with the dot."""

    @property
    def most_bytes(self) -> int:
        """The largest file that is taken."""

    def put(self, path: str, file: BinaryIO) -> None:
        """Upload what is left of `file` as `path` below the prefix. Raises RefusedError."""

    def small(self, key: str, *, of_upload: bool) -> Picture:
        """A picture of a few hundred pixels of the upload or result `key`. Raises RefusedError."""

    def whole(self, key: str, *, of_upload: bool) -> Picture:
        """The result itself, or the upload. Raises RefusedError where no browser shows it."""
