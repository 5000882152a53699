"""Uploads where they are stored, pieces of them, and what is in those that are packed."""

import gzip
import itertools
import random
import zlib
from pathlib import Path

import pytest

from imagemachine.source import Pieces, Source, Stored, unpacked

DATA = random.Random(1).randbytes(50)
PACKED = gzip.compress(DATA, mtime=0)
PLACES = (None, 0, 1, 7, 49, 50, 51, 1000, -1, -50, -51)


def test_a_stored_upload_is_sliced_as_its_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(DATA + b"and more, which is not its own")
    with path.open("rb") as file:
        stored = Stored(file.fileno(), len(DATA))
        assert (len(stored), bytes(stored)) == (50, DATA)
        for start, end in itertools.product(PLACES, PLACES):
            assert stored[start:end] == DATA[start:end]
        pieces = Pieces(stored, ((3, 9), (9, 9), (20, 50), (0, 2)))
        assert pieces == Pieces(stored, pieces.places)
        assert list(pieces) == [DATA[3:9], b"", DATA[20:50], DATA[:2]]
        assert (len(pieces), bytes(pieces)) == (38, DATA[3:9] + DATA[20:] + DATA[:2])
        packed = tmp_path / "packed"
        packed.write_bytes(PACKED)
        with packed.open("rb") as other:
            assert unpacked(Stored(other.fileno(), packed.stat().st_size), 100) == DATA


@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_what_is_packed_is_unpacked_up_to_one_byte_too_many(kind: type[bytes] | type[memoryview]) -> None:
    for length in (0, 1, 999, 1000, 1001, 1002, 100_000):
        data = bytes(length)
        made = unpacked(kind(gzip.compress(data)), 1000)
        assert bytes(made) == data[:1001]
    whole = random.Random(1).randbytes(999)
    packed = gzip.compress(whole)
    assert unpacked(kind(packed), 1000) == whole
    assert unpacked(kind(packed + b"what is behind it"), 1000) == whole


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\x1f\x8b",
        b"\x1f\x8b\x08",
        b"\x1f\x8b\x07" + PACKED[3:],
        b"\x1f\x8b\x09" + PACKED[3:],
        zlib.compress(DATA),
        PACKED[:-1],
        PACKED[:-9],
        PACKED[:-8] + bytes(8),
        DATA,
    ],
)
def test_what_is_not_packed_or_damaged_stays_as_it_is(source: Source) -> None:
    assert unpacked(source, 1000) is source
