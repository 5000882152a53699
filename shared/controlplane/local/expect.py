"""A program: asks each variant in the folders named what it will make of pictures of certain sizes and formats.

    expect.py FOLDER ... <<< '[[<width>, <height>, "<format>"], ...]'

It prints a line of JSON for each variant, `[name, [[[<width>, <height>, "<format>"], ...], ...]]`: for each picture its
results, one for each format. Each function is loaded in a process of its own, without all that works on pictures.
"""

import json
import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

from imagemachine.formats import FORMATS, KEEP
from imagemachine.settings import Settings
from imagemachine.variant import Variant


def main(folders: list[str]) -> None:
    """One folder after the other."""
    pictures = json.load(sys.stdin)
    # Whatever a function prints is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for folder in folders:
        child = os.fork()
        if child == 0:
            variant = _variant(Path(folder))
            print(json.dumps([variant.name, [_results(variant, *one) for one in pictures]]), file=answers, flush=True)
            os._exit(0)
        os.waitpid(child, 0)


def _variant(folder: Path) -> Variant:
    """As the function has it: what its environment says is considered."""
    bootstrap = ModuleType("imagemachine.bootstrap")
    bootstrap.__dict__["function"] = lambda variant: variant
    sys.modules["imagemachine.bootstrap"] = bootstrap
    os.chdir(folder)
    variant: Variant = runpy.run_path("app.py")["handler"]
    return variant.configured(Settings.load(os.environ, variant.name))


def _results(variant: Variant, width: int, height: int, format_: str) -> list[tuple[int, int, str]]:
    """Of a picture of this size, upright, and format."""
    for step in variant.steps:
        width, height = step.size(width, height)
    wanted = [FORMATS[format_ if name == KEEP else name] for name in variant.formats]
    return [(width, height, result.name if result.writable else result.fallback) for result in wanted]


if __name__ == "__main__":
    main(sys.argv[1:])
