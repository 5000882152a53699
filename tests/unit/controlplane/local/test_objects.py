"""Objects over plain HTTP, against a server that misbehaves on demand."""

import io
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from controlplane.local.objects import Objects, TransferError

BODY = bytes(range(256)) * 5000


class Store(ThreadingHTTPServer):
    """Keeps what is put; does what `troubles` say, one for each request, before it behaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.troubles: list[str] = []
        self.connections = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) == length and not self._trouble():
            self.server.objects[self.path] = (self.headers["Content-Type"], body)
            self._answer(200, b"")

    def do_GET(self) -> None:
        if not self._trouble():
            known = self.server.objects.get(self.path)
            self._answer(200, known[1]) if known else self._answer(404, b"no such key")

    def _trouble(self) -> bool:
        trouble = self.server.troubles.pop(0) if self.server.troubles else ""
        if trouble == "hang up":
            self.close_connection = True
        elif trouble == "short":
            self._answer(200, BODY[:1000], length=len(BODY))
            self.close_connection = True
        elif trouble:
            self._answer(int(trouble), b"trouble")
        return bool(trouble)

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def serving() -> Iterator[tuple[Store, Objects]]:
    with Store() as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            with closing(Objects(f"http://127.0.0.1:{store.server_address[1]}")) as objects:
                yield store, objects
        finally:
            store.shutdown()
            thread.join()


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(BODY)
    return path


def put(objects: Objects, path: Path, key: str = "ingest/a.jpg") -> None:
    with path.open("rb") as file:
        objects.put("uploads", key, file, path.stat().st_size, "image/jpeg")


def test_there_and_back_over_one_connection(photograph: Path, tmp_path: Path) -> None:
    target = tmp_path / "back.jpg"
    with serving() as (store, objects):
        put(objects, photograph, "ingest/a b%+ü~.jpg")
        assert store.objects == {"/uploads/ingest/a%20b%25%2B%C3%BC~.jpg": ("image/jpeg", BODY)}
        objects.get("uploads", "ingest/a b%+ü~.jpg", target)
        assert store.connections == 1
    assert target.read_bytes() == BODY


def test_an_empty_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with serving() as (store, objects):
        put(objects, empty)
        assert store.objects["/uploads/ingest/a.jpg"] == ("image/jpeg", b"")


@pytest.mark.parametrize("trouble", ["hang up", "503"])
def test_passing_trouble_is_tried_again(trouble: str, photograph: Path, tmp_path: Path) -> None:
    target = tmp_path / "back.jpg"
    with serving() as (store, objects):
        store.troubles = [trouble, trouble]
        put(objects, photograph)
        store.troubles = [trouble, "short"]
        objects.get("uploads", "ingest/a.jpg", target)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize(
    ("troubles", "sentence"),
    [
        (["503"] * 3, "S3 answered 503 Service Unavailable"),
        (["403"], "S3 answered 403 Forbidden"),
        (["short"] * 3, "bytes are missing"),
        (["hang up"] * 3, "closed connection"),
    ],
)
def test_lasting_trouble_is_told(troubles: list[str], sentence: str, photograph: Path, tmp_path: Path) -> None:
    with serving() as (store, objects):
        put(objects, photograph)
        store.troubles = list(troubles)
        with pytest.raises(TransferError, match=sentence):
            objects.get("uploads", "ingest/a.jpg", tmp_path / "back.jpg")
        assert store.troubles == []


def test_a_file_that_becomes_shorter_is_not_stored() -> None:
    class Shorter(io.BytesIO):
        """Has no descriptor either, so that it is read and not handed to the kernel."""

    with serving() as (store, objects):
        with pytest.raises(TransferError, match="shorter"):
            objects.put("uploads", "ingest/a.jpg", Shorter(BODY[:1000]), len(BODY), "image/jpeg")
        assert not store.objects
