"""index.html: the contact sheet, each upload large beside its results. No script, nothing from the network."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from controlplane.local.inspector import Seen
from controlplane.local.report import Picture, Result
from controlplane.local.words import failures, verdict
from controlplane.words import count, duration, milliseconds, size

_STYLE = Path(__file__).with_name("sheet.css")
_MOST_NAMED = 12

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Image Machine">
<title>{title} · Image Machine</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<header>
<p class="maker">Image Machine, contact sheet</p>
<h1>{title}</h1>
{facts}
{attention}
</header>
<main>
{articles}
</main>
<footer>{footer}</footer>
</body>
</html>
"""


def write(target: Path, pictures: Sequence[Picture], seconds: float, now: datetime) -> None:
    """Write the sheet; it refers to pictures in the folder of `target`, which may be moved as a whole."""
    sheet = _Sheet(target.parent)
    results = [result for picture in pictures for result in picture.results]
    made = sum(result.good for result in results)
    page = _PAGE.format(
        title=f"{count(len(pictures), 'picture')}, {count(made, 'result')}",
        style=_STYLE.read_text(),
        facts=_facts(pictures, results, seconds),
        attention=_attention(pictures),
        articles="\n".join(sheet.article(number, picture) for number, picture in enumerate(pictures, 1)),
        footer=f"Made {now:%-d %B %Y, %H:%M}. Every number is also in <a href='report.json'>report.json</a>.",
    )
    target.write_bytes(page.encode(errors="replace"))


def _facts(pictures: Sequence[Picture], results: Sequence[Result], seconds: float) -> str:
    written = sum(result.outcome.bytes_out or 0 for result in results if result.good)
    facts = {
        "Outcome": verdict(pictures),
        "Time": duration(seconds),
        "Uploaded": size(sum(picture.bytes for picture in pictures)),
        "Results": size(written),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{items}</dl>'


def _attention(pictures: Sequence[Picture]) -> str:
    """Links to what went wrong: nobody should have to look for it."""
    failed = [(number, picture) for number, picture in enumerate(pictures, 1) if not picture.good]
    if not failed:
        return ""
    items = [
        f'<li><a href="#p{number}">{_text(picture.upload.path)}</a> <span>{_text(failures(picture)[0][1])}</span></li>'
        for number, picture in failed[:_MOST_NAMED]
    ]
    if len(failed) > _MOST_NAMED:
        items.append(f"<li>and {len(failed) - _MOST_NAMED:,} more</li>")
    verb = "was" if len(failed) == 1 else "were"
    return (
        f'<div class="attention"><b>{count(len(failed), "picture")} {verb} not made in full</b>'
        f"<ul>{''.join(items)}</ul></div>"
    )


class _Sheet:
    """The parts that refer to files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def article(self, number: int, picture: Picture) -> str:
        """One upload beside its results."""
        path = PurePosixPath(picture.upload.path)
        parent = f"<span>{_text(path.parent)}/</span>" if path.parent.name else ""
        good = "\n".join(self._result(picture, result) for result in picture.results if result.good)
        bad = "\n".join(_failure(*failure) for failure in failures(picture))
        return (
            f'<article id="p{number}">\n<h2>{parent}{_text(path.name)}</h2>\n<div class="pair">\n'
            f'{self._upload(picture)}\n<div class="results">\n{good}{bad}\n</div>\n</div>\n</article>'
        )

    def _upload(self, picture: Picture) -> str:
        facts = [
            _dimensions(picture.seen.width, picture.seen.height),
            size(picture.bytes),
            _frames(picture.seen.frames),
        ]
        caption = f"<figcaption><b>Upload</b><p>{_joined(facts)}</p></figcaption>"
        name = picture.upload.path
        shown = self._shown(picture.copy, picture.preview, picture.seen, f"{name}, as uploaded")
        return f'<figure class="upload">{shown or _placeholder(name)}{caption}</figure>'

    def _result(self, picture: Picture, result: Result) -> str:
        outcome = result.outcome
        width, height = outcome.width or 0, outcome.height or 0
        facts = [
            f"{size(outcome.bytes_out or 0)}{_change(picture.bytes, outcome.bytes_out)}",
            milliseconds(outcome.milliseconds or 0),
        ]
        caption = (
            f"<figcaption><b>{_text(outcome.variant)}</b>"
            f"<p>{_joined([_dimensions(width, height), _frames(outcome.frames)])}<br>{_joined(facts)}</p></figcaption>"
        )
        alt = f"{picture.upload.path}, {outcome.variant}"
        shown = self._shown(result.file, result.preview, result.seen, alt)
        return f"<figure>{shown or _placeholder(outcome.output or '')}{caption}</figure>"

    def _shown(self, file: Path | None, preview: Path | None, seen: Seen, alt: str) -> str | None:
        if file is None or not seen.width:
            return None
        see_through = 'class="see-through" ' if seen.transparent else ""
        return (
            f'<a href="{self._link(file)}"><img {see_through}src="{self._link(preview or file)}" alt="{_text(alt)}" '
            f'style="--w:{seen.width};--h:{seen.height}" loading="lazy"></a>'
        )

    def _link(self, file: Path) -> str:
        return escape(quote(file.relative_to(self._folder).as_posix(), errors="surrogateescape"))


def _failure(variants: Sequence[str], label: str, sentence: str) -> str:
    return (
        f'<div class="failed"><p><b>{_text(label[:1].upper() + label[1:])}</b></p><p>{_text(sentence)}</p>'
        f'<p class="which">{_text(", ".join(variants))}</p></div>'
    )


def _placeholder(name: str) -> str:
    extension = PurePosixPath(name).suffix.removeprefix(".").upper()[:5] or "?"
    return f'<div class="none">{_text(extension)}</div>'


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


def _joined(facts: Sequence[str]) -> str:
    return ", ".join(filter(None, facts))


def _text(text: object) -> str:
    return escape(str(text))
