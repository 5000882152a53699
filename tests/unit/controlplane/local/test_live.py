"""What a kept machine writes down of the results that others make."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from controlplane.local.live import Live, written_down
from controlplane.local.report import Picture
from controlplane.local.transfers import TransferError
from controlplane.local.uploads import Upload
from controlplane.page.desk import RefusedError


class Bucket:
    """Takes uploads, of which one is refused."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}

    def put(self, key: str, file: Any) -> None:
        if "refused" in key:
            raise TransferError("S3 answered 503 Slow Down")
        self.taken[key] = file.read()


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def live(bucket: Bucket, tmp_path: Path) -> Live:
    nothing = cast("Any", None)
    return Live(("web",), "uploads", nothing, cast("Any", bucket), nothing, tmp_path)


def picture(path: str) -> Picture:
    return Picture(Upload(None, path, "uploads"), 7, ())


def test_a_burst_is_written_down_once_it_is_over_and_all_at_the_end(live: Live) -> None:
    written: list[Sequence[Picture]] = []
    with written_down(live, written.append):
        live.started_with([picture("a.jpg")], lambda _picture: None)
        live.changed.set()
        deadline = time.monotonic() + 20
        while not written and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [one.upload.path for one in written[-1]] == ["a.jpg"]
        live.started_with([picture("b.jpg")], lambda _picture: None)
    assert [one.upload.path for one in written[-1]] == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../a.jpg", "Its path"),
        ("/a.jpg", "Its path"),
        ("a//b.jpg", "Its path"),
        ("a\0.jpg", "Its path"),
        ("a.exe", "no picture by its name"),
        ("jpg", "no picture by its name"),
        ("d" * 1020 + ".jpg", "1,024 bytes"),
        ("refused.jpg", "503 Slow Down"),
    ],
)
def test_what_is_not_taken_is_a_sentence(live: Live, bucket: Bucket, path: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with file.open("rb") as opened, pytest.raises(RefusedError, match=why):
        live.put(path, opened)
    assert bucket.taken == {}


@pytest.mark.parametrize("path", ["a.jpg", "holiday/ü +%20#?.HEIC", ".hidden.png", "a..b/c.jpg"])
def test_what_is_taken_keeps_its_path(live: Live, bucket: Bucket, path: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"xyz")
    with file.open("rb") as opened:
        live.put(path, opened)
    assert bucket.taken == {f"ingest/{path}": b"xyz"}
