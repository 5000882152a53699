"""Random damage to a file, of the kinds that break decoders."""

import random
import re
import zlib
from collections.abc import Callable, Sequence

_INTERESTING = (0, 1, 2, 3, 4, 8, 16, 32, 64, 100, 127, 128, 255, 256, 512, 1000, 1024, 4096, 0x7FFF, 0x8000, 0xFFFF)
_INTERESTING_LONG = (*_INTERESTING, 0x10000, 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_HEADER = 600
"""Bytes in front that are hit as often as all the others: there are the sizes, counts and offsets."""

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(choice: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A damaged copy of `data`; `others` are files of the same kind that parts may come from."""
    changed = bytearray(data)
    for _ in range(choice.choice((1, 1, 1, 2, 3, 5, 8, 20))):
        choice.choice(_MUTATIONS)(choice, changed, others)
        if not changed:
            return data[:1]
    # A checksum that is wrong hides everything behind it; three in four times, make it right.
    if data.startswith(b"\x89PNG") and choice.random() < 0.75:
        return with_right_checksums(bytes(changed))
    return bytes(changed)


def with_right_checksums(png: bytes) -> bytes:
    """The PNG file with the CRC of each chunk as it should be."""
    fixed, at = bytearray(png), 8
    while at + 12 <= len(fixed):
        end = at + 8 + int.from_bytes(fixed[at : at + 4], "big")
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = zlib.crc32(fixed[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(fixed)


def _place(choice: random.Random, data: bytearray) -> int:
    if choice.random() < 0.5:
        return choice.randrange(min(len(data), _HEADER))
    return choice.randrange(len(data))


def _flip_bit(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    data[_place(choice, data)] ^= 1 << choice.randrange(8)


def _set_byte(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    data[_place(choice, data)] = choice.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, choice.randrange(256)))


def _set_number(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    size = choice.choice((2, 4, 4, 8))
    value = choice.choice(_INTERESTING if size == 2 else _INTERESTING_LONG)
    at = _place(choice, data)
    data[at : at + size] = value.to_bytes(size, choice.choice(("big", "little")))[: max(0, len(data) - at)]


def _count_up_or_down(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = _place(choice, data)
    data[at] = (data[at] + choice.choice((-2, -1, 1, 2))) % 256


def _cut_end(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    if choice.random() < 0.3:
        del data[_place(choice, data) :]


def _cut_out(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = _place(choice, data)
    del data[at : at + choice.choice((1, 2, 4, 8, 64, 500))]


def _double(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at, length = _place(choice, data), choice.choice((1, 4, 12, 100, 1000))
    data[at:at] = data[at : at + length] * choice.choice((1, 1, 2, 50))


def _move(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at, length = _place(choice, data), choice.choice((4, 12, 100, 1000))
    part = data[at : at + length]
    del data[at : at + length]
    to = choice.randrange(len(data) + 1)
    data[to:to] = part


def _graft(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = choice.choice(others)
    start = choice.randrange(len(other))
    part = other[start : start + choice.choice((4, 16, 100, 1000, 100_000))]
    at = _place(choice, data)
    data[at : at + choice.choice((0, len(part)))] = part


def _noise(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at, length = _place(choice, data), choice.choice((4, 16, 200))
    data[at : at + length] = choice.randbytes(length)


def _rename(choice: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Give a box or chunk the name of another."""
    names = list(re.finditer(rb"[A-Za-z][A-Za-z0-9]{3}", bytes(data)))
    if len(names) > 1:
        one, other = choice.sample(names, 2)
        data[one.start() : one.end()] = other.group()


_MUTATIONS: tuple[Mutation, ...] = (
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_byte,
    _set_number,
    _set_number,
    _set_number,
    _count_up_or_down,
    _cut_end,
    _cut_out,
    _double,
    _move,
    _graft,
    _noise,
    _rename,
)
