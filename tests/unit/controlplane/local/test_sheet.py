"""Table, report and contact sheet of the same pictures."""

import hashlib
import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from controlplane.environment import PROJECT
from controlplane.local import report, sheet
from controlplane.local.expectations import Expected, expectations
from controlplane.local.inspector import Seen
from controlplane.local.outcomes import Outcome, Output
from controlplane.local.report import Picture, Result
from controlplane.local.table import MANY, MOST_FAILURES, table
from controlplane.local.uploads import Upload

VARIANTS = ("clockwise", "web")


def made(folder: Path, path: str) -> Picture:
    results = []
    for variant in VARIANTS:
        file = folder / variant / path
        output = Output(f"{variant}/{path}", "jpeg", 30, 40, 2048)
        outcome = Outcome(variant, f"ingest/{path}", "made", outputs=(output,), frames=1, milliseconds=12.3)
        results.append(Result(outcome, output, file, Seen(30, 40, 1)))
    seen = Seen(40, 30, 1, format="jpeg")
    return Picture(Upload(Path(path), path), 4096, tuple(results), seen, folder / "ingest" / path)


def rejected(path: str, detail: str = "It is <broken>.", reason: str = "corrupt") -> Picture:
    results = tuple(Result(Outcome(variant, f"ingest/{path}", "rejected", reason, detail)) for variant in VARIANTS)
    return Picture(Upload(Path(path), path), 7, results)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the sheet's script draws."""
        found: list[dict[str, Any]] = json.loads(next(text for text in self.texts if text.startswith("[{")))
        return found

    def tiles(self, name: str) -> list[Any]:
        """One property of all pictures."""
        return [tile.get(name) for row in self.rows for tile in row["tiles"]]

    def all(self, tag: str, attribute: str) -> list[str]:
        return [value for name, attributes in self.tags if name == tag and (value := attributes.get(attribute))]


def written(folder: Path, pictures: list[Picture]) -> Page:
    target = folder / "index.html"
    sheet.write(target, pictures, 1.5, datetime(2030, 1, 2, 3, 4, tzinfo=UTC))
    return Page(target.read_text())


NASTY = "a dir/<b>&\"'é %20?#.jpg"


def test_the_sheet_refers_to_files_below_it_whatever_their_names(tmp_path: Path) -> None:
    page = written(tmp_path, [made(tmp_path, NASTY)])
    links = page.tiles("link")
    assert [unquote(urlsplit(link).path) for link in links] == [f"{place}/{NASTY}" for place in ("ingest", *VARIANTS)]
    assert not [link for link in links if urlsplit(link).query or urlsplit(link).fragment or urlsplit(link).scheme]
    assert [row["path"] for row in page.rows] == [NASTY]


def test_no_name_ends_the_script_that_holds_it(tmp_path: Path) -> None:
    page = written(tmp_path, [made(tmp_path, "</script><script>alert(1)</script>.jpg"), made(tmp_path, "<!--.jpg")])
    assert [row["path"] for row in page.rows] == ["</script><script>alert(1)</script>.jpg", "<!--.jpg"]
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 2


def test_the_policy_names_the_script(tmp_path: Path) -> None:
    page = written(tmp_path, [made(tmp_path, "a.jpg")])
    (script,) = [text for text in page.texts if "use strict" in text]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [content for content in page.all("meta", "content") if "default-src" in content]
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_the_sheet_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = written(tmp_path, [made(tmp_path, "a.jpg"), rejected("b.jpg")])
    outside = [link for tag, name in (("img", "src"), ("a", "href"), ("link", "href")) for link in page.all(tag, name)]
    assert not [link for link in outside if "//" in link]
    assert not page.all("script", "src")


def test_a_rows_pictures_are_ordered_by_size(tmp_path: Path) -> None:
    picture = made(tmp_path, "a.jpg")
    sizes = {"clockwise": (600, 800), "web": (2000, 1500)}
    results = tuple(
        replace(result, output=replace(result.output, width=width, height=height), seen=Seen(width, height, 1))
        for result in picture.results
        if result.output
        for width, height in [sizes[result.outcome.variant]]
    )
    page = written(tmp_path, [replace(picture, results=results, seen=Seen(4000, 3000, 1))])
    assert page.tiles("label") == ["upload", "web", "clockwise"]
    assert page.tiles("width") == [4000, 2000, 600]


def test_what_was_expected_is_beside_what_was_made(tmp_path: Path) -> None:
    expected = {
        ("ingest/a.jpg", "clockwise"): [Expected(30, 40, "jpeg")],
        ("ingest/a.jpg", "web"): [Expected(40, 30, "webp")],
    }
    target = tmp_path / "index.html"
    sheet.write(target, [made(tmp_path, "a.jpg")], 1, datetime(2030, 1, 2, tzinfo=UTC), expected)
    page = Page(target.read_text())
    assert page.tiles("expected") == [
        None,
        "30 \N{MULTIPLICATION SIGN} 40, JPEG",
        "40 \N{MULTIPLICATION SIGN} 30, WebP",
    ]
    assert page.tiles("as_expected")[1:] == [True, None]


