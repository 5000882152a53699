"""The first use: what it says when it cannot be."""

import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane import environment
from controlplane.environment import Purpose, SetupError, ready

DEPLOY = environment.PROJECT / "deploy.sh"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that is made at once."""
    monkeypatch.setattr(environment, "_make", lambda home, _: (home / "made").write_text("x"))


@pytest.mark.usefixtures("quick")
def test_it_is_made_once_and_again_when_a_pin_changes(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("a==1")
    root = tmp_path / ".machine"
    first = ready(root, Purpose("test", pins))
    (first / "made").write_text("kept")
    assert (ready(root, Purpose("test", pins)) / "made").read_text() == "kept"
    pins.write_text("a==2")
    assert ready(root, Purpose("test", pins)) != first


def test_an_interrupted_first_use_leaves_nothing_that_is_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(home: Path, _: Purpose) -> None:
        (home / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ready(tmp_path, Purpose())
    monkeypatch.setattr(environment, "_make", lambda *_: None)
    assert not (ready(tmp_path, Purpose()) / "half").exists()
    assert not list(tmp_path.glob("*.partial"))


def _slow_first_use(root: Path, log: Path) -> None:
    def slow(home: Path, _: Purpose) -> None:
        with log.open("a") as file:
            file.write("begin\n")
        (home / "made").touch()

    environment.__dict__["_make"] = slow
    assert (ready(root, Purpose()) / "made").exists()


def test_of_two_first_uses_at_once_one_makes_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_slow_first_use, args=(tmp_path / "root", log)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert log.read_text() == "begin\n"


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_a_read_only_checkout(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be written"):
        ready(tmp_path / "file/.machine", Purpose())


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("WARNING: Retrying ... NewConnectionError('...: Failed to establish a new connection')", "needs the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one that was pinned"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for x==1", "pip says: No matching distribution found for x==1"),
        ("", "no reason"),
    ],
)
def test_a_failed_pip_in_a_sentence(output: str, said: str) -> None:
    assert said in environment._explain(output, Path("setup.log"))


def deploy(*arguments: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", DEPLOY, *arguments], env={"PATH": path}, capture_output=True, text=True, check=False
    )


def test_deploy_alone_prints_its_commands() -> None:
    told = deploy()
    assert told.returncode == 0
    for command in ("local", "up", "push"):
        assert f"./deploy.sh {command}" in told.stdout


def test_an_unknown_command_is_wrong_usage() -> None:
    told = deploy("locale")
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("python", "said"),
    [(None, "No python3 is on PATH"), ("Python 3.9.2", "Python 3.9.2 is on PATH, and Python 3.11 to 3.14 is needed")],
)
def test_no_python_for_it(tmp_path: Path, python: str | None, said: str) -> None:
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    if python:
        old = tmp_path / "python3"
        old.write_text(f'#!/bin/bash\n[[ $1 == --version ]] && echo "{python}"\n')
        old.chmod(0o755)
    told = deploy("local", path=str(tmp_path))
    assert told.returncode == 1
    assert said in told.stderr
    assert told.stderr.count("\n") == 1


def test_the_machine_runs_on_the_environments_python() -> None:
    assert Path(sys.prefix).parent.parent == environment.PROJECT / ".machine"
