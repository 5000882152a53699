"""A batch of pictures with a slow S3: how much of the waiting is hidden behind the codec.

    tests/benchmarks/run.sh batch [--delay 20] [--pictures 10] [--rounds 5] [PICTURE]

The same uploads as one batch, as batches of one after the other, through the codec alone, and as one batch with a codec
that takes no time, in turns. S3's calls take `--delay` milliseconds each; nothing else of the network is there.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import contenders, pictures
from benchmarks.peers.batches import Times

_OVER, _FASTER = 1.15, 1.8
"""The targets: at most so many times the longer of codec and I/O, at least so many times faster than in turn."""


def report(times: Times, count: int, delay: float) -> str:
    """The targets, and how far each is met."""
    over = times.together / max(times.codec, times.io / times.parallel)
    over_measured = times.together / max(times.codec, times.without)
    faster = times.in_turn / times.together
    floor = times.codec + times.io / count
    rows = (
        (f"{count} pictures as one batch", f"{times.together * 1000:.0f} ms"),
        ("one after the other", f"{times.in_turn * 1000:.0f} ms"),
        ("the codec alone", f"{times.codec * 1000:.0f} ms"),
        (f"S3 calls of {delay * 1000:.0f} ms, in turn", f"{times.io * 1000:.0f} ms"),
        (f"S3 calls, {times.parallel} at once", f"{times.io / times.parallel * 1000:.0f} ms"),
        ("S3 calls as the batch makes them, with a codec that takes no time", f"{times.without * 1000:.0f} ms"),
        ("the first fetch and the last store, which nothing can hide", f"{times.io / count * 1000:.0f} ms"),
        ("the codec and these: no order of the calls is faster with one codec", f"{floor * 1000:.0f} ms"),
        (
            f"batch / longer of the codec and S3 calls {times.parallel} at once",
            f"{over:.2f} (target {_OVER}: {_word(over <= _OVER)})",
        ),
        (
            "batch / longer of the codec and S3 calls as they are made",
            f"{over_measured:.2f} (target {_OVER}: {_word(over_measured <= _OVER)})",
        ),
        ("faster than one after the other", f"{faster:.2f} x (target {_FASTER}: {_word(faster >= _FASTER)})"),
    )
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)]) + "\n"


def _word(met: bool) -> str:
    return "met" if met else "not met"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure in a process with the machine's own Pillow, and print the table."""
    parser = argparse.ArgumentParser(prog="run.sh batch", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("picture", type=Path, nargs="?", help="the benchmark's JPEG of 2 megapixels unless given")
    parser.add_argument("--delay", type=float, default=20.0, help="milliseconds of every S3 call")
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    delay = options.delay / 1000
    picture = options.picture or pictures.two_megapixels(contenders.PHOTOGRAPHS, contenders.PICTURES)
    numbers = map(str, (options.pictures, delay, options.rounds))
    command = [contenders.MACHINE_PYTHON, "-m", "benchmarks.peers.batches", str(picture), *numbers]
    measured = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    sys.stdout.write(report(Times(**json.loads(measured.stdout)), options.pictures, delay))


if __name__ == "__main__":
    main()
