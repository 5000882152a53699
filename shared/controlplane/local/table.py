"""The table at the end: what became of every picture, or with many of those that need a look."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from controlplane.local.report import Picture, Result
from controlplane.local.words import failures, verdict
from controlplane.words import count, duration, printable

MANY = 40
"""With more pictures than this, those that are well are only counted."""

MOST_FAILURES = 30
_NAME_WIDTH = 36


def table(pictures: Sequence[Picture], variants: Sequence[str], seconds: float, report: Path) -> str:
    """Lines of text, without a final line end."""
    parts = [_summary(pictures, seconds)]
    if len(pictures) <= MANY:
        parts.insert(0, _grid(pictures, variants))
    complaints = [line for picture in pictures if not picture.good for line in _complaints(picture, variants)]
    if complaints:
        parts.append("\n".join(complaints[:MOST_FAILURES]))
        if len(complaints) > MOST_FAILURES:
            parts.append(f"... and {len(complaints) - MOST_FAILURES:,} more, all in {report}.")
    return "\n\n".join(parts)


def _grid(pictures: Sequence[Picture], variants: Sequence[str]) -> str:
    """A row per picture, a column per variant, in each cell the result's size in pixels or why there is none."""
    rows = [["", *variants]]
    rows += [[_short(printable(picture.upload.path)), *map(_cell, picture.results)] for picture in pictures]
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(_padded, row, widths)).rstrip() for row in rows)


def _cell(result: Result) -> str:
    outcome = result.outcome
    return f"{outcome.width}x{outcome.height}" if result.good else outcome.reason or outcome.outcome


def _summary(pictures: Sequence[Picture], seconds: float) -> str:
    results = sum(len(picture.results) for picture in pictures)
    line = f"{count(results, 'result')} of {count(len(pictures), 'picture')} in {duration(seconds)}"
    return f"{line}: {verdict(pictures)}."


def _complaints(picture: Picture, variants: Sequence[str]) -> list[str]:
    return [
        f"{_short(printable(picture.upload.path))}: {label} ({_which(found, variants)}). {sentence}".rstrip()
        for found, label, sentence in failures(picture)
    ]


def _which(found: Sequence[str], variants: Sequence[str]) -> str:
    return "all variants" if len(found) == len(variants) else ", ".join(found)


def _short(name: str) -> str:
    """The end of a long path says more than its beginning."""
    if _columns(name) <= _NAME_WIDTH:
        return name
    while _columns(name) >= _NAME_WIDTH:
        name = name[1:]
    return f"…{name}"


def _columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    wide = sum(unicodedata.east_asian_width(character) in {"F", "W"} for character in text)
    joined = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - joined


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
