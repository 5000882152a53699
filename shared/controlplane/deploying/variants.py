"""The folders of images/: which variants there are, and whether each would start."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.environment import PROJECT
from controlplane.errors import Failure

NAME = re.compile(r"(?=.*[g-z])[a-z][a-z0-9]{0,23}")
"""As the pattern of Variants in shared/stack.yaml, which says why."""

START_SECONDS = 60.0
"""For all of them together."""

_LOADER = Path(__file__).with_name("load.py")


def folders(project: Path = PROJECT) -> tuple[str, ...]:
    """The names of the folders of images/ that hold a function, sorted."""
    return tuple(sorted(app.parent.name for app in (project / "images").glob("*/app.py")))


@dataclass(frozen=True)
class Examined:
    """What functions are that were started with an environment."""

    problems: tuple[str, ...]
    """What would keep them from being deployed, or from starting, a sentence for each."""
    beside: Mapping[str, Sequence[str]]
    """By variant, the formats that lie beside each of its results."""


def examined(names: Sequence[str], environment: Mapping[str, str], project: Path = PROJECT) -> Examined:
    """Starts the functions with `environment`, each in a process of its own."""
    outside = [sentence for name in names for sentence in _outside(name, project)]
    loaded = _loaded(names, environment, project)
    complaints = [sentence for told in loaded if (sentence := _complaint(told))]
    beside = {told["folder"]: told["formats"][1:] for told in loaded if "formats" in told}
    return Examined((*outside, *complaints), beside)


def _outside(name: str, project: Path) -> list[str]:
    """What is wrong with a folder before anything in it is run."""
    folder, found = project / "images" / name, []
    if not NAME.fullmatch(name):
        found.append(
            f"images/{name} cannot be deployed: a variant's name is 1 to 24 lower-case letters and digits, begins with "
            "a letter and holds one letter beyond f. Rename the folder, and the name in its app.py."
        )
    if not (folder / "Dockerfile").is_file():
        found.append(f"images/{name} has no Dockerfile: copy that of another variant.")
    unreadable = [file.name for file in sorted(folder.rglob("*")) if not file.stat().st_mode & 0o004]
    if unreadable:
        # Lambda runs the image as a user of its own, and Docker keeps the files' modes.
        found.append(
            f"images/{name}/{unreadable[0]} is not for everybody to read, which on Lambda it has to be: "
            "chmod -R go+rX images"
        )
    return found


def _complaint(told: Mapping[str, Any]) -> str | None:
    """What is wrong with a function by what was said of its start."""
    file = f"images/{told['folder']}/app.py"
    if "error" in told:
        # The library's own errors are sentences, and name their place themselves.
        error = told["error"].removeprefix("ConfigurationError: ")
        _, named, rest = error.rpartition(file)
        where = f"{file}, line {told['line']}" if told["line"] else file
        sentence = f"{file}{rest}" if named else f"{where}: {error}"
        return sentence if sentence.endswith((".", "?")) else f"{sentence}."
    if told["name"] != told["folder"]:
        return f'{file} names its variant "{told["name"]}": the name has to be the folder\'s.'
    return None


def _loaded(names: Sequence[str], environment: Mapping[str, str], project: Path) -> list[dict[str, Any]]:
    """What load.py says of each function. Nothing of the user's is in its environment."""
    harmless = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(project / "shared"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OUTPUT_BUCKET": "results",
        **environment,
    }
    command = [sys.executable, "-s", "-P", str(_LOADER), *(str(project / "images" / name) for name in names)]
    try:
        done = subprocess.run(command, env=harmless, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"A function in images/ did not start within {START_SECONDS:.0f} seconds.") from error
    told = {entry["folder"]: entry for entry in map(json.loads, done.stdout.splitlines())}
    last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    died = {"line": None, "error": f"its process ended; its last words: {last}"}
    return [told.get(name, {"folder": name, **died}) for name in names]
