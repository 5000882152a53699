"""The command line: what is typed, and how whatever is wrong with it is told."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from controlplane import cli
from controlplane.commands import local
from controlplane.environment import PROJECT
from controlplane.errors import UsageError
from controlplane.local.uploads import collect


def test_every_command_is_there() -> None:
    context = click.Context(cli.commands)
    for name in ("local",):
        command = cli.commands.get_command(context, name)
        assert command is not None
        assert command.help


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "fly"),
        (["local", "--bogus"], "--bogus"),
        (["local", "--out"], "--out"),
        (["local", "--kee"], "--kee"),
        (["local", "--processes", "--containers"], "exclude each other"),
        (["local", "nowhere.jpg"], "There is no nowhere.jpg."),
        (["local", ""], "is it a variable that is not set?"),
        (["local", "--out", ""], "is it a variable that is not set?"),
        (["local", "--watch", ""], "is it a variable that is not set?"),
        (["local", "--watch", "nowhere"], "There is no folder nowhere to watch."),
        (["local", "--set", "MAX_BYTES"], "--set MAX_BYTES"),
        (["local", "--set", "OUTPUT_BUCKET=x"], "--set OUTPUT_BUCKET=x"),
        (["local", "--set", "MAX_BYTES=many"], "MAX_BYTES='many' is not a whole number"),
        (["local", "--port", "70000"], "--port"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert said in told.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_commands_are_listed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    told = capsys.readouterr().out
    assert all(f"./deploy.sh {name}" in told for name in cli.COMMANDS)


def test_containers_are_the_default_where_processes_cannot_run() -> None:
    assert local.in_containers(processes=False, containers=False, platform="darwin")
    assert local.in_containers(processes=False, containers=True, platform="linux")
    assert not local.in_containers(processes=False, containers=False, platform="linux")
    with pytest.raises(UsageError, match="Linux"):
        local.in_containers(processes=True, containers=False, platform="darwin")


def test_pictures_ship_with_the_project(tmp_path: Path) -> None:
    keys = [upload.key for upload in collect(local.shipped(), tmp_path).uploads]
    assert len(keys) >= 5
    assert not [key for key in keys if "/" in key.removeprefix("ingest/")]


def test_settings_are_the_stacks_parameters() -> None:
    settings = ("MAX_BYTES=1000", "KEEP_METADATA=1", "CACHE_CONTROL=max-age=5")
    parameters = {"MaxBytes": "1000", "KeepMetadata": "true", "CacheControl": "max-age=5"}
    assert local.parameters_of(settings) == parameters


def test_every_setting_is_a_parameter_of_the_stack() -> None:
    template = (PROJECT / "shared/stack.yaml").read_text()
    for name in local.SETTABLE:
        assert f"\n  {local.parameter_of(name)}:\n    Type: " in template


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", rb"\xe9-\udcff.jpg"), ("utf-8", b"\xc3\xa9-" + rb"\udcff.jpg")]
)
def test_a_name_that_the_terminal_cannot_show_is_shown_all_the_same(encoding: str, shown: bytes) -> None:
    """A letter that its encoding lacks, and bytes that are no text in any."""
    prints = "cli.main = lambda names: print(*names); runpy.run_module('controlplane', run_name='__main__')"
    for program, there in (
        (["-c", f"import runpy, controlplane.cli as cli; {prints}"], shown + b"\n"),
        ([str(PROJECT / "shared/controlplane/__main__.py"), "local"], b"There is no " + shown),
    ):
        run = subprocess.run(
            [sys.executable, "-P", *map(os.fsencode, program), b"\xc3\xa9-\xff.jpg"],
            env={"PYTHONIOENCODING": encoding, "PYTHONPATH": str(PROJECT / "shared")},
            capture_output=True,
            check=False,
        )
        assert there in run.stdout + run.stderr
