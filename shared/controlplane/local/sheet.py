"""index.html: the contact sheet, each upload beside its results. Nothing comes from the network.

Its script draws the rows that are in sight, of thousands, and searches them; the sheet's policy names it by its hash.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from controlplane.local.expectations import NOTHING_EXPECTED, Expected
from controlplane.local.inspector import Seen
from controlplane.local.report import Picture, Result
from controlplane.local.results import put_in_place
from controlplane.local.words import failures, verdict
from controlplane.page import ASSETS
from controlplane.words import count, duration, milliseconds, size
from imagemachine.formats import FORMATS

_HERE = Path(__file__).parent
_MOST_NAMED = 6
_MOST_KINDS = 12

Expectations = Mapping[tuple[str, str], Sequence[Expected]]
"""By the upload's key and the variant: one for each format."""


@dataclass(frozen=True)
class Tile:
    """A picture with its caption."""

    label: str
    width: int
    height: int
    """In pixels; 0 where it cannot be shown."""
    format: str
    """For people."""
    frames: str
    size: str
    time: str = ""
    expected: str = ""
    as_expected: bool = True
    link: str = ""
    """The file; empty where it cannot be shown."""
    small: str = ""
    """What is shown instead of it."""
    transparent: bool = False


@dataclass(frozen=True)
class Failure:
    """What went wrong with a picture in some variants."""

    label: str
    which: str
    sentence: str


@dataclass(frozen=True)
class Row:
    """An upload, its results from the largest to the smallest, and what failed."""

    number: int
    path: str
    tiles: Sequence[Tile]
    failures: Sequence[Failure]

    @property
    def failed(self) -> bool:
        """Whether a variant is missing."""
        return bool(self.failures)


def write(
    target: Path, pictures: Sequence[Picture], seconds: float, now: datetime, expected: Expectations | None = None
) -> None:
    """Write the sheet; it refers to pictures in the folder of `target`, which may be moved as a whole."""
    rows = [_row(number, picture, target.parent, expected or {}) for number, picture in enumerate(pictures, 1)]
    results = [result for picture in pictures for result in picture.results]
    failed = [row for row in rows if row.failed]
    script = (_HERE / "sheet.js").read_text()
    style = (ASSETS / "theme.css").read_text() + (_HERE / "sheet.css").read_text()
    page = _template().render(
        title=f"{count(len(pictures), 'picture')}, {count(sum(result.good for result in results), 'result')}",
        count_=count(len(pictures), "picture"),
        facts_=_facts(pictures, results, seconds).items(),
        kinds=list(_kinds(failed))[:_MOST_KINDS],
        failed=count(len(failed), "picture"),
        failed_number=len(failed),
        made=f"{now:%-d %B %Y, %H:%M}",
        policy=_policy(script),
        data=Markup(_data(rows)),  # noqa: S704 - JSON in which nothing ends the element
        script=Markup(script),  # noqa: S704 - ours, as is the style
        style=Markup(style),  # noqa: S704
    )
    put_in_place(target, page.encode(errors="replace"))


def _data(rows: Sequence[Row]) -> str:
    """The rows for sheet.js, without what is empty."""
    plain = [
        {
            "path": row.path,
            "tiles": [{name: value for name, value in asdict(tile).items() if value} for tile in row.tiles],
            "failures": [asdict(failure) for failure in row.failures],
        }
        for row in rows
    ]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_HERE)
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(
        "sheet.html"
    )


def _policy(script: str) -> str:
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _facts(pictures: Sequence[Picture], results: Sequence[Result], seconds: float) -> dict[str, str]:
    written = sum(result.output.bytes or 0 for result in results if result.good and result.output)
    return {
        "Outcome": verdict(pictures) or "nothing yet",
        "Time": duration(seconds),
        "Uploaded": size(sum(picture.bytes for picture in pictures)),
        "Results": size(written),
    }


