"""What the page shows, and where it comes from."""

from dataclasses import dataclass
from typing import Protocol

from controlplane.errors import Failure


@dataclass(frozen=True)
class Machine:
    """What is drawn, and does not change while it is."""

    name: str
    where: str
    """The emulator's URL, or account and region."""
    uploads: str
    """Where uploads go: `s3://bucket/ingest/`."""
    results: str
    """Where results go: `s3://bucket/`."""
    variants: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """One variant, as its queues tell of it."""

    name: str
    queued: int
    in_flight: int
    dead_letters: int
    made: int | None = None
    """Results, where somebody counts them; over which time is the source's to choose."""
    oldest_seconds: float | None = None
    trouble: str | None = None
    """A sentence, where something needs to be looked at."""


@dataclass(frozen=True)
class State:
    """The machine as it is at one moment."""

    variants: tuple[Counts, ...] = ()
    problems: tuple[str, ...] = ()
    """What is wrong and what to do, a sentence each."""


class SourceError(Failure):
    """How the machine is cannot be told now; the message is a sentence for a person."""


class Source(Protocol):
    """Whom the page asks. It does so from a thread, and only while somebody looks at the page."""

    @property
    def machine(self) -> Machine:
        """What to draw."""

    @property
    def pause(self) -> float:
        """Seconds between two questions."""

    def look(self) -> State:
        """The machine as it is now. Raises SourceError."""
