"""Which files are uploaded, under which keys."""

import os
from pathlib import Path

import pytest

from controlplane.errors import UsageError
from controlplane.local.uploads import MAX_KEY_BYTES, collect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "sub/ü + 100%.png", "sub/a b\n.gif", "notes.txt", ".hidden.png", ".git/x.png"):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path / "in"


def keys(*paths: Path, without: Path = Path("/nowhere")) -> list[str]:
    return [upload.key for upload in collect(paths, without)]


def test_a_folder_keeps_the_paths_below_it_and_only_its_pictures(folder: Path) -> None:
    assert keys(folder) == ["ingest/b.JPG", "ingest/sub/a b\n.gif", "ingest/sub/ü + 100%.png"]


def test_a_named_file_is_uploaded_whatever_it_is(folder: Path) -> None:
    assert keys(folder / "notes.txt", folder / ".hidden.png") == ["ingest/notes.txt", "ingest/.hidden.png"]


def test_two_files_of_one_name_are_both_uploaded_and_one_file_once(folder: Path) -> None:
    other = folder / "sub/b.JPG"
    other.write_bytes(b"another")
    assert keys(folder / "b.JPG", other, folder / "b.JPG", other) == ["ingest/b.JPG", "ingest/b-2.JPG"]


def test_earlier_results_are_not_uploaded(folder: Path) -> None:
    (folder / "out/web").mkdir(parents=True)
    (folder / "out/web/b.JPG").touch()
    assert "ingest/out/web/b.JPG" not in keys(folder, without=folder / "out")
    with pytest.raises(UsageError, match="where the results go"):
        keys(folder, without=folder)


def test_links_are_followed_once(folder: Path) -> None:
    (folder / "sub/loop").symlink_to(folder)
    (folder / "sub/broken.png").symlink_to("nothing")
    (folder / "link.png").symlink_to("sub/ü + 100%.png")
    assert keys(folder) == ["ingest/b.JPG", "ingest/link.png", "ingest/sub/a b\n.gif", "ingest/sub/ü + 100%.png"]


def test_a_name_that_is_not_unicode_gets_a_key_that_is(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/bad\xff.png")).touch()
    assert "ingest/bad\N{REPLACEMENT CHARACTER}.png" in keys(folder)


def test_keys_of_more_than_1024_bytes_are_refused(folder: Path) -> None:
    deep = folder.joinpath(*["d" * 250] * 4)
    deep.mkdir(parents=True)
    fits = "x" * (MAX_KEY_BYTES - len(f"ingest/{deep.relative_to(folder)}/.png")) + ".png"
    (deep / fits).touch()
    assert max(len(key) for key in keys(folder)) == MAX_KEY_BYTES
    (deep / f"x{fits}").touch()
    with pytest.raises(UsageError, match="1,025 bytes"):
        keys(folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [("nothing.jpg", "There is no"), (".git/../.empty", "holds no pictures"), ("pipe", "neither a file nor a folder")],
)
def test_what_cannot_be_uploaded_is_wrong_usage(folder: Path, name: str, said: str) -> None:
    (folder / ".empty").mkdir()
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match=said) as caught:
        keys(folder / name)
    assert caught.value.status == 2
