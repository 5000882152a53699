"""The table at the end: what became of every picture, or with many of those that need a look."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from controlplane.local.report import Picture, Result
from controlplane.local.words import failures, verdict
from controlplane.words import count, duration, printable

MANY = 40
"""With more pictures than this, those that are well are only counted."""

MOST_FAILURES = 30
"""Lines."""
MOST_NAMED = 3
"""Pictures that share one."""
_NAME_WIDTH = 36


def table(pictures: Sequence[Picture], variants: Sequence[str], seconds: float, report: Path) -> str:
    """Lines of text, without a final line end."""
    parts = [_summary(pictures, seconds)]
    if len(pictures) <= MANY:
        parts.insert(0, _grid(pictures, variants))
    complaints = list(_complaints(pictures, variants))
    if complaints:
        parts.append("\n".join(complaints[:MOST_FAILURES]))
        if len(complaints) > MOST_FAILURES:
            parts.append(f"... and {len(complaints) - MOST_FAILURES:,} more, all in {report}.")
    return "\n\n".join(parts)


def _grid(pictures: Sequence[Picture], variants: Sequence[str]) -> str:
    """A row per picture, a column per variant, in each cell the result's size in pixels or why there is none."""
    rows = [["", *variants]]
    for picture in pictures:
        cells = {variant: _cell(list(results)) for variant, results in groupby(picture.results, _variant)}
        rows.append([_short(printable(picture.upload.path)), *(cells.get(variant, "") for variant in variants)])
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(set_cell_size, row, widths)).rstrip() for row in rows)


def _variant(result: Result) -> str:
    return result.outcome.variant


def _cell(results: Sequence[Result]) -> str:
    """Of one variant: its formats share a size and an outcome."""
    first = next((result for result in results if not result.good), results[0])
    if first.good and first.output:
        others = f" x{len(results)}" if len(results) > 1 else ""
        return f"{first.output.width}x{first.output.height}{others}"
    return first.outcome.reason or ("not as reported" if first.problem else first.outcome.outcome)


def _summary(pictures: Sequence[Picture], seconds: float) -> str:
    results = sum(len(picture.results) for picture in pictures)
    line = f"{count(results, 'result')} of {count(len(pictures), 'picture')} in {duration(seconds)}"
    return f"{line}: {verdict(pictures)}."


def _complaints(pictures: Sequence[Picture], variants: Sequence[str]) -> Iterator[str]:
    """A line for each kind of failure, however many pictures it happened to."""
    kinds: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for picture in pictures:
        for found, label, sentence in failures(picture):
            name = _short(printable(picture.upload.path))
            kinds.setdefault((label, _which(found, variants)), []).append((name, printable(sentence)))
    for (label, which), those in kinds.items():
        names = [name for name, _ in those[:MOST_NAMED]]
        more = f" and {len(those) - MOST_NAMED:,} more" if len(those) > MOST_NAMED else ""
        number = f"{count(len(those), 'picture')} " if len(those) > 1 else ""
        yield f"{number}{label} ({which}): {', '.join(names)}{more}. {_said([said for _, said in those])}".rstrip()


def _said(sentences: Sequence[str]) -> str:
    """What is said of all, or of the first where each has a sentence of its own."""
    first = sentences[0]
    return first if len(set(sentences)) == 1 or not first else f"Of the first: {first}"


def _which(found: Sequence[str], variants: Sequence[str]) -> str:
    return "all variants" if len(found) == len(variants) else ", ".join(found)


def _short(name: str) -> str:
    """The end of a long path says more than its beginning."""
    if cell_len(name) <= _NAME_WIDTH:
        return name
    while cell_len(name) >= _NAME_WIDTH:
        name = name[1:]
    return f"…{name}"
