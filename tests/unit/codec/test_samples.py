"""A plane's memory: what is read there and written there is what Pillow has."""

import ctypes
import random

import pytest
from PIL import Image

from imagemachine.pictures import buffer

SIZES = [(1, 1), (3, 5), (1633, 7), (4001, 3)]
SEVERAL_BLOCKS = (5000, 3500)
"""More than Pillow keeps in one piece."""


@pytest.mark.parametrize("size", [*SIZES, SEVERAL_BLOCKS])
def test_what_is_written_into_a_blank_picture_is_the_picture(size: tuple[int, int]) -> None:
    image, memory = buffer.blank(size)
    assert image.getextrema() == (0, 0)
    rows = _noise(size)
    ctypes.memmove(memory.address, rows, len(rows))
    assert image.tobytes() == rows


@pytest.mark.parametrize("size", [*SIZES, SEVERAL_BLOCKS])
@pytest.mark.parametrize("of_pillows_own", [True, False])
def test_a_picture_is_read_where_it_lies(size: tuple[int, int], of_pillows_own: bool) -> None:
    rows = _noise(size)
    # The second one is laid over our bytes, where Pillow has no memory to tell of.
    image = Image.frombytes("L", size, rows) if of_pillows_own else Image.frombuffer("L", size, rows, "raw", "L", 0, 1)
    memory = buffer.buffer_of(image)
    assert ctypes.string_at(memory.address, len(rows)) == rows


def test_nothing_is_copied() -> None:
    image, written = buffer.blank((640, 480))
    assert buffer.buffer_of(image).address == written.address


def _noise(size: tuple[int, int]) -> bytes:
    return random.Random(1).randbytes(size[0] * size[1])
