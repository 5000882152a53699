"""A kept machine's page, in a real browser: pictures are dropped on it, and what becomes of them is seen."""

import http.client
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, FileChooser, Locator, Page, ViewportSize, expect

from browser import DESK, PHONE, chromium, overflows, visit
from controlplane.local import aws
from integration.kit import ROOT

PICTURES = ROOT / "tests/pictures"
Found = TypeVar("Found")
VARIANTS = ("clockwise", "counterclockwise", "mobile", "thumbnail", "web")
SECONDS = 120_000.0
"""For what a busy computer takes its time with, in milliseconds."""


@dataclass(frozen=True)
class Kept:
    """A machine that stays up."""

    page: str
    endpoint: str
    bucket: str
    out: Path
    watched: Path
    log: Path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    log = folder / "log"
    watched = folder / "camera"
    watched.mkdir()
    with log.open("w") as output:
        process = subprocess.Popen(
            [ROOT / "deploy.sh", "local", PICTURES / "rocket.jpg", "--watch", watched, "--port", "0"],
            cwd=folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _until(lambda: "export AWS_ENDPOINT_URL" in log.read_text())
        told = log.read_text()
        yield Kept(
            page=re.findall(r"^Page: +(\S+)", told, re.MULTILINE)[0],
            endpoint=re.findall(r"AWS_ENDPOINT_URL=(\S+)", told)[0],
            bucket=re.findall(r"^Uploads: +s3://([^/]+)/", told, re.MULTILINE)[0],
            out=folder / "out",
            watched=watched,
            log=log,
        )
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0


def _rows(report: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(report.read_text())["results"]
    return rows


def _until(found: Callable[[], Found]) -> Found:
    deadline = time.monotonic() + SECONDS / 1000
    while time.monotonic() < deadline:
        if it := found():
            return it
        time.sleep(0.1)
    raise AssertionError("It did not come.")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def row_of(page: Page, name: str) -> Locator:
    """What the page shows of one upload."""
    return page.locator("#list .upload", has_text=name)


def made(row: Locator) -> None:
    """Wait until it has a result in each variant."""
    expect(row.locator(".result[data-state=made]")).to_have_count(len(VARIANTS), timeout=SECONDS)


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page, as a file manager does."""
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        [[name, list(data)] for name, data in files.items()],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#source", event, {"dataTransfer": transfer})


def picture(width: int = 300, height: int = 200, kind: str = "JPEG") -> bytes:
    data = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(data, kind)
    return data.getvalue()


def test_a_dropped_picture_has_five_results_beside_it(kept: Kept, browser: Browser) -> None:
    with visit(browser, kept.page) as page:
        expect(page.locator("#state")).to_have_text("running")
        drop(page, {"new.jpg": picture()})
        row = row_of(page, "new.jpg")
        made(row)
        expect(row.locator(".result img.there")).to_have_count(5, timeout=SECONDS)
        assert [tile.split(",")[1].split(":")[0].strip() for tile in _labels(row)] == list(VARIANTS)
        assert "200 \N{MULTIPLICATION SIGN} 300" in _labels(row)[0]
        # In the machine that is drawn they were counted.
        for variant in VARIANTS:
            assert int(page.locator(f"[data-variant={variant}] .made").inner_text()) >= 2
        # And the picture of the result is a picture.
        assert row.locator(".result img").first.evaluate("image => image.naturalWidth") > 0


def _labels(row: Locator) -> list[str]:
    return [tile.get_attribute("aria-label") or "" for tile in row.locator(".result").all()]


def test_behind_each_result_is_its_log_line(kept: Kept, browser: Browser) -> None:
    with visit(browser, kept.page) as page:
        row_of(page, "rocket.jpg").locator(".result").nth(3).click()
        viewer = page.locator("#viewer")
        expect(viewer).to_be_visible()
        expect(viewer.locator("pre").first).to_contain_text("codec_milliseconds", timeout=SECONDS)
        expect(viewer).to_contain_text("thumbnail/rocket.jpg")
        link = viewer.locator("a.open").get_attribute("href")
        answer = page.request.get(kept.page + (link or ""))
        assert answer.headers["content-type"] == "image/jpeg"
        assert "sandbox" in answer.headers["content-security-policy"]
        page.keyboard.press("Escape")
        expect(viewer).not_to_be_visible()


def test_what_is_rejected_says_why_and_what_is_no_picture_is_left_out(kept: Kept, browser: Browser) -> None:
    with visit(browser, kept.page) as page:
        drop(page, {"diary.jpg": b"Dear diary", "notes.txt": b"x", "more.txt": b"y", ".hidden.jpg": b"z"})
        row = row_of(page, "diary.jpg")
        expect(row.locator(".why")).to_contain_text("rejected: not-an-image in all variants", timeout=SECONDS)
        expect(page.locator("#dropped")).to_contain_text("3 files left out: 2 .txt, 1 hidden.")
        for variant in VARIANTS:
            expect(page.locator(f"[data-variant={variant}] .dead.some")).to_be_visible(timeout=SECONDS)
        page.click("#failed")
        expect(page.locator("#list .upload")).to_have_count(1)
        page.click("#all")
        expect(page.locator("#list .upload")).not_to_have_count(1)


def test_names_are_text_and_nothing_else(kept: Kept, browser: Browser) -> None:
    name = "<img src=x onerror=alert(1)> & 100% +?#.png"
    with visit(browser, kept.page) as page:
        drop(page, {name: picture(kind="PNG")})
        row = row_of(page, "onerror")
        made(row)
        assert row.locator("h3").inner_text() == name
    assert (kept.out / "ingest" / name).exists()


def test_who_uploads_elsewhere_is_seen_too(kept: Kept, browser: Browser) -> None:
    s3 = aws.client("s3", kept.endpoint)
    with visit(browser, kept.page) as page:
        s3.put_object(Bucket=kept.bucket, Key="ingest/by-hand.jpg", Body=picture())
        s3.put_object(Bucket=kept.bucket, Key="missed.jpg", Body=picture())
        (kept.watched / "img2.png").write_bytes(picture(kind="PNG"))
        for name in ("by-hand.jpg", "camera/img2.png"):
            row = row_of(page, name)
            made(row)
        expect(page.locator("#outside")).to_contain_text("missed.jpg", timeout=SECONDS)
    assert "Outside ingest/, so that no variant is made: missed.jpg." in kept.log.read_text()
    # And the results are saved, as those of the pictures that the machine was started with.
    report = kept.out / "report.json"
    _until(lambda: {"ingest/by-hand.jpg", "ingest/camera/img2.png"} <= {row["key"] for row in _rows(report)})
    for row_ in _rows(report):
        if row_["outcome"] == "made":
            assert (kept.out / row_["output"]).stat().st_size == row_["bytes_out"]


def test_a_deleted_uploads_results_go(kept: Kept, browser: Browser) -> None:
    s3 = aws.client("s3", kept.endpoint)
    s3.put_object(Bucket=kept.bucket, Key="ingest/short/lived.jpg", Body=picture())
    saved = kept.out / "web/short/lived.jpg"
    _until(saved.exists)
    s3.delete_object(Bucket=kept.bucket, Key="ingest/short/lived.jpg")
    _until(lambda: not saved.parent.exists())
    assert not (kept.out / "ingest/short").exists()


def test_a_spoilt_uploads_results_go_too(kept: Kept) -> None:
    s3 = aws.client("s3", kept.endpoint)
    s3.put_object(Bucket=kept.bucket, Key="ingest/spoilt.jpg", Body=picture())
    _until((kept.out / "web/spoilt.jpg").exists)
    s3.put_object(Bucket=kept.bucket, Key="ingest/spoilt.jpg", Body=b"Dear diary")
    _until(lambda: not any((kept.out / variant / "spoilt.jpg").exists() for variant in VARIANTS))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_it_fits_and_can_be_read(kept: Kept, browser: Browser, viewport: ViewportSize, scheme: str) -> None:
    with visit(browser, kept.page, viewport, color_scheme=scheme, reduced_motion="reduce") as page:
        expect(page.locator("#list .upload").first).to_be_visible()
        assert not overflows(page)
        names = page.locator(".function b").evaluate_all("all => all.map(b => [b.scrollWidth, b.clientWidth])")
        assert all(needed <= given for needed, given in names)
        assert _contrast(page, ".note") >= 4.5
        assert _contrast(page, ".place") >= 4.5
        page.locator("#list .result[data-state=made]").first.click()
        expect(page.locator("#viewer pre").first).to_be_visible(timeout=SECONDS)
        told = page.locator("#viewer .told")
        assert told.evaluate("told => told.scrollWidth <= told.clientWidth")
        assert page.locator("#wires path").count() == 1 + 4 * len(VARIANTS)


def _contrast(page: Page, selector: str) -> float:
    """WCAG 2's ratio of the text to what lies behind it."""
    colours = page.locator(selector).first.evaluate(
        """element => {
            let behind = element;
            while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
            return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
        }"""
    )
    light, dark = sorted((_luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_keyboard_is_enough(kept: Kept, browser: Browser) -> None:
    with visit(browser, kept.page) as page:
        chosen: list[FileChooser] = []
        # At once, for the browser has to be told that somebody listens; playwright takes no built-in method.
        page.on("filechooser", lambda chooser: chosen.append(chooser))  # noqa: PLW0108
        expect(page.locator("#list .upload").first).to_be_visible()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the uploads"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "choose"
        page.keyboard.press("Enter")
        while not chosen:
            page.wait_for_timeout(50)
        chosen[0].set_files({"name": "typed.png", "mimeType": "image/png", "buffer": picture(kind="PNG")})
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "choose-folder"
        row = row_of(page, "typed.png")
        made(row)
        row.locator(".result").first.focus()
        page.keyboard.press("Space")
        expect(page.locator("#viewer")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer .facts")).to_contain_text("counterclockwise")


def test_pictures_travel_unless_motion_is_unwanted(kept: Kept, browser: Browser) -> None:
    seen = (
        "window.most = 0; new MutationObserver(() => { window.most = Math.max(window.most, motes.children.length); })"
    )
    for motion in ("no-preference", "reduce"):
        with visit(browser, kept.page, reduced_motion=motion) as page:
            expect(page.locator("#list .upload").first).to_be_visible()
            page.evaluate(f"{seen}.observe(motes, {{childList: true}})")
            drop(page, {f"moves-{motion}.jpg": picture()})
            row = row_of(page, f"moves-{motion}.jpg")
            made(row)
            assert (page.evaluate("most") > 0) == (motion == "no-preference")


def test_every_control_has_a_name(kept: Kept, browser: Browser) -> None:
    with visit(browser, kept.page) as page:
        expect(page.locator("#list .upload").first).to_be_visible()
        page.locator("#list .result").first.click()
        nameless = page.locator("button, a, input:not([hidden]), img:not([alt])").evaluate_all(
            "all => all.filter(e => !(e.ariaLabel || e.textContent.trim() || e.title)).map(e => e.outerHTML)"
        )
        assert nameless == []


def test_strangers_are_refused(kept: Kept) -> None:
    def status(path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
        connection = http.client.HTTPConnection(urlsplit(kept.page).netloc, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/{path}", body, named)
            return connection.getresponse().status
        finally:
            connection.close()

    origin = kept.page.rstrip("/")
    assert status("") == 200
    assert status("", Host="rebound.example") == 403
    assert status("uploads/a.jpg", "PUT", b"x") == 403
    assert status("uploads/a.jpg", "PUT", b"x", Origin="http://evil.example") == 403
    assert status("uploads/a.jpg", "PUT", b"x", Origin=kept.endpoint) == 403
    assert status("events", Origin="http://evil.example") == 403
    assert status("events", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors") == 403
    assert status("uploads/a.exe", "PUT", b"x", Origin=origin) == 422
    assert status("uploads/%2e%2e/a.jpg", "PUT", b"x", Origin=origin) == 422
    assert status("uploads/a.jpg", "PUT", Origin=origin, Transfer_Encoding="chunked") == 411
    assert status("uploads/a.jpg", "PUT", Origin=origin, Content_Length=str(10**10)) == 413
    assert status("assets/../app.py") == 404


@pytest.fixture
def watched_from_elsewhere(kept: Kept, tmp_path: Path) -> Iterator[str]:
    """The address of the page by which a machine's status is shown."""
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [ROOT / "deploy.sh", "status", "--page", "--port", "0"],
            env={**os.environ, **aws.CREDENTIALS, "AWS_ENDPOINT_URL": kept.endpoint},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield _until(lambda: re.findall(r"(http://\S+), until Ctrl-C", log.read_text()))[0]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) in {0, 130}
        assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_machines_status_is_a_page_that_can_only_be_looked_at(
    watched_from_elsewhere: str, kept: Kept, browser: Browser, viewport: ViewportSize
) -> None:
    with visit(browser, watched_from_elsewhere, viewport) as page:
        expect(page.locator("#state")).to_have_text("seen live", timeout=SECONDS)
        expect(page.locator("body")).to_contain_text(f"s3://{kept.bucket}/")
        for variant in VARIANTS:
            expect(page.locator(f"[data-variant={variant}]")).to_be_visible()
        assert page.locator("input[type=file]").count() == 0
        assert not overflows(page)
        assert page.request.put(f"{watched_from_elsewhere}uploads/a.jpg", data=b"x").status in {403, 404, 405}
