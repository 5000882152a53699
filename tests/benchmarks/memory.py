"""Peak memory, and the cheapest memory size of a function.

    tests/benchmarks/run.sh memory [--only 'jpeg-24mp/*'] [--sizes 512,1024,1769,3008 --image image-machine-base]

First each contender in a fresh process for every picture and task: the most memory held, of the machine by all its
processes together, a page that several of them share counted once (with --image it is run as root, to see which these
are). With --image also what a picture costs at Lambda's memory sizes: the
job in a container with the share of a processor that comes with the memory.
"""

import argparse
import fnmatch
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import aws, contenders, pictures

_RUNS = 3
_IN_A_ROW = 60
_MEGABYTE = 1024 * 1024
_CPU_FREE = 0.2
"""Of a processor: below it the container's own start would be what is measured."""


def peaks(path: Path, task: str, rows: Sequence[contenders.Contender]) -> dict[str, int]:
    """Bytes, by the contender's name; without those that cannot do the task."""
    found = {}
    for row in rows:
        with contenders.Child(row) as child:
            runs = [child.run(path, pictures.TASKS[task], peak=True) for _ in range(_RUNS)]
        if not isinstance(runs[-1], str):
            found[row.name] = max(run.peak for run in runs if not isinstance(run, str))
    return found


def prices(path: Path, task: str, image: str, sizes: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Seconds and dollars of a picture at each memory size."""
    data = aws.load()
    found = {}
    for size in sizes:
        share = size / data.rules.megabytes_per_cpu
        if share < _CPU_FREE:
            continue
        limits = (f"--cpus={min(share, 2):.3f}", f"--memory={size}m", f"--memory-swap={size}m")
        job = next(row for row in contenders.in_image(image, [path.parent], limits) if row.name == "ours")
        with contenders.Child(job) as child:
            runs = [child.run(path, pictures.TASKS[task]) for _ in range(_IN_A_ROW)]
        # The mean: a share of a processor is a whole one for a while, and then none.
        seconds = statistics.mean(run.seconds for run in runs[1:] if not isinstance(run, str))
        found[size] = seconds, seconds * size / 1024 * data.prices.gigabyte_second["x86_64"]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="run.sh memory", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="*", metavar="PATTERN", help="such as 'jpeg-*/thumbnail'")
    parser.add_argument("--contenders", default="ours,sharp,libvips")
    parser.add_argument("--image", help="a function's image: the machine's rows are run in it")
    parser.add_argument("--sizes", default="512,1024,1769,3008", help="MB")
    options = parser.parse_args(arguments)
    seeing = ("--user=0", "--cap-add=SYS_PTRACE")
    everything = contenders.in_image(options.image, [contenders.PICTURES], seeing) if options.image else contenders.ALL
    rows = [row for row in everything if row.name in options.contenders.split(",")]
    sys.stdout.write("Peak memory in MB:\n\n| picture | task | " + " | ".join(row.title for row in rows) + " |\n")
    sys.stdout.write("|---|---|" + "---:|" * len(rows) + "\n")
    for picture in pictures.ALL:
        for task in picture.tasks:
            if fnmatch.fnmatch(f"{picture.name}/{task}", options.only):
                path = pictures.make(picture, contenders.PHOTOGRAPHS, contenders.PICTURES)
                found = peaks(path, task, rows)
                cells = [f"{found[row.name] / _MEGABYTE:.0f}" if row.name in found else "-" for row in rows]
                sys.stdout.write(f"| {picture.name} | {task} | {' | '.join(cells)} |\n")
                sys.stdout.flush()
    if options.image:
        path = pictures.make(pictures.named("jpeg-12mp"), contenders.PHOTOGRAPHS, contenders.PICTURES)
        sizes = [int(size) for size in options.sizes.split(",")]
        sys.stdout.write(
            "\nA thumbnail of 12 megapixels by memory size:\n\n| MB | ms | US$ per million |\n|---:|---:|---:|\n"
        )
        for size, (seconds, dollars) in prices(path, "thumbnail", options.image, sizes).items():
            sys.stdout.write(f"| {size} | {seconds * 1000:.1f} | {dollars * 1e6:.2f} |\n")


if __name__ == "__main__":
    main()
