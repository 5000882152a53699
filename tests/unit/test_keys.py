"""Nothing of an upload's path is lost on the way to its result's key."""

import pytest

from imagemachine.formats import FORMATS
from imagemachine.keys import common_prefix, result_key, result_keys


def key_of(upload: str, format_: str = "jpeg") -> str:
    return result_key(upload, "ingest/", "thumbnail/", FORMATS[format_])


@pytest.mark.parametrize(
    ("upload", "format_", "result"),
    [
        ("ingest/holiday/cat.jpg", "jpeg", "thumbnail/holiday/cat.jpg"),
        ("ingest/holiday/cat.JPEG", "jpeg", "thumbnail/holiday/cat.JPEG"),
        ("ingest/cat.heic", "jpeg", "thumbnail/cat.heic.jpg"),
        ("ingest/cat.jpg", "webp", "thumbnail/cat.jpg.webp"),
        ("ingest/cat", "png", "thumbnail/cat.png"),
        ("ingest/jpg", "jpeg", "thumbnail/jpg.jpg"),
        ("ingest/a.jpg/b", "jpeg", "thumbnail/a.jpg/b.jpg"),
        ("ingest/.jpg", "jpeg", "thumbnail/.jpg"),
        ("ingest/ingest/a.gif", "gif", "thumbnail/ingest/a.gif"),
        ("ingest/Café 50% + ü.png", "png", "thumbnail/Café 50% + ü.png"),
    ],
)
def test_result_key(upload: str, format_: str, result: str) -> None:
    assert key_of(upload, format_) == result


def test_a_result_key_that_would_be_too_long_is_cut_and_stays_unique() -> None:
    stem = "ingest/" + "é" * 506
    first, second = key_of(stem + "a.jpg"), key_of(stem + "b.jpg")
    assert first != second
    assert first.endswith(".jpg")
    assert first.startswith("thumbnail/ééé")
    assert len(first.encode()) <= 1024
    assert len(second.encode()) <= 1024


def test_keys_that_differ_in_their_last_byte_only_share_no_result() -> None:
    """All are cut, for `counterclockwise/` is longer than `ingest/`: what is lost of each is in its hash."""
    prefix = "ingest/" + "é" * 500
    uploads = [f"{prefix}{n:04}{'.jpg' * 2}"[:1024] for n in range(50)]
    results = {result_key(upload, "ingest/", "counterclockwise/", FORMATS["jpeg"]) for upload in uploads}
    assert all(len(upload.encode()) > 1000 for upload in uploads)
    assert all("~" in result and len(result.encode()) <= 1024 for result in results)
    assert len(results) == len(uploads)


def test_result_keys_holds_every_key_that_any_format_gives() -> None:
    for upload in ("ingest/cat.heic", "ingest/cat.tar.png", "ingest/" + "x" * 1017):
        keys = result_keys(upload, "ingest/", "thumbnail/")
        for format_ in FORMATS.values():
            if format_.writable:
                assert key_of(upload, format_.name) in keys
        assert all(key.startswith(common_prefix(keys)) for key in keys)
        assert common_prefix(keys).startswith("thumbnail/")