def _kinds(failed: Sequence[Row]) -> Iterator[dict[str, object]]:
    """What went wrong, each kind once with the pictures that it happened to: nobody should have to look for it."""
    kinds: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in failed:
        for failure in row.failures:
            kinds.setdefault((failure.label, failure.which), []).append((row.number, row.path))
    for (label, which), those in kinds.items():
        more = f"{len(those) - _MOST_NAMED:,}" if len(those) > _MOST_NAMED else ""
        yield {"label": label, "which": which, "named": those[:_MOST_NAMED], "more": more}


def _row(number: int, picture: Picture, folder: Path, expected: Expectations) -> Row:
    made = [
        _result(picture, result, folder, _expected_of(picture, result, expected))
        for result in picture.results
        if result.good
    ]
    # A turned picture is as large as the upload: of two as large the variants' own order stays.
    made.sort(key=lambda tile: -tile.width * tile.height)
    failed = [
        Failure(label[:1].upper() + label[1:], ", ".join(variants), sentence)
        for variants, label, sentence in failures(picture)
    ]
    return Row(number, picture.upload.path, [_upload(picture, folder), *made], failed)


def _expected_of(picture: Picture, result: Result, expected: Expectations) -> Expected:
    """What the variant says of this result: of several formats, that of its own place among them."""
    of_variant = expected.get((picture.upload.key, result.outcome.variant), ())
    place = result.outcome.outputs.index(result.output) if result.output in result.outcome.outputs else 0
    return of_variant[place] if place < len(of_variant) else NOTHING_EXPECTED


def _upload(picture: Picture, folder: Path) -> Tile:
    seen = picture.seen
    return Tile(
        label="upload",
        width=seen.width,
        height=seen.height,
        format=_title(seen.format) or PurePosixPath(picture.upload.path).suffix.removeprefix(".").upper()[:5],
        frames=_frames(seen.frames),
        size=size(picture.bytes),
        **_files(picture.copy, picture.preview, seen, folder),
    )


def _result(picture: Picture, result: Result, folder: Path, expected: Expected) -> Tile:
    output, outcome = result.output, result.outcome
    assert output is not None  # noqa: S101 - it is good
    width, height = output.width or 0, output.height or 0
    return Tile(
        label=outcome.variant,
        width=width,
        height=height,
        format=_title(output.format),
        frames=_frames(outcome.frames),
        size=f"{size(output.bytes or 0)}{_change(picture.bytes, output.bytes)}",
        time=milliseconds(outcome.milliseconds or 0),
        expected=", ".join(filter(None, (_dimensions(expected.width, expected.height), _title(expected.format)))),
        as_expected=expected in {NOTHING_EXPECTED, Expected(width, height, output.format or "")},
        **_files(result.file, result.preview, result.seen, folder),
    )


def _files(file: Path | None, preview: Path | None, seen: Seen, folder: Path) -> dict[str, Any]:
    if file is None or not seen.width:
        return {}
    small = _link(preview, folder) if preview else ""
    return {"link": _link(file, folder), "small": small, "transparent": seen.transparent}


def _link(file: Path, folder: Path) -> str:
    return quote(file.relative_to(folder).as_posix(), errors="surrogateescape")


def _title(name: str | None) -> str:
    return FORMATS[name].title if name else ""


def _dimensions(width: int, height: int) -> str:
    return f"{width} \N{MULTIPLICATION SIGN} {height}" if width else ""


def _frames(number: int | None) -> str:
    return f"{number} frames" if number and number > 1 else ""


def _change(before: int, after: int | None) -> str:
    """How much smaller or larger than the upload."""
    if not before or not after:
        return ""
    # Towards zero: a result of 0.3 % is not 100 % smaller.
    percent = int(100 * (after - before) / before)
    sign = "+" if percent > 0 else "\N{MINUS SIGN}"
    return f" ({sign}{abs(percent)}%)" if percent else ""
