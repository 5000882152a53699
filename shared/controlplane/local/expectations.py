"""What each variant is to make of each upload, by its own word: the contact sheet shows it beside what was made."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controlplane.local.report import Picture

SECONDS = 60.0

_PROGRAM = Path(__file__).with_name("expect.py")


@dataclass(frozen=True)
class Expected:
    """A result as the variant foresees it."""

    width: int = 0
    height: int = 0
    """In pixels; 0 where it is not known."""
    format: str = ""


NOTHING_EXPECTED = Expected()


def expectations(
    project: Path, variants: Sequence[str], environment: Mapping[str, str], pictures: Sequence[Picture]
) -> dict[tuple[str, str], list[Expected]]:
    """By the upload's key and the variant, one for each format; nothing of an upload that cannot be opened here.

    The variants are asked in a process of their own, with `environment` and nothing of the user's. One that does not
    answer is not asked again: what it makes is then shown without.
    """
    known = [picture for picture in pictures if picture.seen.width and picture.seen.format]
    if not known:
        return {}
    asked = [[picture.seen.width, picture.seen.height, picture.seen.format] for picture in known]
    folders = [str(project / "images" / variant) for variant in variants]
    done = subprocess.run(
        [sys.executable, "-s", "-P", _PROGRAM, *folders],
        input=json.dumps(asked),
        env={"PYTHONPATH": str(project / "shared"), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    found: dict[tuple[str, str], list[Expected]] = {}
    for line in done.stdout.splitlines():
        variant, told = json.loads(line)
        for picture, results in zip(known, told, strict=True):
            found[picture.upload.key, variant] = [Expected(*result) for result in results]
    return found
