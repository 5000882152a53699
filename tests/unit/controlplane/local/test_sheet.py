"""Table, report and contact sheet of the same pictures."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from controlplane.local import report, sheet
from controlplane.local.inspector import Seen
from controlplane.local.outcomes import Outcome
from controlplane.local.report import Picture, Result
from controlplane.local.table import MANY, MOST_FAILURES, table
from controlplane.local.uploads import Upload

VARIANTS = ("clockwise", "web")


def made(folder: Path, path: str) -> Picture:
    results = []
    for variant in VARIANTS:
        file = folder / variant / path
        outcome = Outcome(variant, f"ingest/{path}", "made", None, None, f"{variant}/{path}", 9, 2048, 30, 40, 1, 12.3)
        results.append(Result(outcome, file, Seen(30, 40, 1)))
    return Picture(Upload(Path(path), path), 4096, tuple(results), Seen(40, 30, 1), folder / "ingest" / path)


def rejected(path: str) -> Picture:
    results = tuple(
        Result(Outcome(variant, f"ingest/{path}", "rejected", "corrupt", "It is <broken>.")) for variant in VARIANTS
    )
    return Picture(Upload(Path(path), path), 7, results)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [value for name, attributes in self.tags if name == tag and (value := attributes.get(attribute))]


def written(folder: Path, pictures: list[Picture]) -> Page:
    target = folder / "index.html"
    sheet.write(target, pictures, 1.5, datetime(2030, 1, 2, 3, 4, tzinfo=UTC))
    return Page(target.read_text())


NASTY = "a dir/<b>&\"'é %20?#.jpg"


def test_the_sheet_refers_to_files_below_it_whatever_their_names(tmp_path: Path) -> None:
    page = written(tmp_path, [made(tmp_path, NASTY)])
    links = page.all("img", "src")
    assert [unquote(urlsplit(link).path) for link in links] == [f"{place}/{NASTY}" for place in ("ingest", *VARIANTS)]
    assert not [link for link in links if urlsplit(link).query or urlsplit(link).fragment or urlsplit(link).scheme]
    assert page.all("img", "alt") == [f"{NASTY}, {what}" for what in ("as uploaded", *VARIANTS)]
    assert set(page.all("img", "loading")) == {"lazy"}
    assert "<b>&\"'é %20?#.jpg" in page.text


def test_the_sheet_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = written(tmp_path, [made(tmp_path, "a.jpg"), rejected("b.jpg")])
    outside = [link for tag, name in (("img", "src"), ("a", "href"), ("link", "href")) for link in page.all(tag, name)]
    assert not [link for link in outside if "//" in link]
    assert not page.all("script", "src")


def test_a_rejected_picture_says_why_and_is_not_shown(tmp_path: Path) -> None:
    page = written(tmp_path, [rejected("b.txt")])
    assert "Rejected: corrupt" in page.text
    assert "It is <broken>." in page.text
    assert "clockwise, web" in page.text
    assert not page.all("img", "src")


def test_the_reports_rows(tmp_path: Path) -> None:
    report.write(tmp_path / "report.json", 1.23456, [made(tmp_path, "x/a.jpg"), rejected("b.jpg")])
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["seconds"] == 1.235
    assert [(row["variant"], row["outcome"], row["output"], row["bytes_in"]) for row in said["results"]] == [
        ("clockwise", "made", "clockwise/x/a.jpg", 4096),
        ("web", "made", "web/x/a.jpg", 4096),
        ("clockwise", "rejected", None, 7),
        ("web", "rejected", None, 7),
    ]
    fields = "source, key, variant, outcome, reason, detail, output, bytes_in, bytes_out, width, height, frames, ms"
    assert ", ".join(said["results"][0]) == fields


def test_the_table_shows_every_picture_or_with_many_what_failed(tmp_path: Path) -> None:
    few = table([made(tmp_path, "a.jpg"), rejected("日本.jpg")], VARIANTS, 1, Path("report.json"))
    assert "a.jpg     30x40      30x40" in few
    assert "日本.jpg  corrupt" in few
    assert "4 results of 2 pictures in 1.0 s: 2 made, 2 rejected." in few
    many = table([made(tmp_path, f"{n}.jpg") for n in range(MANY)] + [rejected("b.jpg")], VARIANTS, 1, Path("r"))
    assert "30x40" not in many
    assert "b.jpg: rejected: corrupt (all variants)" in many


def test_a_table_of_failures_ends(tmp_path: Path) -> None:
    text = table([rejected(f"{n}.jpg") for n in range(500)], VARIANTS, 1, tmp_path / "report.json")
    assert len(text.splitlines()) < MOST_FAILURES + 10
    assert f"470 more, all in {tmp_path / 'report.json'}" in text


def test_the_terminal_is_not_upset(tmp_path: Path) -> None:
    assert "\\x1b[2J\\n" in table([made(tmp_path, "\x1b[2J\n.jpg")], VARIANTS, 1, Path("r"))
