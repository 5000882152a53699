"""Makes the fuzzers' seeds: small files of each kind, behind the bytes that say how they are to be read.

python3 tests/native/seeds.py DIRECTORY       JPEGs of pictures are those in tests/native/seeds; all else is made here
"""

import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

JPEGS = Path(__file__).parent / "seeds"
LAYOUTS = 14
MODES = 5
WAYS = 7


def jpegs() -> dict[str, bytes]:
    """Decode each file whole, at 1/8, into planes, into planes at 1/2 and with half of the chroma, and in pieces.

    And as the beginnings of larger files.
    """
    files = {file.stem: file.read_bytes() for file in sorted(JPEGS.glob("*.jpg"))}
    return {
        f"{name}-{how}": bytes((how, 255)) + file
        for name, file in (files | dict(cut_short())).items()
        for how in (0, 3, 4, 5, 12, 34, 64, 65, 67, 68, 76)
    }


def cut_short() -> Iterator[tuple[str, bytes]]:
    """Grey JPEGs of the longest blocks that there can be, the last of which lacks its end.

    A fast decoder that takes too few bytes for enough reads on behind these. From a picture's blocks, which are
    shorter, a fuzzer does not find its way there in a minute.
    """
    # One code of each length: 16 bits, nearly all ones, say that ten more come.
    table = bytes([1] * 16) + bytes(range(15)) + b"\x0a"
    coefficient = "1" * 15 + "0" + "1" * 10
    block = "0" + coefficient * 63
    blocks = [block_bytes.replace(b"\xff", b"\xff\0") for block_bytes in (_packed(block * count) for count in (2, 3))]
    head = b"\xff\xd8" + b"".join(
        b"\xff" + marker + struct.pack(">H", len(payload) + 2) + payload
        for marker, payload in (
            (b"\xdb", b"\0" + bytes([1] * 64)),
            (b"\xc0", struct.pack(">BHHB3B", 8, 8, 24, 1, 1, 0x11, 0)),
            (b"\xc4", b"\0" + bytes([1] + [0] * 15) + b"\0" + b"\x10" + table),
            (b"\xda", bytes((1, 1, 0, 0, 63, 0))),
        )
    )
    for there in range(20, len(blocks[1]) - len(blocks[0]), 40):
        yield f"cut-{there}", head + blocks[1][: len(blocks[0]) + there]


def _packed(bits: str) -> bytes:
    padded = bits + "1" * (-len(bits) % 8)
    return bytes(int(padded[place : place + 8], 2) for place in range(0, len(padded), 8))


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
