"""A real browser for tests: Debian's Chromium, driven by playwright. What it asks of any other host fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

DESK = ViewportSize(width=1400, height=1000)
PHONE = ViewportSize(width=390, height=844)

_QUIET = (
    "--headless",
    "--no-sandbox",  # root may not have one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips the test where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("There is no chromium on PATH, so that no page is looked at: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, viewport: ViewportSize = DESK, **how: object) -> Iterator[Page]:
    """The page at `url`. What it asks of any other host, and what it complains of, fails the test."""
    context = browser.new_context(viewport=viewport, **how)  # type: ignore[arg-type]
    page = context.new_page()
    elsewhere: list[str] = []
    complaints: list[str] = []

    def noticed(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    here = urlsplit(url)[:2]
    page.on("request", lambda request: None if _is_here(request.url, here) else elsewhere.append(request.url))
    page.on("console", noticed)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(url)
        yield page
    finally:
        context.close()
    assert elsewhere == []
    assert complaints == []


def _is_here(url: str, here: tuple[str, str]) -> bool:
    parts = urlsplit(url)
    return parts[:2] == here or parts.scheme in {"blob", "data"}


def overflows(page: Page) -> bool:
    """Whether it can be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
