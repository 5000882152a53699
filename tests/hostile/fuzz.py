"""Damage good pictures at random and see that each is made or rejected with a true reason, and nothing else:

    python tests/hostile/fuzz.py [--seconds N] [--seed N] [--format NAME] [--keep FOLDER]

A finding is a worker that died or took too long, an error that the codec did not foresee, a result that is not what
it is said to be, or a reason that cannot be true. Each is made smaller and left in FOLDER (default: files/ beside
this file, whose files are tried on every run of the tests). Exit status: 0 nothing found, 1 something was.
"""

import argparse
import hashlib
import io
import random
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "shared")]

from PIL import Image  # noqa: E402

from hostile.mutation import mutated  # noqa: E402
from hostile.seeds import good  # noqa: E402
from imagemachine.errors import Reason, Rejected  # noqa: E402
from imagemachine.formats import FORMATS  # noqa: E402
from imagemachine.sandbox import Sandbox  # noqa: E402
from imagemachine.variant import Fit, Limits, Made, Turn, Variant  # noqa: E402

MIB = 1024 * 1024
LIMITS = Limits(max_bytes=64 * MIB, max_pixels=100_000_000)
SECONDS = 10.0
"""No picture of the fuzzer's size takes as long."""

VARIANTS = (
    Variant("clockwise", [Turn(90)]),
    Variant("counterclockwise", [Turn(270)], keep_metadata=True),
    Variant("thumbnail", [Fit(40, 40)]),
    Variant("web", [Fit(1920, 1920)], formats=["webp"], keep_metadata=True),
    Variant("mobile", [Fit(30, 300)], formats=["jpeg"]),
)

_TRUE_REASONS = frozenset(Reason) - {Reason.CRASHED, Reason.TOO_SLOW, Reason.BAD_MESSAGE}
_NOT_THE_PICTURES_FAULT = re.compile(
    "not permitted|unknown encoding|No module|Function not implemented|Errno|attribute"
)


class Machine:
    """A sandbox for each variant."""

    def __init__(self, variants: tuple[Variant, ...] = VARIANTS, max_memory: int = 768 * MIB) -> None:
        self.sandboxes = [(variant, Sandbox(variant, LIMITS, max_memory=max_memory)) for variant in variants]

    def close(self) -> None:
        for _, sandbox in self.sandboxes:
            sandbox.close()

    def outcomes(self, data: bytes, seconds: float = SECONDS) -> Iterator[tuple[Variant, Made | Rejected]]:
        """What each variant makes of it; any other error is a finding and ends the fuzzer."""
        for variant, sandbox in self.sandboxes:
            try:
                yield variant, sandbox.run(data, seconds)
            except Rejected as rejected:
                yield variant, rejected


def wrong(variant: Variant, outcome: Made | Rejected) -> str | None:
    """What is wrong with an outcome, the same words for the same fault; None where nothing is."""
    if isinstance(outcome, Made):
        return _wrong_result(variant, outcome)
    if outcome.reason not in _TRUE_REASONS:
        return f"{outcome.reason}: {outcome.detail}"
    if _NOT_THE_PICTURES_FAULT.search(outcome.detail):
        return f"a reason that is not the picture's: {outcome.detail}"
    if not outcome.detail.endswith(".") or not outcome.detail[:1].isupper():
        return f"no sentence: {outcome.detail}"
    return None


def _wrong_result(variant: Variant, made: Made) -> str | None:
    """Results are opened as strictly as uploads are read leniently."""
    kinds = (made.format.upper(),)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(made.data), formats=kinds) as image:
            # Pillow counts the picture that a PNG shows where nothing moves.
            size, frames = image.size, getattr(image, "n_frames", 1) - getattr(image, "default_image", False)
            image.load()
    except Exception as error:  # noqa: BLE001 - whatever a reader of the result would meet
        return f"a {made.format} that cannot be read: {type(error).__name__}: {error}"
    if made.format == "tiff" and size == (made.height, made.width):
        size = (made.width, made.height)  # Pillow tells a TIFF's upright size only after it was loaded.
    if size != (made.width, made.height):
        return f"a {made.format} of another size than it is said to have"
    if frames != made.frames and FORMATS[made.format].animation:
        return f"a {made.format} of {frames} frames that is said to have {made.frames}"
    if not variant.bounds.hold(*size):
        return f"a {made.format} larger than its box"
    return None


def found(machine: Machine, data: bytes) -> str | None:
    """The first thing that is wrong with any variant's outcome."""
    for variant, outcome in machine.outcomes(data):
        if fault := wrong(variant, outcome):
            return f"{variant.name}: {fault}"
    return None


def smaller(machine: Machine, data: bytes, fault: str, seconds: float = 20.0) -> bytes:
    """A part of `data` with the same fault: pieces are left out for as long as it stays and there is time."""
    deadline, piece = time.monotonic() + seconds, len(data) // 2
    while piece >= 1:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + piece :]
            if time.monotonic() > deadline:
                return data
            if _alike(found(machine, shorter), fault):
                data = shorter
            else:
                at += piece
        piece //= 2
    return data


def _alike(one: str | None, other: str) -> bool:
    """The same but for the numbers in it."""

    def plain(fault: str) -> str:
        return re.sub(r"0x[0-9a-f]+|[\d']+", "", fault)

    return one is not None and plain(one) == plain(other)


@contextmanager
def _machine() -> Iterator[Machine]:
    with closing(Machine()) as machine:
        yield machine


def fuzz(machine: Machine, seconds: float, seed: int, only: str = "") -> tuple[Counter[str], dict[str, bytes]]:
    """How often each outcome came, and a file for each distinct fault."""
    seeds = {name: data for name, data in good().items() if name.startswith(only)}
    choice = random.Random(seed)
    tally: Counter[str] = Counter()
    faults: dict[str, bytes] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        name = choice.choice(list(seeds))
        family = [data for other, data in seeds.items() if other.split("-")[0] == name.split("-")[0]]
        data = mutated(choice, seeds[name], family)
        tally["files"] += 1
        for variant, outcome in machine.outcomes(data):
            tally["made" if isinstance(outcome, Made) else str(outcome.reason)] += 1
            if fault := wrong(variant, outcome):
                fault = f"{variant.name}: {fault}"
                if not any(_alike(known, fault) for known in faults):
                    faults[fault] = data
                    print(f"{name}: {fault}", file=sys.stderr, flush=True)
    return tally, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--format", default="", help="only seeds whose name begins so, such as gif or png-anim")
    parser.add_argument("--keep", type=Path, default=HERE / "files")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with ExitStack() as stack:
        machine = stack.enter_context(_machine())
        tally, faults = fuzz(machine, arguments.seconds, arguments.seed, arguments.format)
        print(", ".join(f"{name} {count:,}" for name, count in tally.most_common()))
        for fault, data in faults.items():
            least = smaller(machine, data, fault)
            arguments.keep.mkdir(parents=True, exist_ok=True)
            file = arguments.keep / f"{hashlib.sha256(least).hexdigest()[:12]}.bin"
            file.write_bytes(least)
            print(f"{file} ({len(least):,} bytes): {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