def test_the_variants_themselves_say_what_is_expected(tmp_path: Path) -> None:
    pictures = [
        replace(made(tmp_path, "a.jpg"), seen=Seen(4000, 3000, 1, format="jpeg")),
        replace(made(tmp_path, "b.heic"), seen=Seen(30, 40, 1, format="heic")),
        replace(made(tmp_path, "c.jpg"), seen=Seen()),
    ]
    told = expectations(PROJECT, ("clockwise", "web"), {"WIDTH": "1000", "OUTPUT_BUCKET": "results"}, pictures)
    assert told == {
        ("ingest/a.jpg", "clockwise"): [Expected(3000, 4000, "jpeg")],
        ("ingest/a.jpg", "web"): [Expected(1000, 750, "jpeg")],
        ("ingest/b.heic", "clockwise"): [Expected(40, 30, "jpeg")],
        ("ingest/b.heic", "web"): [Expected(30, 40, "jpeg")],
    }


def test_a_small_stand_in_is_shown_and_the_file_itself_linked(tmp_path: Path) -> None:
    picture = made(tmp_path, "a.tiff")
    small = tmp_path / "previews/web/a.tiff.webp"
    results = (picture.results[0], replace(picture.results[1], preview=small))
    page = written(tmp_path, [replace(picture, results=results)])
    assert page.tiles("small") == [None, None, "previews/web/a.tiff.webp"]
    assert page.tiles("link")[-1] == "web/a.tiff"


def test_a_rejected_picture_says_why_and_is_not_shown(tmp_path: Path) -> None:
    page = written(tmp_path, [rejected("b.txt")])
    (row,) = page.rows
    assert row["failures"] == [{"label": "Rejected: corrupt", "which": "clockwise, web", "sentence": "It is <broken>."}]
    assert "1 picture was not made in full" in page.texts
    assert page.all("a", "href")[1] == "#p1"
    assert page.tiles("link") == [None]


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
    fields = (
        "source, key, variant, outcome, reason, detail, output, bytes_in, bytes_out, width, height, frames, ms, format"
    )
    assert ", ".join(said["results"][0]) == fields
    assert [row["format"] for row in said["results"]] == ["jpeg", "jpeg", None, None]


def test_an_upload_that_somebody_else_made_is_named_by_its_place(tmp_path: Path) -> None:
    picture = replace(made(tmp_path, "a.jpg"), upload=Upload(None, "a.jpg", "uploads"))
    assert report.row(picture, picture.results[0], tmp_path)["source"] == "s3://uploads/ingest/a.jpg"


def test_each_format_has_a_row_and_shares_a_cell(tmp_path: Path) -> None:
    picture = made(tmp_path, "a.jpg")
    first = picture.results[0]
    second = replace(first, output=Output("clockwise/a.jpg.webp", "webp", 30, 40, 99), file=tmp_path / "a.jpg.webp")
    both = replace(picture, results=(first, second, picture.results[1]))
    rows = [report.row(both, result, tmp_path) for result in both.results]
    assert [(row["variant"], row["format"], row["bytes_out"]) for row in rows] == [
        ("clockwise", "jpeg", 2048),
        ("clockwise", "webp", 99),
        ("web", "jpeg", 2048),
    ]
    assert "a.jpg  30x40 x2   30x40" in table([both], VARIANTS, 1, Path("r"))


def test_the_table_shows_every_picture_or_with_many_what_failed(tmp_path: Path) -> None:
    few = table([made(tmp_path, "a.jpg"), rejected("日本.jpg")], VARIANTS, 1, Path("report.json"))
    assert "a.jpg     30x40      30x40" in few
    assert "日本.jpg  corrupt" in few
    assert "4 results of 2 pictures in 1.0 s: 2 made, 2 rejected." in few
    many = table([made(tmp_path, f"{n}.jpg") for n in range(MANY)] + [rejected("b.jpg")], VARIANTS, 1, Path("r"))
    assert "30x40" not in many
    assert "rejected: corrupt (all variants): b.jpg. It is <broken>." in many


def test_forty_rejections_of_one_kind_are_one_line(tmp_path: Path) -> None:
    text = table([rejected(f"{n}.jpg") for n in range(40)], VARIANTS, 1, Path("r"))
    line = "40 pictures rejected: corrupt (all variants): 0.jpg, 1.jpg, 2.jpg and 37 more. It is <broken>."
    assert text.splitlines()[-1] == line


def test_what_is_said_of_each_is_said_of_the_first(tmp_path: Path) -> None:
    text = table([rejected("a.jpg", "It is 1."), rejected("b.jpg", "It is 2.")], VARIANTS, 1, Path("r"))
    assert "2 pictures rejected: corrupt (all variants): a.jpg, b.jpg. Of the first: It is 1." in text


def test_a_table_of_failures_ends(tmp_path: Path) -> None:
    many = [rejected(f"{n}.jpg", reason=f"reason-{n}") for n in range(500)]
    text = table(many, VARIANTS, 1, tmp_path / "report.json")
    assert len(text.splitlines()) < MOST_FAILURES + 10
    assert f"470 more, all in {tmp_path / 'report.json'}" in text


def test_the_terminal_is_not_upset(tmp_path: Path) -> None:
    assert "\\x1b[2J\\n" in table([made(tmp_path, "\x1b[2J\n.jpg")], VARIANTS, 1, Path("r"))
