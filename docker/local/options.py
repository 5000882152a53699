"""What was typed after `./deploy.sh local`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from problems import UsageError

PICTURES = Path(__file__).resolve().parents[2] / "tests/pictures"

_DESCRIPTION = """\
Runs the whole machine on this computer: the same stack and the same functions as on AWS, on an emulator that it
starts itself and stops again. No account is needed. Uploads the pictures, follows them, and leaves the results, a
contact sheet (index.html) and a report (report.json) in a folder.

Exit status: 0 every result made; 1 at least one was not, and the table says why; 2 wrong usage.
"""


@dataclass(frozen=True)
class Options:
    """The command line, checked."""

    paths: tuple[Path, ...]
    out: Path
    containers: bool
    keep: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. `./deploy.sh local --help` says what is possible.")


def parse(arguments: Sequence[str], platform: str = sys.platform) -> Options:
    """Raises UsageError; prints the help and ends the process where that is asked for."""
    parser = _Parser(
        prog="./deploy.sh local",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="a picture, or a folder whose pictures keep their paths below it; none: the pictures that ship with "
        "the project",
    )
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where the results go (out/)")
    parser.add_argument("--keep", action="store_true", help="leave the machine up until Ctrl-C, and say how to use it")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--processes",
        action="store_true",
        help="run the functions as processes under Lambda's Runtime Interface Emulator (the default on Linux)",
    )
    where.add_argument(
        "--containers",
        action="store_true",
        help="run the functions as the images that AWS would run; needs a Docker engine (the default elsewhere)",
    )
    typed = parser.parse_intermixed_args(arguments)
    if typed.processes and platform != "linux":
        raise UsageError("Lambda's Runtime Interface Emulator is for Linux: leave --processes out here.")
    return Options(
        paths=tuple(typed.paths) or (PICTURES,),
        out=typed.out,
        containers=typed.containers or platform != "linux",
        keep=typed.keep,
    )
