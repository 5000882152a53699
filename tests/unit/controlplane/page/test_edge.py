"""A kept machine answers for its results as the edge of a stack does."""

import http.client
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest

from controlplane.page.desk import Picture, RefusedError
from controlplane.page.journal import Journal
from controlplane.page.server import Server
from controlplane.page.source import Counts, Machine, State

CONTENT = {
    "hero/a b/cät.jpg": "image/jpeg",
    "hero/a b/cät.jpg.webp": "image/webp",
    "hero/a b/cät.jpg.avif": "image/avif",
}
BROWSER = "image/avif,image/webp,*/*;q=0.8"


class Looked:
    pause = 0.05
    machine = Machine("machine", "this computer", "s3://in/ingest/", "s3://out/", ("hero",))

    def look(self) -> State:
        return State((Counts("hero", 0, 0, 0, oldest_seconds=0),))


class Drawer:
    """A desk with these results in it."""

    extensions = (".jpg",)
    most_bytes = 100

    def __init__(self) -> None:
        self.journal = Journal()
        self.beside = {"hero": ("webp", "avif")}

    def put(self, path: str, file: BinaryIO) -> None:
        raise RefusedError("It takes none.")

    def small(self, key: str, *, of_upload: bool) -> Picture:
        raise RefusedError("It has none.")

    def whole(self, key: str, *, of_upload: bool) -> Picture:
        if of_upload or key not in CONTENT:
            raise RefusedError("It is not there.")
        return Picture(key.encode(), CONTENT[key])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Server(Looked(), Drawer(), 0) as server:
        yield server.url


def got(url: str, path: str, accept: str) -> tuple[int, str | None, bytes, str | None]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read(), answer.getheader("Vary")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("accept", "key"),
    [
        (BROWSER, "hero/a b/cät.jpg.avif"),
        ("image/webp,*/*", "hero/a b/cät.jpg.webp"),
        ("*/*", "hero/a b/cät.jpg"),
    ],
)
def test_each_gets_the_best_that_it_takes(url: str, accept: str, key: str) -> None:
    answer = got(url, "/results/hero/a%20b/c%C3%A4t.jpg", accept)
    assert answer == (200, CONTENT[key], key.encode(), "Accept")


@pytest.mark.parametrize("path", ["/results/ingest/cat.jpg", "/results/", "/results/hero/none.jpg", "/results/web/x"])
def test_what_is_not_there_or_nobodys_to_see_is_not_found(url: str, path: str) -> None:
    assert got(url, path, BROWSER)[0] == 404
