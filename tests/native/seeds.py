"""Makes the fuzzers' seeds: small files of each kind, behind the bytes that say how they are to be read.

python3 tests/native/seeds.py DIRECTORY       JPEGs are those in tests/native/seeds; all else is made here
"""

import random
import sys
from pathlib import Path

JPEGS = Path(__file__).parent / "seeds"
LAYOUTS = 14
MODES = 5
WAYS = 7


def jpegs() -> dict[str, bytes]:
    """Decode each file whole, at 1/8, into planes, into planes at 1/2 and with half of the chroma, and in pieces.

    And as the beginnings of larger files.
    """
    return {
        f"{file.stem}-{how}": bytes((how, 255)) + file.read_bytes()
        for file in sorted(JPEGS.glob("*.jpg"))
        for how in (0, 3, 4, 5, 12, 34, 64, 65, 67, 68, 76)
    }


def pngs() -> dict[str, bytes]:
    """Rows of every filter in every layout of samples: plain, interlaced, in parts."""
    chance = random.Random(1)
    seeds = {}
    for layout in range(LAYOUTS):
        rows = b"".join(bytes([filter_]) + chance.randbytes(70) for filter_ in (0, 1, 2, 3, 4, 4, 3, 1, 2))
        for how in (2, 3, 2 | 12 | 16):
            seeds[f"{layout}-{how}"] = bytes((layout, 16, 8, how, 33)) + rows
    return seeds


def pixels() -> dict[str, bytes]:
    """Everything that is done with pixels, in every mode."""
    chance = random.Random(2)
    return {
        f"{way}-{mode}": bytes((way, mode, 60, 40, 20, 13, mode, 3, 5)) + chance.randbytes(400)
        for way in range(WAYS)
        for mode in range(MODES)
    }


def main(directory: Path) -> None:
    for fuzzer, seeds in {"jpeg": jpegs(), "png": pngs(), "pixels": pixels()}.items():
        (directory / fuzzer).mkdir(parents=True)
        for name, data in seeds.items():
            (directory / fuzzer / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
