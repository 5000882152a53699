"""`./deploy.sh local`: the whole machine on this computer."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from controlplane.environment import PROJECT
from controlplane.errors import UsageError
from controlplane.local.keep import DEFAULT_PORT
from controlplane.local.uploads import EXTENSIONS, Collected, collect
from imagemachine.errors import ConfigurationError
from imagemachine.settings import Settings

PICTURES = PROJECT / "tests/pictures"

SETTABLE = (
    *("MAX_BYTES", "MAX_PIXELS", "MAX_SECONDS"),
    *("WIDTH", "HEIGHT", "QUALITY", "FORMATS", "BACKGROUND", "KEEP_METADATA", "CACHE_CONTROL", "SUFFIXES"),
)
"""What the stack has parameters for, but for names of buckets and prefixes, which a local machine gives itself."""

_FLAGS = {"0": "false", "1": "true", "": ""}


class _Path(click.Path):
    """A path, of which an empty one, from a variable that is not set, is none."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            name = param.human_readable_name if param else "path"
            self.fail(f"{name} is empty: is it a variable that is not set?", param, ctx)
        return super().convert(value, param, ctx)


@click.command(
    help="""\
Run the whole machine on this computer: the same stack and the same functions as on AWS, on an emulator that it starts
itself and stops again. No account is needed. PATHs are pictures, or folders, which keep their names and whose pictures
keep their paths below them; none means the pictures that ship with the project. They are uploaded and followed; the
results, a contact sheet (index.html) and a report (report.json) are left in a folder.

Exit status: 0 every result made; 1 at least one was not, and the table says why; 2 wrong usage."""
)
@click.argument("paths", nargs=-1, type=_Path(), metavar="[PATH ...]")
@click.option("--out", type=_Path(), default=Path("out"), metavar="DIR", help="Where the results go (out/).")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help=f"A setting of the functions, such as MAX_BYTES=1000000; may be repeated. One of {', '.join(SETTABLE)}.",
)
@click.option("--keep", is_flag=True, help="Leave the machine up until Ctrl-C, with a page to see it work and feed it.")
@click.option(
    "--watch", type=_Path(), metavar="FOLDER", help="Upload each picture that comes into this folder; implies --keep."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_534),
    metavar="N",
    help=f"Where the machine answers; its page has the next port. With --keep {DEFAULT_PORT}, else any; 0 is any.",
)
@click.option(
    "--processes",
    is_flag=True,
    help="Run the functions as processes under Lambda's Runtime Interface Emulator (the default on Linux).",
)
@click.option(
    "--containers",
    is_flag=True,
    help="Run the functions as the images that AWS would run; needs a Docker engine (the default elsewhere).",
)
def command(
    paths: tuple[Path, ...],
    out: Path,
    settings: tuple[str, ...],
    watch: Path | None,
    port: int | None,
    *,
    keep: bool,
    processes: bool,
    containers: bool,
) -> int:
    """Checks what was typed before anything is loaded that takes time."""
    keep = keep or watch is not None
    contained = in_containers(processes=processes, containers=containers, platform=sys.platform)
    parameters = parameters_of(settings)
    collected = Collected() if watch and not paths else collect(paths or shipped(), without=out)
    if port is None:
        port = DEFAULT_PORT if keep else 0
    from controlplane.local.run import Wanted, run  # noqa: PLC0415 - what it loads would delay the answer to a misspelt path

    return run(PROJECT, Wanted(collected, out, contained, port, parameters, keep, watch))


def shipped() -> list[Path]:
    """The pictures that ship with the project: those of its folder, not of folders therein."""
    return sorted(file for file in PICTURES.iterdir() if file.suffix in EXTENSIONS)


def parameters_of(settings: Sequence[str]) -> dict[str, str]:
    """The stack's parameters for NAME=VALUE pairs of the functions' environment. Raises UsageError."""
    pairs = dict(_pair(setting) for setting in settings)
    try:
        Settings.load(pairs, "x")
    except ConfigurationError as error:
        raise UsageError(f"--set: {str(error).partition(': ')[2]}") from error
    return {parameter_of(name): _FLAGS[value] if name == "KEEP_METADATA" else value for name, value in pairs.items()}


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or name not in SETTABLE:
        raise UsageError(f'--set {setting} is none of {", ".join(SETTABLE)}, with "=" and a value.')
    return name, value


def parameter_of(name: str) -> str:
    """The stack's name of a variable: `MAX_BYTES` is `MaxBytes`."""
    return name.title().replace("_", "")


def in_containers(*, processes: bool, containers: bool, platform: str) -> bool:
    """Whether the functions run in containers. Raises UsageError."""
    if processes and containers:
        raise UsageError("--processes and --containers exclude each other: leave one out.")
    if processes and platform != "linux":
        raise UsageError("Lambda's Runtime Interface Emulator is for Linux: leave --processes out here.")
    return containers or platform != "linux"
