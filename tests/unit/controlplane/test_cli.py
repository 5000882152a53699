"""The command line: what is typed, and how whatever is wrong with it is told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from controlplane import cli
from controlplane.commands import local
from controlplane.environment import PROJECT
from controlplane.errors import Failure, UsageError
from controlplane.local.uploads import collect
from controlplane.signals import Stopped

COMMANDS = {
    "local": "[PATH ...] --containers --keep --out --port --processes --set --watch",
    "check": "[NAME=VALUE ...] --json --stack",
    "up": "[NAME=VALUE ...] --stack --yes",
    "push": "[VARIANT ...] --stack",
    "destroy": "--delete-pictures --stack --yes",
    "status": "--json --local --page --port --stack",
    "explain": "KEY --json --local --since --stack",
    "logs": "[VARIANT] --errors --follow --json --key --local --since --stack",
    "rejected": "[VARIANT] --json --local --reason --stack",
    "redrive": "[VARIANT] --json --local --reason --stack",
    "audit": "[PREFIX] --json --local --quick --rate --remove-orphans --repair --stack --yes",
    "backfill": "[PREFIX] --all --dry-run --json --local --missing --quick --rate --stack --stale --variant --yes",
    "cost": "--days --json --local --stack --uploads",
}
"""What each command takes; scripts of users rely on it."""


def test_every_command_is_there_with_what_it_takes() -> None:
    context, found = click.Context(cli.commands), {}
    for name in cli.COMMANDS:
        command = cli.commands.get_command(context, name)
        assert isinstance(command, click.Command), name
        assert command.help
        arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
        options = sorted(option for p in command.params for option in p.opts if option.startswith("--"))
        found[name] = " ".join([*arguments, *options])
    assert found == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"local", "cost"}))
def test_who_has_no_account_is_told_how_to_come_by_one(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.main([command, *(["key"] if command == "explain" else [])]) == 1
    assert capsys.readouterr().err == (
        "No AWS region is chosen: export AWS_REGION=eu-central-1, or run `aws configure`.\n"
    )


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        (Failure("It is broken."), 1, "It is broken.\n"),
        (UsageError("It is called wrongly."), 2, "It is called wrongly.\n"),
        (Stopped(signal.SIGTERM), 143, "Stopped.\n"),
        (Stopped(signal.SIGINT), 130, "Stopped.\n"),
        (click.Abort(), 130, "Stopped.\n"),
    ],
)
def test_every_end_has_its_status(
    raised: BaseException,
    status: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ends(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(cli.commands, "main", ends)
    assert cli.main(["local"]) == status
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", told)


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
            env={"PYTHONIOENCODING": encoding}
            | ({"PYTHONPATH": str(PROJECT / "shared")} if program[0] == "-c" else {}),
            capture_output=True,
            check=False,
        )
        assert there in run.stdout + run.stderr
