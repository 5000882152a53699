"""`./deploy.sh local`, typed as a user types it."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from integration.kit import ROOT

PICTURES = ROOT / "tests/pictures"
EXPECTED = {
    "clockwise": (427, 640),
    "counterclockwise": (427, 640),
    "thumbnail": (320, 214),
    "web": (640, 427),
    "mobile": (640, 427),
}


def deploy(*arguments: str | Path, project: Path = ROOT, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "deploy.sh", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def report(out: Path) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads((out / "report.json").read_text())["results"]
    return results


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upright scene, stored lying on its side as cameras do."""
    path = tmp_path_factory.mktemp("camera") / "my photo é.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(PICTURES / "rocket.jpg") as scene:
        scene.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)
    return path


def test_photographs_files_and_folders(tmp_path: Path, photograph: Path) -> None:
    album = tmp_path / "album"
    (album / "2026" / "spring ☀").mkdir(parents=True)
    shutil.copy(PICTURES / "chelsea.png", album / "2026" / "spring ☀" / "a+b%20c.png")
    frames = [Image.new("RGB", (60, 40), (60 * n, 90, 30)) for n in range(4)]
    frames[0].save(album / "moving.gif", save_all=True, append_images=frames[1:], duration=70, loop=0)
    (album / "notes.txt").write_text("not a picture, and not meant to be one")

    done = deploy("local", photograph, "album", "--out", "made", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = report(tmp_path / "made")
    assert {row["key"] for row in rows} == {
        f"ingest/{photograph.name}",
        "ingest/album/2026/spring ☀/a+b%20c.png",
        "ingest/album/moving.gif",
    }
    assert len(rows) == 3 * 5
    assert "1 .txt" in done.stdout
    for row in rows:
        assert row["outcome"] == "made"
        path = tmp_path / "made" / row["output"]
        assert path.stat().st_size == row["bytes_out"]
        with Image.open(path) as picture:
            assert (*picture.size, getattr(picture, "n_frames", 1)) == (row["width"], row["height"], row["frames"])
            if row["key"].endswith("jpg"):
                assert picture.size == EXPECTED[row["variant"]]
            if row["key"].endswith("gif"):
                assert picture.info["duration"] == 70

    # The right way round: the scene was upright before it was stored lying on its side.
    with Image.open(PICTURES / "rocket.jpg") as scene:
        for variant, turn in (
            ("clockwise", Image.Transpose.ROTATE_270),
            ("counterclockwise", Image.Transpose.ROTATE_90),
        ):
            with Image.open(tmp_path / "made" / variant / photograph.name) as turned:
                difference = ImageChops.difference(turned.convert("L"), scene.convert("L").transpose(turn))
            assert max(ImageStat.Stat(difference).mean) < 3
    page = (tmp_path / "made" / "index.html").read_text()
    assert "my photo é.jpg" in page
    assert "http://" not in page
    assert "https://" not in page


def test_bad_files_are_named_with_their_reason_and_harm_no_other(tmp_path: Path, photograph: Path) -> None:
    (tmp_path / "text.jpg").write_text("Dear diary")
    (tmp_path / "empty.png").touch()
    (tmp_path / "truncated.jpg").write_bytes(photograph.read_bytes()[:20_000])
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    bad = {
        "ingest/text.jpg": "not-an-image",
        "ingest/empty.png": "empty",
        "ingest/truncated.jpg": "corrupt",
        "ingest/bomb.png": "too-many-pixels",
    }
    names = [key.removeprefix("ingest/") for key in bad]
    done = deploy("local", *names, photograph, "--out", "made", folder=tmp_path)
    assert done.returncode == 1
    for row in report(tmp_path / "made"):
        if row["key"] in bad:
            assert (row["outcome"], row["reason"]) == ("rejected", bad[row["key"]])
            assert row["detail"]
            assert row["output"] is None
        else:
            assert row["outcome"] == "made"
    for name in names:
        assert name in done.stdout


def test_settings_hold_here_as_on_aws_and_each_format_has_its_row(tmp_path: Path, photograph: Path) -> None:
    limit = photograph.stat().st_size
    (tmp_path / "larger.jpg").write_bytes(photograph.read_bytes() + b"x")
    settings = ("--set", "FORMATS=keep,webp", "--set", f"MAX_BYTES={limit}")
    done = deploy("local", photograph, "larger.jpg", *settings, "--out", "made", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    rows = report(tmp_path / "made")
    assert {row["reason"] for row in rows if row["key"] == "ingest/larger.jpg"} == {"too-many-bytes"}
    made = [row for row in rows if row["outcome"] == "made"]
    turns = [("clockwise", "jpeg"), ("counterclockwise", "jpeg")]
    both = [(variant, format_) for variant in ("mobile", "thumbnail", "web") for format_ in ("jpeg", "webp")]
    assert [(row["variant"], row["format"]) for row in made] == turns + both
    for row in made:
        assert (tmp_path / "made" / row["output"]).stat().st_size == row["bytes_out"]


def test_a_sixth_variant_is_a_copied_folder(tmp_path: Path, photograph: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(".git", ".machine", "out", "__pycache__"))
    (project / ".machine").symlink_to(ROOT / ".machine")
    sixth = project / "images" / "banner"
    shutil.copytree(project / "images" / "thumbnail", sixth)
    source = (sixth / "app.py").read_text()
    for old, new in (("thumbnail", "banner"), ("width=320, height=320", "width=200, height=50"), ("80", "70")):
        assert old in source
        source = source.replace(old, new)
    (sixth / "app.py").write_text(source)

    done = deploy("local", photograph, "--out", "made", project=project, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    made = {row["variant"]: (row["width"], row["height"]) for row in report(tmp_path / "made")}
    assert made == {**EXPECTED, "banner": (75, 50)}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fly"], "fly"),
        (["local", "--fast"], "--fast"),
        (["local", "nowhere.jpg"], "nowhere.jpg"),
        (["local", "barren"], "barren"),
        (["local", "--processes", "--containers"], "containers"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "barren").mkdir()
    done = deploy(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_without_a_command_the_commands_are_printed(tmp_path: Path) -> None:
    done = deploy(folder=tmp_path)
    assert done.returncode == 0
    for command in ("local", "up", "push", "destroy"):
        assert f"./deploy.sh {command}" in done.stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left_running(tmp_path: Path, photograph: Path, how: signal.Signals) -> None:
    running = subprocess.Popen(
        [ROOT / "deploy.sh", "local", photograph, "--keep", "--port", "0", "--out", tmp_path / "made"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "IMAGE_MACHINE_TEST": str(tmp_path)},
        start_new_session=True,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "index.html" in line:
            break
    assert len(_started_by(tmp_path)) > 5
    running.send_signal(how)
    running.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while _started_by(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _started_by(tmp_path) == []


def _started_by(mark: Path) -> list[str]:
    """The processes of the session that began with `mark` in its environment."""
    sessions = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"IMAGE_MACHINE_TEST={mark}".encode() in environ.read_bytes():
                sessions.add(os.getsid(int(environ.parent.name)))
        except OSError:
            continue
    found = _sessions.setdefault(str(mark), set())
    found |= sessions
    listed = subprocess.run(["ps", "-ww", "-eo", "sid,pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines()[1:] if int(line.split()[0]) in found]


_sessions: dict[str, set[int]] = {}
