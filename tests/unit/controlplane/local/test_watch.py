"""A folder that feeds the machine."""

from pathlib import Path

import pytest

from controlplane.errors import UsageError
from controlplane.local.results import OutputFolder
from controlplane.local.watch import Folder


def paths(folder: Folder) -> list[str]:
    return [upload.path for upload in folder.finished()]


def test_a_picture_is_sent_when_it_has_lain_still_and_again_when_it_has_changed(tmp_path: Path) -> None:
    camera = tmp_path / "camera"
    camera.mkdir()
    folder = Folder(camera, tmp_path / "out")
    file = camera / "a.jpg"
    file.write_bytes(b"begun")
    (camera / "notes.txt").write_bytes(b"no picture")
    assert paths(folder) == []
    file.write_bytes(b"begun and gone on")
    assert paths(folder) == []
    assert paths(folder) == ["camera/a.jpg"]
    assert paths(folder) == []
    file.write_bytes(b"another")
    assert paths(folder) == []
    assert paths(folder) == ["camera/a.jpg"]
    file.unlink()
    assert paths(folder) == []


def test_what_is_empty_is_not_finished(tmp_path: Path) -> None:
    folder = Folder(tmp_path, tmp_path / "out")
    (tmp_path / "a.jpg").touch()
    assert paths(folder) + paths(folder) + paths(folder) == []


def test_the_machine_is_not_fed_with_its_own_results(tmp_path: Path) -> None:
    out = OutputFolder(tmp_path / "out")
    out.claim("web/a.jpg").write_bytes(b"made")
    folder = Folder(tmp_path, tmp_path / "out")
    assert paths(folder) + paths(folder) == []


def test_what_is_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        Folder(tmp_path / "nowhere", tmp_path)
