"""A program: loads the functions in the folders named, as Lambda would, and says of each what came of it.

    load.py FOLDER ...

It prints a JSON object a line for each: `{"folder", "name", "formats"}`, its variant's name and what it writes, or
`{"folder", "line", "error"}`. It runs in a process of its own, and each function in one more, with nothing of the
user's in the environment. All is loaded but what only a function needs: clients, and the sandbox, which this computer's
kernel may not offer.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main(folders: list[str]) -> None:
    """One after the other: what they have in common is loaded once."""
    # By its name, for nothing else of the control plane knows it.
    bootstrap: Any = importlib.import_module("imagemachine.bootstrap")
    library: Any = importlib.import_module("imagemachine")
    bootstrap.function = library.function = _started
    # Whatever a function prints is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for folder in folders:
        child = os.fork()
        if child == 0:
            print(json.dumps({"folder": Path(folder).name, **_told(Path(folder))}), file=answers, flush=True)
            os._exit(0)
        os.waitpid(child, 0)


def _started(variant: Any) -> SimpleNamespace:
    """Stands in for the function: reads the environment as that does. Raises what that raises."""
    settings = importlib.import_module("imagemachine.settings").Settings.load(os.environ, variant.name)
    return SimpleNamespace(variant=variant.configured(settings))


def _told(folder: Path) -> dict[str, Any]:
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        variant = importlib.import_module("app").handler.variant
        return {"name": variant.name, "formats": list(variant.formats)}
    except BaseException as error:  # noqa: BLE001 - whatever a function does to be started, it is told
        what = error.msg if isinstance(error, SyntaxError) else error
        return {"line": _line(error, folder / "app.py"), "error": f"{type(error).__name__}: {what}"}


def _line(error: BaseException, file: Path) -> int | None:
    """Where in the function's own file it went wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == file), None)


if __name__ == "__main__":
    main(sys.argv[1:])
