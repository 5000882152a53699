"""Nothing of an upload's path is lost on the way to its result's key."""

from hashlib import sha256

import pytest

from imagemachine.formats import FORMATS
from imagemachine.keys import common_prefix, extension, key_beside, keys_beside, result_key, result_keys


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


@pytest.mark.parametrize(
    ("key", "found"),
    [("a/cat.JPG", "jpg"), ("a.b/cat", ""), ("a.b/c.tar.Gz", "gz"), ("a/.png", "png"), ("a/cat.", ""), ("cat.a/", "")],
)
def test_an_extension_is_what_stands_behind_the_last_dot_of_the_last_part(key: str, found: str) -> None:
    assert extension(key) == found


def cut(path: str, ending: str) -> str:
    """As many bytes of whole characters as find room, and sixteen digits that stand for all of it."""
    tail = f"~{sha256(path.encode()).hexdigest()[:16]}.{ending}"
    head = ""
    for character in path:
        if len((head + character + tail).encode()) > 1024:
            break
        head += character
    return head + tail


@pytest.mark.parametrize("first", ["", "x"])
def test_a_key_of_1024_bytes_is_kept_and_of_one_more_is_cut(first: str) -> None:
    folder = "thumbnail/" + first
    for length in range(1018, 1030):
        name = "é" * 500 + "x" * (length - 1000 - len(folder) - len(".jpg"))
        path = f"{folder}{name}.jpg"
        assert len(path.encode()) == length
        assert key_of(f"ingest/{first}{name}.jpg") == (path if length <= 1024 else cut(path, "jpg"))
        beside = f"{path}.webp"
        assert key_beside(path, "webp") == (beside if length + 5 <= 1024 else cut(beside, "webp"))


def test_beside_a_result_lie_all_formats_that_are_written_and_a_manifest() -> None:
    extensions = ("avif", "bmp", "gif", "jpg", "json", "png", "tif", "webp")
    written = {format_.extensions[0] for format_ in FORMATS.values() if format_.writable}
    assert keys_beside("a/b.jpg") == [f"a/b.jpg.{each}" for each in extensions if each in {*written, "json"}]
    assert len(keys_beside("a")) == len(written) + 1
    assert "heic" not in written
    assert result_keys("ingest/cat", "ingest/", "t/") == sorted(f"t/cat.{each}" for each in written)
