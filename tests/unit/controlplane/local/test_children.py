"""Whatever ends the machine, its processes end with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from controlplane.local.children import Family, stop
from controlplane.local.inspector import Inspector

ORPHANED = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.path_of_the_machine
from controlplane.local.children import Family
family = Family(Path(sys.argv[1]))
child = family.start(["sleep", "600"], environment={}, folder=Path("/"))
print(child.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether the process ends; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_leaving_the_block_ends_what_is_left(tmp_path: Path) -> None:
    with Family(tmp_path) as family:
        child = family.start(["sleep", "600"], environment={"PATH": os.defpath}, folder=tmp_path)
        assert child.poll() is None
    assert child.wait(5) == -signal.SIGKILL


def test_kill_9_leaves_neither_processes_nor_files(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    program = ORPHANED.replace("sys.path_of_the_machine", repr(sys.path))
    command = [sys.executable, "-c", program, str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)
    deadline = time.monotonic() + 10
    while workspace.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workspace.exists()


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    with Family(tmp_path) as family:
        child = family.start(
            ["sh", "-c", "trap '' TERM; echo; sleep 600"],
            environment={"PATH": os.defpath},
            folder=tmp_path,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        with child.stdout as output:
            output.readline()
            stop(child)
    assert child.returncode == -signal.SIGKILL


def test_pictures_are_looked_at_elsewhere(tmp_path: Path) -> None:
    scene = Image.new("RGB", (60, 40), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    scene.save(tmp_path / "lying.jpg", exif=exif)
    scene.save(tmp_path / "ü scan.tiff")
    Image.new("RGBA", (5, 5)).save(tmp_path / "clear.png")
    (tmp_path / "text.jpg").write_text("no picture")
    with Family(tmp_path) as family:
        inspector = Inspector(family)
        names = ("lying.jpg", "ü scan.tiff", "clear.png", "text.jpg", "nowhere.jpg")
        found = inspector.look([tmp_path / name for name in names])
        (lying, no_preview), (scan, preview), (clear, _), (text, _), (nowhere, _) = found
        inspector.close()
    assert (lying.width, lying.height, no_preview) == (40, 60, None)
    assert (scan.width, scan.height) == (60, 40)
    assert (clear.transparent, lying.transparent) == (True, False)
    assert (text.width, nowhere.width) == (0, 0)
    assert preview is not None
    with Image.open(preview) as shown:
        assert (shown.format, shown.size) == ("WEBP", (60, 40))


def test_a_picture_that_kills_its_inspector_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "look.py"
    program.write_text(
        "import sys\n"
        "for line in sys.stdin:\n"
        "    if 'deadly' in line: sys.exit(1)\n"
        '    print(\'{"width": 1, "height": 2, "frames": 3, "transparent": false}\', flush=True)\n'
    )
    monkeypatch.setattr("controlplane.local.inspector._PROGRAM", program)
    with Family(tmp_path) as family:
        inspector = Inspector(family)
        found = inspector.look([tmp_path / name for name in ("a.jpg", "deadly.jpg", "b.jpg")])
        again = inspector.look([tmp_path / "c.jpg"])
        inspector.close()
    assert [seen.width for seen, _ in found + again] == [1, 0, 1, 1]
