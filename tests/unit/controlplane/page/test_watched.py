"""The page of a machine that can only be looked at, in a real browser."""

import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from browser import DESK, PHONE, chromium, overflows, visit
from controlplane.errors import Failure
from controlplane.page.server import Server
from controlplane.page.source import Counts, Machine, SourceError, State

VARIANTS = ("avatar", "clockwise", "counterclockwise", "mobile", "square", "thumbnail", "web")


class Stack:
    """A source that a test can change."""

    pause = 0.05
    machine = Machine("shop-pictures", "account 111122223333, eu-central-1", "s3://in/ingest/", "s3://out/", VARIANTS)

    def __init__(self) -> None:
        self.state: State | None = State(tuple(Counts(name, 0, 0, 0, oldest_seconds=0) for name in VARIANTS))
        self.looks = 0

    def look(self) -> State:
        self.looks += 1
        if self.state is None:
            raise SourceError("AWS cannot be reached: connect, and look again.")
        return self.state


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    with Server(stack, None, 0) as server:
        yield server.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def status(url: str, method: str, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={"Origin": url.rstrip("/")})
        return connection.getresponse().status
    finally:
        connection.close()


def test_there_is_nothing_to_be_done_to_it(url: str) -> None:
    assert status(url, "GET", "/") == 200
    assert status(url, "PUT", "/uploads/a.jpg") == 404
    assert status(url, "GET", "/uploads/1/small") == 404


def test_a_port_that_is_taken_is_a_sentence(url: str, stack: Stack) -> None:
    with pytest.raises(Failure, match=r"Port \d+, for the page, is taken"):
        Server(stack, None, urlsplit(url).port or 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_counts_and_what_is_wrong_are_shown_as_they_change(
    browser: Browser, stack: Stack, url: str, viewport: ViewportSize, scheme: str
) -> None:
    with visit(browser, url, viewport, color_scheme=scheme) as page:
        expect(page.locator("h1")).to_have_text("shop-pictures")
        expect(page.locator("#state")).to_have_text("seen live")
        expect(page.locator("[data-variant=web] .queued")).to_have_text("0")
        assert page.locator("button, input").count() == 0
        stack.state = State(
            tuple(Counts(name, 123_456, 7, 21, oldest_seconds=400, trouble="3 failures.") for name in VARIANTS),
            ("147 dead letters: `./deploy.sh rejected` says why.",),
        )
        for variant in VARIANTS:
            lane = page.locator(f"[data-variant={variant}]")
            expect(lane.locator(".queued")).to_have_text("123,463")
            expect(lane.locator(".letters")).to_have_text("21")
            expect(lane.locator(".function.works.trouble")).to_have_attribute("title", "3 failures.")
        expect(page.locator("#problems")).to_contain_text("147 dead letters")
        assert not overflows(page)
        stack.state = None
        expect(page.locator("#problems")).to_contain_text("AWS cannot be reached")
        expect(page.locator("[data-variant=web] .queued")).to_have_text("123,463")


def test_nobody_is_asked_while_nobody_looks(browser: Browser, stack: Stack, url: str) -> None:
    assert stack.looks == 0
    with visit(browser, url) as page:
        expect(page.locator("#state")).to_have_text("seen live")
        page.wait_for_timeout(300)
    assert stack.looks > 1
    # Whoever looked has gone, which the server is told when it next has something for them, or a little later.
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        looks = stack.looks
        time.sleep(0.5)
        if stack.looks == looks:
            return
    raise AssertionError("It is still asked.")
