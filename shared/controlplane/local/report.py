"""report.json: a row per picture, variant and format."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from controlplane.local.inspector import NOTHING_SEEN, Seen
from controlplane.local.outcomes import Outcome, Output
from controlplane.local.results import put_in_place
from controlplane.local.uploads import Upload


@dataclass(frozen=True)
class Result:
    """One variant of one picture in one format, as it ended."""

    outcome: Outcome
    output: Output | None = None
    """None where the outcome is another than made."""
    file: Path | None = None
    """The downloaded result."""
    seen: Seen = NOTHING_SEEN
    preview: Path | None = None
    """A small stand-in, for a file that is large or that browsers do not show."""
    problem: str | None = None
    """A sentence, where the result is not what the function's log line says."""

    @property
    def good(self) -> bool:
        """Whether the result is there, and is what it should be."""
        return self.outcome.made and self.problem is None


@dataclass(frozen=True)
class Picture:
    """One upload with its results, in the variants' order."""

    upload: Upload
    bytes: int
    results: tuple[Result, ...]
    seen: Seen = NOTHING_SEEN
    copy: Path | None = None
    """The upload beside its results; None where no variant could be made of it."""
    preview: Path | None = None

    @property
    def good(self) -> bool:
        """Whether every variant was made."""
        return all(result.good for result in self.results)


def write(target: Path, seconds: float, pictures: Sequence[Picture]) -> None:
    """Write the report; its `output`s are relative to the folder of `target`."""
    rows = [row(picture, result, target.parent) for picture in pictures for result in picture.results]
    text = json.dumps({"seconds": round(seconds, 3), "results": rows}, indent=1, ensure_ascii=False)
    # A file name need not be Unicode; a report is.
    put_in_place(target, text.encode(errors="replace"))


def row(picture: Picture, result: Result, folder: Path) -> dict[str, str | int | float | None]:
    """What the contract says of one result."""
    outcome, output = result.outcome, result.output or Output("")
    return {
        "source": picture.upload.shown,
        "key": outcome.key,
        "variant": outcome.variant,
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "detail": result.problem or outcome.detail,
        "output": result.file.relative_to(folder).as_posix() if result.file else None,
        "bytes_in": picture.bytes,
        "bytes_out": output.bytes,
        "width": output.width,
        "height": output.height,
        "frames": outcome.frames,
        "ms": outcome.milliseconds,
        "format": output.format,
    }
