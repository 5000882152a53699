"""The contenders as processes: what each is called, how it is started, and how it is asked."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BENCH = Path(os.environ.get("BENCH_HOME", ROOT / ".machine" / "bench"))

PHOTOGRAPHS = ROOT / "tests" / "pictures"
PICTURES = BENCH / "pictures"
"""Where the inputs that are made of the photographs are kept."""

SCRATCH = BENCH / "scratch"
"""Where results are saved to be looked at."""

_SIMD = str(BENCH / "simd" / "bin" / "python")
STOCK_PYTHON = str(BENCH / "stock" / "bin" / "python")
MACHINE_PYTHON = _SIMD if Path(_SIMD).exists() else STOCK_PYTHON
"""With the Pillow that the machine runs on."""

_IMAGE_BENCHMARKS = "/benchmarks"


@dataclass(frozen=True)
class Contender:
    """One row of the comparison."""

    name: str
    title: str
    command: tuple[str, ...]


ALL: tuple[Contender, ...] = (
    Contender("ours", "Image Machine, whole job", (_SIMD, "-m", "benchmarks.peers.ours", "job")),
    Contender("sharp", "sharp", ("node", str(HERE / "peers" / "sharp.mjs"))),
    Contender("libvips", "libvips", (STOCK_PYTHON, "-m", "benchmarks.peers.vips")),
    Contender("pillow", "Pillow, done well", (STOCK_PYTHON, "-m", "benchmarks.peers.pillow_tuned")),
    Contender("seed", "Pillow, first try", (STOCK_PYTHON, "-m", "benchmarks.peers.pillow_seed")),
    Contender("codec", "Image Machine, codec alone", (_SIMD, "-m", "benchmarks.peers.ours", "codec")),
    Contender("stock", "Image Machine, stock Pillow", (STOCK_PYTHON, "-m", "benchmarks.peers.ours", "job")),
)


@dataclass(frozen=True)
class Run:
    """One task done once."""

    seconds: float
    cpu: float
    bytes: int
    peak: int
    """Bytes of memory, the most that the contender has held since its start, where that was asked for."""


class Child:
    """A contender's process. Raises OSError where it cannot be started.

    processors: how many it may use, the same ones for all contenders; None: all there are.
    """

    def __init__(self, contender: Contender, processors: int | None = None) -> None:
        self.contender = contender
        paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "shared")])
        self._process = subprocess.Popen(
            contender.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths, "BENCH_HOME": str(BENCH)},
        )
        if processors is not None:
            os.sched_setaffinity(self._process.pid, allowed(processors))  # before it has started a thread
        try:
            self.versions: dict[str, str] = self._answer()
        except EOFError as error:
            raise OSError(f"{contender.title} did not start") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the process itself; it may have others below it."""
        return self._process.pid

    def run(self, picture: Path, task: dict[str, Any], save: Path | None = None, *, peak: bool = False) -> Run | str:
        """Do a task once; a sentence where the contender has no way to. Raises EOFError where it dies on it.

        peak: look at its memory too, which takes a while.
        """
        request = {"picture": str(picture), "task": task, "save": str(save) if save else None, "peak": peak}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        return str(answer["unable"]) if "unable" in answer else Run(**answer)

    def close(self) -> None:
        """End the process, in its own way."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"{self.contender.title} died")
        return json.loads(line)


def allowed(processors: int) -> list[int]:
    """The first so many processors of those that are there for us."""
    return sorted(os.sched_getaffinity(0))[:processors]


def docker(image: str, module: str, folders: Sequence[Path], limits: Sequence[str] = ()) -> tuple[str, ...]:
    """The command that runs a module of the benchmark's in an image, with the folders of pictures to be seen there."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    SCRATCH.chmod(0o777)  # the image's user is another one
    command = ["docker", "run", "--rm", "--init", "--interactive", "--network=none", "--read-only", "--tmpfs=/tmp"]
    command += [*limits, *(f"--volume={folder}:{folder}:ro" for folder in folders), f"--volume={SCRATCH}:{SCRATCH}"]
    command += [f"--volume={HERE}:{_IMAGE_BENCHMARKS}/benchmarks:ro", f"--env=PYTHONPATH={_IMAGE_BENCHMARKS}"]
    return (*command, "--entrypoint=python3", image, "-m", module)


def in_image(image: str, folders: Sequence[Path], limits: Sequence[str] = ()) -> tuple[Contender, ...]:
    """All contenders, the machine's own rows run inside a function's image, as Lambda runs it.

    `folders` hold the pictures; `limits` are docker run's options.
    """
    command = docker(image, "benchmarks.peers.ours", folders, limits)
    ours = {"ours": "job", "codec": "codec"}
    return tuple(replace(row, command=(*command, ours[row.name])) if row.name in ours else row for row in ALL)


def start(contenders: Sequence[Contender], processors: int | None = None) -> list[Child]:
    """Start them; one that cannot start is left out, with a word. `processors` as for a Child."""
    children = []
    for contender in contenders:
        try:
            children.append(Child(contender, processors))
        except OSError as error:
            sys.stderr.write(f"{contender.title}: {error}; its row is left out.\n")
    return children
