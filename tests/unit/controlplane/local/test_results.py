"""The folder of the results: what is somebody else's stays as it is."""

from pathlib import Path

import pytest

from controlplane.errors import UsageError
from controlplane.local.results import REPORT, SHEET, OutputFolder


def write(folder: OutputFolder, path: str, text: str = "ours") -> Path:
    file = folder.claim(path)
    file.write_text(text)
    return file


def test_a_run_writes_over_its_predecessor(tmp_path: Path) -> None:
    first = write(OutputFolder(tmp_path / "out"), "web/a/b.jpg")
    second = write(OutputFolder(tmp_path / "out"), "web/a/b.jpg", "new")
    assert first == second == tmp_path / "out/web/a/b.jpg"
    assert first.read_text() == "new"


def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/b.jpg").write_text("theirs")
    folder = OutputFolder(tmp_path)
    assert write(folder, "web/b.jpg") == tmp_path / "web/b-2.jpg"
    folder.remove_stale("web", "b.jpg")
    assert (tmp_path / "web/b.jpg").read_text() == "theirs"


@pytest.mark.parametrize("name", [SHEET, REPORT])
def test_a_sheet_or_report_of_somebody_elses_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("theirs")
    with pytest.raises(UsageError, match="was not made here"):
        OutputFolder(tmp_path)


def test_ones_own_sheet_is_not(tmp_path: Path) -> None:
    write(OutputFolder(tmp_path), SHEET)
    assert write(OutputFolder(tmp_path), SHEET).exists()


def test_results_of_an_earlier_run_that_this_one_did_not_make_go(tmp_path: Path) -> None:
    earlier = OutputFolder(tmp_path)
    for path in ("web/a.heic.jpg", "web/a.heic", "web/a.heic.d/x.jpg", "web/b.jpg", "mobile/a.heic.jpg"):
        write(earlier, path)
    now = OutputFolder(tmp_path)
    write(now, "mobile/a.heic.jpg")
    now.remove_stale("web", "a.heic")
    now.remove_stale("mobile", "a.heic")
    left = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.*") if file.suffix in {".jpg", ".heic"}}
    assert left == {"web/a.heic.d/x.jpg", "web/b.jpg", "mobile/a.heic.jpg"}


@pytest.mark.parametrize("path", ["../x", "/etc/x", "web/../../x", ""])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        OutputFolder(tmp_path).claim(path)


def test_names_too_long_for_a_file_system_are_shortened(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    one, two = (write(folder, f"web/{'ü' * 126}{end}.heic.jpg") for end in "ab")
    assert one != two
    assert one.suffix == ".jpg"
    assert len(one.name.encode()) <= 255
    assert OutputFolder(tmp_path).claim(f"web/{'ü' * 126}a.heic.jpg") == one


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="not a folder"):
        OutputFolder(file)
    with pytest.raises(UsageError):
        OutputFolder(file / "below")
