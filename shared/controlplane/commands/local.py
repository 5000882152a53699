"""`./deploy.sh local`: the whole machine on this computer."""

import sys
from pathlib import Path

import click

from controlplane.environment import PROJECT
from controlplane.errors import UsageError
from controlplane.local.uploads import collect

PICTURES = PROJECT / "tests/pictures"


@click.command(
    help="""\
Run the whole machine on this computer: the same stack and the same functions as on AWS, on an emulator that it starts
itself and stops again. No account is needed. PATHs are pictures, or folders whose pictures keep their paths below
them; none means the pictures that ship with the project. They are uploaded and followed; the results, a contact
sheet (index.html) and a report (report.json) are left in a folder.

Exit status: 0 every result made; 1 at least one was not, and the table says why; 2 wrong usage."""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH ...]")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("out"), metavar="DIR", help="Where the results go (out/)."
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
@click.option("--keep", is_flag=True, help="Leave the machine up until Ctrl-C, and say how to use it.")
def command(paths: tuple[Path, ...], out: Path, *, processes: bool, containers: bool, keep: bool) -> int:
    """Checks what was typed before anything is loaded that takes time."""
    contained = in_containers(processes=processes, containers=containers, platform=sys.platform)
    uploads = collect(paths or (PICTURES,), without=out)
    from controlplane.local.run import run  # noqa: PLC0415 - what it loads would delay the answer to a misspelt path

    return run(PROJECT, uploads, out, in_containers=contained, keep=keep)


def in_containers(*, processes: bool, containers: bool, platform: str) -> bool:
    """Whether the functions run in containers. Raises UsageError."""
    if processes and containers:
        raise UsageError("--processes and --containers exclude each other: leave one out.")
    if processes and platform != "linux":
        raise UsageError("Lambda's Runtime Interface Emulator is for Linux: leave --processes out here.")
    return containers or platform != "linux"
