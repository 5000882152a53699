"""How much of what the bare codec does on this computer the whole local machine does.

    tests/benchmarks/run.sh throughput [--pictures 500] [-- --containers]

The photographs go through `./deploy.sh local` as its users run it, and through the codec alone, one process for each
processor. What follows `--` is handed on to deploy.sh.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from benchmarks import burst, capacity, contenders, pictures
from benchmarks.aws import load

_TARGET = 0.7


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


def bare_codec(paths: Sequence[Path]) -> float:
    """Seconds for all results, a process for each processor, nothing but the codec."""
    row = next(row for row in contenders.ALL if row.name == "codec")
    children = contenders.start((row,) * (os.cpu_count() or 1))

    def share(child: contenders.Child, mine: Sequence[Path]) -> None:
        for path in mine:
            for variant in pictures.VARIANTS:
                child.run(path, pictures.TASKS[variant])

    for child in children:
        share(child, paths[:1])
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(children)) as pool:
        shares = [paths[first :: len(children)] for first in range(len(children))]
        list(pool.map(share, children, shares))
    seconds = time.perf_counter() - begun
    for child in children:
        child.close()
    return seconds


def machine(folder: Path, arguments: Sequence[str]) -> tuple[float, int]:
    """Seconds from the first upload to the last result as the machine reports them, and how many results were made."""
    out = folder.parent / "out"
    command = [str(contenders.ROOT / "deploy.sh"), "local", str(folder), "--out", str(out), *arguments]
    subprocess.run(command, check=False, stdout=sys.stderr)
    told = json.loads((out / "report.json").read_text())
    made = sum(result["outcome"] == "made" for result in told["results"])
    return float(told["seconds"]), made


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
    work = Path(tempfile.mkdtemp())
    try:
        (work / "in").mkdir()
        paths = uploads(work / "in", options.pictures)
        bare = bare_codec(paths)
        whole, made = machine(work / "in", options.deploy)
    finally:
        shutil.rmtree(work)
    results = len(paths) * len(capacity.VARIANTS)
    ratio = (made / whole) / (results / bare)
    sys.stdout.write(
        "| | results per second |\n|---|---:|\n"
        f"| the codec alone, {os.cpu_count()} processes | {results / bare:.1f} |\n"
        f"| the machine, {made} of {results} results | {made / whole:.1f} |\n"
        f"| share | {ratio:.2f} (target {_TARGET}: {'met' if ratio >= _TARGET else 'not met'}) |\n"
        f"| the calculator's time for this burst | {simulated(len(paths), bare):.0f} s, measured {whole:.0f} s |\n"
    )


if __name__ == "__main__":
    main()
