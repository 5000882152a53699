"""The contact sheet in a real browser."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from browser import DESK, PHONE, chromium, overflows, visit
from controlplane.local import sheet
from controlplane.local.expectations import Expected
from controlplane.local.inspector import Seen
from controlplane.local.outcomes import Outcome, Output
from controlplane.local.report import Picture, Result
from controlplane.local.uploads import Upload

SIZES = {"clockwise": (300, 400), "mobile": (100, 75), "thumbnail": (40, 30), "web": (200, 150)}
FAILS = 37
"""Every so many-th picture is rejected."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures are, one of each size, for as many uploads as there may be."""
    folder = tmp_path_factory.mktemp("sheet")
    for variant, size in {**SIZES, "ingest": (400, 300)}.items():
        Image.linear_gradient("L").resize(size).save(folder / f"{variant}.jpg")
    return folder


def written(folder: Path, number: int) -> str:
    target = folder / "index.html"
    sheet.write(target, [picture(folder, n) for n in range(number)], 1, datetime(2030, 1, 2, tzinfo=UTC))
    return target.as_uri()


def picture(folder: Path, number: int) -> Picture:
    upload = Upload(Path("x"), f"album/img{number}.jpg")
    if number % FAILS == FAILS - 1:
        bad = tuple(Result(Outcome(name, upload.key, "rejected", "corrupt", "It is <b>broken</b>.")) for name in SIZES)
        return Picture(upload, 7, bad)
    results = []
    for variant, size in SIZES.items():
        output = Output(f"{variant}/{upload.path}", "jpeg", *size, 2048)
        outcome = Outcome(variant, upload.key, "made", outputs=(output,), frames=1, milliseconds=3.2)
        results.append(Result(outcome, output, folder / f"{variant}.jpg", Seen(*size, 1, format="jpeg")))
    return Picture(upload, 4096, tuple(results), Seen(400, 300, 1, format="jpeg"), folder / "ingest.jpg")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_rows_pictures_are_drawn_to_one_scale(
    browser: Browser, folder: Path, viewport: ViewportSize, scheme: str
) -> None:
    with visit(browser, written(folder, 3), viewport, color_scheme=scheme) as page:
        pictures = page.locator("article").first.locator("img")
        expect(pictures).to_have_count(1 + len(SIZES))
        drawn = pictures.evaluate_all("all => all.map(i => [i.clientWidth, i.clientHeight, i.naturalWidth])")
        scales = [width / natural for width, _, natural in drawn]
        assert max(scales) - min(scales) < 0.02
        assert max(scales) <= 1
        areas = [width * height for width, height, _ in drawn]
        assert areas[1:] == sorted(areas[1:], reverse=True)
        assert not overflows(page)


def test_the_results_of_a_photograph_are_one_row(browser: Browser, folder: Path) -> None:
    """However small they are drawn, their captions fit beside each other."""
    photograph = {"web": (1920, 1440), "mobile": (828, 621), "thumbnail": (320, 240)}
    sizes = {"clockwise": (3024, 4032), "counterclockwise": (3024, 4032), **photograph}
    results = []
    for variant, size in sizes.items():
        output = Output(f"{variant}/img.jpg", "jpeg", *size, 2048)
        outcome = Outcome(variant, "ingest/img.jpg", "made", outputs=(output,), frames=1, milliseconds=3.2)
        seen = Seen(*size, 1, format="jpeg")
        results.append(Result(outcome, output, folder / "web.jpg", seen))
    upload = Seen(4032, 3024, 1, format="jpeg")
    row = Picture(Upload(Path("x"), "img.jpg"), 4096, tuple(results), upload, folder / "ingest.jpg")
    expected = {(row.upload.key, variant): (Expected(*size, "jpeg"),) for variant, size in sizes.items()}
    sheet.write(folder / "index.html", [row], 1, datetime(2030, 1, 2, tzinfo=UTC), expected)
    with visit(browser, (folder / "index.html").as_uri()) as page:
        bottoms = page.locator("article img").evaluate_all("all => all.map(i => i.getBoundingClientRect().bottom)")
        assert len(bottoms) == 6
        assert max(bottoms) - min(bottoms) < 1
        assert not overflows(page)


def test_however_many_results_there_are_they_can_be_seen(browser: Browser, folder: Path) -> None:
    one = picture(folder, 1)
    target = folder / "index.html"
    sheet.write(target, [replace(one, results=one.results * 5)], 1, datetime(2030, 1, 2, tzinfo=UTC))
    with visit(browser, target.as_uri()) as page:
        widths = page.locator("article img").evaluate_all("all => all.map(image => image.clientWidth)")
        assert len(widths) == 1 + 5 * len(SIZES)
        assert min(widths) > 10
        assert not overflows(page)


def test_of_thousands_only_those_in_sight_are_there(browser: Browser, folder: Path) -> None:
    with visit(browser, written(folder, 3000)) as page:
        expect(page.locator("#p1 img").first).to_be_visible()
        assert page.evaluate("document.getElementsByTagName('*').length") < 3000
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator("#p3000 img").first).to_be_visible()
        expect(page.locator("#p1")).to_have_count(0)
        assert page.evaluate("document.getElementsByTagName('*').length") < 3000
        page.evaluate("location.hash = 'p1500'")
        expect(page.locator("#p1500 h2")).to_be_in_viewport()


def test_it_is_searched_by_name_reason_and_what_failed(browser: Browser, folder: Path) -> None:
    with visit(browser, written(folder, 300)) as page:
        shown = page.locator("#shown")
        expect(shown).to_have_text("300 pictures")
        for words, number in (("img12", 11), ("ALBUM img12 jpeg", 11), ("corrupt", 8), ("no such thing", 0), ("", 300)):
            page.fill("#search", words)
            expect(shown).to_have_text("300 pictures" if number == 300 else f"{number} of 300 pictures")
        page.check("#failed")
        expect(shown).to_have_text("8 of 300 pictures")
        expect(page.locator("article")).to_have_count(8)
        assert "It is <b>broken</b>." in page.locator("article").first.inner_text()


def test_the_keyboard_is_enough(browser: Browser, folder: Path) -> None:
    with visit(browser, written(folder, 80)) as page:
        page.keyboard.press("/")
        page.keyboard.type("img7.")
        expect(page.locator("#shown")).to_have_text("1 of 80 pictures")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.locator("#none")).to_be_visible()


def test_what_failed_is_a_link_away(browser: Browser, folder: Path) -> None:
    with visit(browser, written(folder, 80)) as page:
        page.click("text=album/img73.jpg")
        expect(page.locator("#p74")).to_be_in_viewport()


def test_without_scripts_it_says_where_to_look(browser: Browser, folder: Path) -> None:
    with visit(browser, written(folder, 3), java_script_enabled=False) as page:
        assert "report.json" in _text(page)


def _text(page: Page) -> str:
    return page.locator("main").inner_text()


def test_what_is_no_picture_here_is_shown_by_its_format(browser: Browser, folder: Path) -> None:
    target = folder / "index.html"
    one = replace(picture(folder, 1), copy=None, seen=Seen())
    sheet.write(target, [one], 1, datetime(2030, 1, 2, tzinfo=UTC))
    with visit(browser, target.as_uri()) as page:
        expect(page.locator(".upload .none")).to_have_text("JPG")
