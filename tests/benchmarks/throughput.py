"""How much of what the bare codec does on this computer the whole local machine does, and where the rest goes.

    tests/benchmarks/run.sh throughput [--pictures 500] [-- --containers]

The photographs go through `./deploy.sh local` as its users run it, and through the codec alone, one process for each
processor, kept for all pictures: on the very Pillow that the machine ran on, which without containers is the stock one.
What follows `--` is handed on to deploy.sh. The codec runs before and after the machine, half of the photographs each,
so that what else the computer does touches both alike.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from benchmarks import burst, capacity, contenders, pictures
from benchmarks.aws import load
from benchmarks.usage import Usage
from controlplane import environment

_TARGET = 0.7
_WORK = contenders.BENCH / "throughput"


def uploads(folder: Path, count: int) -> list[Path]:
    """Photographs of 2 megapixels, no two alike, so that nothing can be made once for all."""
    with Image.open(pictures.two_megapixels(contenders.PHOTOGRAPHS, contenders.PICTURES)) as scene:
        scene.load()
    made = []
    for number in range(count):
        path = folder / f"photograph-{number:04}.jpg"
        moved = scene.crop((number % 16, number // 16 % 16, scene.width - 32, scene.height - 24))
        moved.save(path, **pictures.JPEG)
        made.append(path)
    return made


def codecs(containers: bool) -> tuple[contenders.Contender, ...]:
    """That of the machine; without containers also that on pillow-simd."""
    if containers:
        variant = f"image-machine-{capacity.VARIANTS[0]}"
        (plain,) = (row for row in contenders.in_image(variant, [_WORK]) if row.name == "codec")
        return (replace(plain, title="the codec alone, in the machine's own image"),)
    (simd,) = (row for row in contenders.ALL if row.name == "codec")
    python = environment.ready(contenders.ROOT / ".machine", environment.Purpose()) / "venv/bin/python"
    return (
        replace(simd, command=(str(python), *simd.command[1:]), title="the codec alone, on the machine's own Pillow"),
        replace(simd, title="and on pillow-simd"),
    )


@dataclass(frozen=True)
class Bare:
    """What the codec alone took."""

    seconds: float = 0.0
    cpu: float = 0.0
    """Processor seconds."""

    def __add__(self, other: "Bare") -> "Bare":
        return Bare(self.seconds + other.seconds, self.cpu + other.cpu)


def bare_codec(codec: contenders.Contender, paths: Sequence[Path]) -> Bare:
    """All results, a process for each processor, nothing but the codec. Raises OSError where it cannot be started."""

    def share(child: contenders.Child, mine: Sequence[Path]) -> float:
        runs = [child.run(path, pictures.TASKS[variant]) for path in mine for variant in pictures.VARIANTS]
        return sum(run.cpu for run in runs if not isinstance(run, str))

    with ExitStack() as stack:
        children = [stack.enter_context(contenders.Child(codec)) for _ in range(os.cpu_count() or 1)]
        for child in children:
            share(child, paths[:1])
        begun = time.perf_counter()
        with ThreadPoolExecutor(len(children)) as pool:
            shares = [paths[first :: len(children)] for first in range(len(children))]
            cpu = sum(pool.map(share, children, shares))
        return Bare(time.perf_counter() - begun, cpu)


@dataclass(frozen=True)
class Machine:
    """A run of the whole machine."""

    seconds: float
    """From its start to the last result, as the machine reports them."""
    made: int
    usage: Usage

    @property
    def cpu(self) -> float:
        """Processor seconds of all its processes."""
        return sum(self.usage.by_kind.values())

    def profile(self) -> str:
        """A table of where the processors' time went."""
        rows = "".join(
            f"| {kind} | {seconds:.1f} | {seconds / self.made * 1000:.2f} |\n"
            for kind, seconds in self.usage.by_kind.items()
        )
        head = "| | processor seconds | ms per result |\n|---|---:|---:|\n"
        return f"{head}{rows}| nothing to do | {self.usage.idle:.1f} | |\n"


def machine(folder: Path, arguments: Sequence[str]) -> Machine:
    """Run it on the photographs in `folder`."""
    out = folder.parent / "out"
    command = [str(contenders.ROOT / "deploy.sh"), "local", str(folder), "--out", str(out), *arguments]
    with subprocess.Popen(command, stdout=sys.stderr) as child, Usage(child.pid, "--containers" in arguments) as usage:
        child.wait()
    told = json.loads((out / "report.json").read_text())
    made = sum(result["outcome"] == "made" for result in told["results"])
    return Machine(float(told["seconds"]), made, usage)


def simulated(count: int, seconds_of_codec: float) -> float:
    """What capacity.py says of the same burst on this computer: its processors are the account's concurrency."""
    rules = load().rules
    processors = os.cpu_count() or 1
    each = seconds_of_codec * processors / (count * len(pictures.VARIANTS))
    works = tuple(burst.Work(variant, each, 0.0) for variant in pictures.VARIANTS)
    polling = burst.Polling("local", processors, 0, processors)
    scene = burst.Scene(count, 0.0, works, polling, rules, quota=processors, prefixes=1000, init_seconds=0.0)
    return burst.simulate(scene).drain_seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="run.sh throughput", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("deploy", nargs="*", help="for ./deploy.sh local, after --")
    options = parser.parse_args(arguments)
    containers = "--containers" in options.deploy
    rows = codecs(containers)
    shutil.rmtree(_WORK, ignore_errors=True)
    try:
        (_WORK / "in").mkdir(parents=True)
        (_WORK / "first").mkdir()
        paths = uploads(_WORK / "in", options.pictures)
        if containers:
            shutil.copy(paths[0], _WORK / "first")
            machine(_WORK / "first", options.deploy)  # which builds the images
        half = len(paths) // 2
        before = [bare_codec(row, paths[:half]) for row in rows]
        whole = machine(_WORK / "in", options.deploy)
        bare = [first + bare_codec(row, paths[half:]) for row, first in zip(rows, before, strict=True)]
    finally:
        shutil.rmtree(_WORK)
    results = len(paths) * len(capacity.VARIANTS)
    speed = whole.made / whole.seconds
    expected = simulated(len(paths), bare[0].seconds)
    lines = [
        "| | results per second | the machine's share | processor ms per result | the codec's share |",
        "|---|---:|---:|---:|---:|",
        f"| the machine, {whole.made} of {results} results | {speed:.1f} | | {whole.cpu / whole.made * 1000:.1f} | |",
        *(_line(row.title, alone, results, whole) for row, alone in zip(rows, bare, strict=True)),
        "",
        f"The calculator's time for this burst: {expected:.0f} s, measured {whole.seconds:.0f} s.",
        "",
        whole.profile(),
    ]
    sys.stdout.write("\n".join(lines))


def _line(title: str, bare: Bare, results: int, whole: Machine) -> str:
    share = (whole.made / whole.seconds) / (results / bare.seconds)
    verdict = f"{share:.2f} (target {_TARGET}: {'met' if share >= _TARGET else 'not met'})"
    # Unlike the time on the clock this hardly depends on what else the computer does.
    cpu = bare.cpu / results
    return (
        f"| {title}, {os.cpu_count()} processes | {results / bare.seconds:.1f} | {verdict} "
        f"| {cpu * 1000:.1f} | {cpu / (whole.cpu / whole.made):.2f} |"
    )


if __name__ == "__main__":
    main()
