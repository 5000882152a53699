"""Cold starts: from the process's start to ready, and to the first result, beside the handler of the first tutorials.

    tests/benchmarks/run.sh coldstart [--image image-machine-thumbnail] [--rounds 15]

In the image, read-only and without privileges, as Lambda runs it; without --image in the benchmark's own Python. Files
are in the page cache: what Lambda has to fetch on top is shown as bytes touched.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import contenders, pictures

_MOUNTED = "/benchmarks"


def measure(image: str | None, picture: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """All starts, by what was started."""
    seed, thumbnail = contenders.HERE / "peers" / "seed", contenders.ROOT / "images" / "thumbnail"
    if image:
        folders = {"/thumbnail": "Image Machine", f"{_MOUNTED}/benchmarks/peers/seed": "first tutorial"}
        command = ["docker", "run", "--rm", "--init", "--read-only", "--tmpfs=/tmp", "--network=none"]
        command += ["--user=0", "--cap-add=SYS_PTRACE"]  # to count what a process touches that hides its memory
        command += [f"--volume={contenders.HERE}:{_MOUNTED}/benchmarks:ro", f"--volume={picture}:/picture:ro"]
        command += [f"--volume={thumbnail}:/thumbnail:ro"]
        command += [f"--env=PYTHONPATH={_MOUNTED}", "--entrypoint=python3", image]
        picture = Path("/picture")
    else:
        folders = {str(thumbnail): "Image Machine", str(seed): "first tutorial"}
        command = [contenders.MACHINE_PYTHON]
    command += ["-m", "benchmarks.peers.starts", str(picture), str(rounds), *folders]
    measured = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ)
    found = defaultdict(list)
    for line in measured.stdout.splitlines():
        start = json.loads(line)
        found[folders[start["folder"]]].append(start)
    return found


def report(found: dict[str, list[dict[str, Any]]]) -> str:
    """Medians and quartiles."""
    lines = ["| handler | ready | first result | CPU | MB touched |", "|---|---:|---:|---:|---:|"]
    for name, starts in found.items():
        columns = []
        for moment in ("ready", "result", "cpu"):
            low, median, high = statistics.quantiles([start[moment] * 1000 for start in starts], n=4)
            columns.append(f"{median:.0f} ms ({low:.0f} to {high:.0f})")
        touched = statistics.median(start["touched"] for start in starts) / 1e6
        lines.append(f"| {name} | {' | '.join(columns)} | {touched:.1f} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="run.sh coldstart", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", help="of any function, or the base of them")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    picture = pictures.two_megapixels(contenders.PHOTOGRAPHS, contenders.PICTURES).resolve()
    sys.stdout.write(report(measure(options.image, picture, options.rounds)))


if __name__ == "__main__":
    main()
