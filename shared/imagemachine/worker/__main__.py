"""To see from inside what the process that pictures are worked on in can do, have it run code of one's own:

    python -m imagemachine.worker FILE.py [--seconds N]

prints what the code in FILE.py prints and how it ended. The modules that FILE.py imports are loaded before the
process is confined, so that what fails is the deed and not the import. It grants nothing: it is the same worker.
Exit status: 0 the code ran to its end, 1 it raised an error, or its process died or had to be ended.
"""

import argparse
import ast
import sys
import time
from contextlib import closing
from pathlib import Path

from imagemachine.variant import Limits, Turn, Variant
from imagemachine.worker.process import SharedFile, WorkerDied, WorkerProcess
from imagemachine.worker.protocol import Task

_MIB = 1024 * 1024


def main() -> int:
    """Start a worker for the file and print what it answers."""
    parser = argparse.ArgumentParser(
        prog="python -m imagemachine.worker", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    code = arguments.file.read_bytes()
    task = Task(
        work="imagemachine.worker.snippet:run",
        variant=Variant("snippet", [Turn(90)]),
        limits=Limits(max_bytes=len(code), max_pixels=1),
        max_memory=512 * _MIB,
        max_output=_MIB,
        preload=tuple(_imported(code)),
    )
    with closing(SharedFile()) as file:
        file.write(code)
        worker = WorkerProcess(task, file)
        try:
            deadline = time.monotonic() + arguments.seconds
            for refused in worker.hello(deadline)["refused"]:
                print(refused)
            match worker.ask(len(code), deadline):
                case ["made", [[length, _, _, _, frames]], *_]:
                    print(file.read(length).decode(), end="")
                    return 0 if frames == 1 else 1
                case answer:
                    print(f"The worker answered {answer!r}.")
        except WorkerDied as death:
            print(f"The worker died: {death}.")
        except TimeoutError:
            print(f"The worker was ended after {arguments.seconds:g} seconds.")
        finally:
            worker.kill()
    return 1


def _imported(code: bytes) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


if __name__ == "__main__":
    sys.exit(main())
