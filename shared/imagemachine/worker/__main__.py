"""To see from inside what the processes that pictures are worked on in can do, have them run code of one's own:

    python -m imagemachine.worker FILE.py [FILE.py ...] [--seconds N]

runs each file as the work on one picture, one after the other in one function, and prints what each printed and how
it ended: whoever doubts can leave something behind in the first and look for it in the second. The modules that the
files import are loaded before any of them runs, so that what fails is the deed and not the import. It grants nothing:
these are the same processes. Exit status: 0 each ran to its end, 1 one raised an error, or died or had to be ended.
"""

import argparse
import ast
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from imagemachine.variant import Limits, Turn, Variant
from imagemachine.worker.process import Worker, WorkerDied, Zygote
from imagemachine.worker.protocol import Task

_MIB = 1024 * 1024


def main() -> int:
    """Run the files and print what they print."""
    parser = argparse.ArgumentParser(
        prog="python -m imagemachine.worker", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", metavar="FILE.py", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each file (default: 20)")
    arguments = parser.parse_args()
    files = {path: path.read_bytes() for path in arguments.files}
    task = Task(
        work="imagemachine.worker.snippet:run",
        variant=Variant("snippet", [Turn(90)]),
        limits=Limits(max_bytes=max(map(len, files.values())), max_pixels=1),
        max_memory=512 * _MIB,
        max_output=_MIB,
        preload=tuple(sorted(set().union(*map(_imported, files.values())))),
    )
    well = True
    with closing(Zygote(task)) as zygote:
        worker = zygote.order()
        for path in arguments.files:
            if len(arguments.files) > 1:
                print(f"--- {path}")
            well &= _run(worker, files[path], arguments.seconds)
            worker = zygote.order(instead_of=worker)
    return 0 if well else 1


def _run(worker: Worker, code: bytes, seconds: float) -> bool:
    """Whether the code ran to its end; what it printed is printed."""
    deadline = time.monotonic() + seconds
    try:
        for refused in worker.refused(deadline):
            print(refused)
        match worker.ask(code, None, deadline):
            case ["made", [[length, _, _, _, frames]], *_]:
                print(worker.output(length, deadline).decode(), end="")
                return bool(frames == 1)
            case answer:
                print(f"The worker answered {answer!r}.")
    except WorkerDied as death:
        print(f"The worker died: {death}.")
    except TimeoutError:
        print(f"The worker was ended after {seconds:g} seconds.")
    return False


def _imported(code: bytes) -> Iterable[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    sys.exit(main())
