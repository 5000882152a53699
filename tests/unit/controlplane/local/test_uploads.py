"""Which files are uploaded, under which keys."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import UsageError
from controlplane.local.results import OutputFolder
from controlplane.local.uploads import MAX_KEY_BYTES, collect, natural


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "sub/ü + 100%.png", "sub/a b\n.gif", "notes.txt", ".hidden.png", ".git/x.png"):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path / "in"


def keys(*paths: Path, without: Path = Path("/nowhere")) -> list[str]:
    return [upload.key for upload in collect(paths, without).uploads]


def test_a_folder_keeps_its_name_and_the_paths_below_it_and_only_its_pictures(folder: Path) -> None:
    assert keys(folder) == ["ingest/in/b.JPG", "ingest/in/sub/a b\n.gif", "ingest/in/sub/ü + 100%.png"]


def test_a_folder_without_a_name_of_its_own_has_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub")
    assert keys(Path()) == ["ingest/sub/a b\n.gif", "ingest/sub/ü + 100%.png"]
    assert keys(Path(".."))[0] == "ingest/in/b.JPG"


def test_numbers_are_counted_not_spelt(folder: Path) -> None:
    for name in ("img10.png", "img2.png", "IMG1.png", "img2b.png"):
        (folder / name).touch()
    names = [key.removeprefix("ingest/in/") for key in keys(folder)]
    assert names[:5] == ["b.JPG", "IMG1.png", "img2.png", "img2b.png", "img10.png"]


@given(st.text(max_size=8), st.text(max_size=8), st.integers(0, 999), st.integers(0, 999))
def test_of_any_names_that_differ_in_a_number_the_smaller_comes_first(before: str, after: str, a: int, b: int) -> None:
    before, after = f"{before}-", f"-{after}"
    assert (natural(f"{before}{a}{after}") < natural(f"{before}{b}{after}")) == (a < b)
    assert natural(before) < natural(f"{before}{a}") or natural(before) > natural(f"{before}{a}")


def test_what_was_left_out_is_counted_by_kind(folder: Path) -> None:
    for name in ("more.TXT", "film.mov", "Makefile"):
        (folder / name).touch()
    (folder / "gone.png").symlink_to("nothing")
    collected = collect([folder], Path("/nowhere"))
    kinds = {".txt": 2, ".mov": 1, "hidden": 2, "without an extension": 1, "broken links and the like": 1}
    assert collected.left_out == kinds
    assert collected.remark is not None
    assert "2 .txt, 2 hidden, 1 .mov" in collected.remark
    assert collect([folder / "b.JPG"], Path("/nowhere")).remark is None


def test_a_named_file_is_uploaded_whatever_it_is(folder: Path) -> None:
    assert keys(folder / "notes.txt", folder / ".hidden.png") == ["ingest/notes.txt", "ingest/.hidden.png"]


def test_two_files_of_one_name_are_both_uploaded_and_one_file_once(folder: Path) -> None:
    other = folder / "sub/b.JPG"
    other.write_bytes(b"another")
    assert keys(folder / "b.JPG", other, folder / "b.JPG", other) == ["ingest/b.JPG", "ingest/b-2.JPG"]


def test_results_of_an_earlier_run_are_left_out_and_it_is_said(folder: Path) -> None:
    OutputFolder(folder / "made").claim("web/b.JPG").touch()
    collected = collect([folder], without=Path("out"))
    assert not [upload for upload in collected.uploads if "made" in upload.path]
    assert collected.results == [folder / "made"]
    assert str(folder / "made") in (collected.remark or "")
    with pytest.raises(UsageError, match="results of an earlier run"):
        keys(folder / "made")


def test_earlier_results_are_not_uploaded(folder: Path) -> None:
    (folder / "out/web").mkdir(parents=True)
    (folder / "out/web/b.JPG").touch()
    assert "ingest/in/out/web/b.JPG" not in keys(folder, without=folder / "out")
    with pytest.raises(UsageError, match="where the results go"):
        keys(folder, without=folder)


def test_links_are_followed_once(folder: Path) -> None:
    (folder / "sub/loop").symlink_to(folder)
    (folder / "sub/broken.png").symlink_to("nothing")
    (folder / "link.png").symlink_to("sub/ü + 100%.png")
    below = [key.removeprefix("ingest/in/") for key in keys(folder)]
    assert below == ["b.JPG", "link.png", "sub/a b\n.gif", "sub/ü + 100%.png"]


def test_a_name_that_is_not_unicode_gets_a_key_that_is(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/bad\xff.png")).touch()
    assert "ingest/in/bad\N{REPLACEMENT CHARACTER}.png" in keys(folder)


def test_keys_of_more_than_1024_bytes_are_refused(folder: Path) -> None:
    deep = folder.joinpath(*["d" * 250] * 4)
    deep.mkdir(parents=True)
    fits = "x" * (MAX_KEY_BYTES - len(f"ingest/in/{deep.relative_to(folder)}/.png")) + ".png"
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
