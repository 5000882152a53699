"""A function's memory is shared out so that no uploads of any size use up more than there is."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemachine.errors import ConfigurationError
from imagemachine.settings import MIB, Settings
from imagemachine.shares import Shares

FUNCTION, PROCESS = 96 * MIB, 12 * MIB
"""Measured: the function with boto3's clients and the process with the codecs; one that waits for a picture."""


def settings(max_bytes: int = 64 * MIB, max_pixels: int = 100_000_000) -> Settings:
    return Settings(output_prefix="thumbnail/", max_bytes=max_bytes, max_pixels=max_pixels)


@given(
    st.integers(128, 10_240),
    st.integers(1, 8),
    st.integers(1, 2000 * MIB),
    st.integers(1, 10_000_000_000),
)
def test_the_largest_uploads_and_results_find_room(
    megabytes: int, processors: int, max_bytes: int, max_pixels: int
) -> None:
    memory = megabytes * MIB
    try:
        shares = Shares.of(memory, processors, settings(max_bytes, max_pixels))
    except ConfigurationError:
        return
    uploads = (shares.at_once + shares.ahead) * max_bytes
    results = (shares.at_once + max(1, shares.ahead)) * shares.max_output
    work = shares.at_once * shares.max_memory
    assert FUNCTION + (shares.at_once + 1) * PROCESS + uploads + results + work <= memory
    assert 1 <= shares.at_once <= processors
    assert shares.max_memory >= 64 * MIB
    assert shares.max_output > 0


@pytest.mark.parametrize(
    ("megabytes", "processors", "max_pixels", "at_once", "ahead"),
    [
        (512, 4, 100_000_000, 1, 0),
        (1769, 4, 100_000_000, 1, 2),  # The default, one whole processor.
        (3008, 1, 100_000_000, 1, 2),
        (3008, 4, 100_000_000, 2, 2),
        (3008, 4, 300_000_000, 1, 2),  # Two such pictures would not find room.
        (10_240, 6, 100_000_000, 6, 2),
        (10_240, 6, 10_000_000_000, 1, 2),
    ],
)
def test_each_processor_has_a_picture_where_there_is_room(
    megabytes: int, processors: int, max_pixels: int, at_once: int, ahead: int
) -> None:
    shares = Shares.of(megabytes * MIB, processors, settings(max_pixels=max_pixels))
    assert (shares.at_once, shares.ahead) == (at_once, ahead)


def test_by_default_the_largest_picture_has_twelve_bytes_a_pixel_and_its_result_a_quarter_more_than_it() -> None:
    shares = Shares.of(1769 * MIB, 1, settings())
    assert shares.max_memory >= 12 * 100_000_000
    assert shares.max_output == 80 * MIB


def plan(memory: int, processors: int, max_bytes: int, max_pixels: int) -> tuple[int, int, int, int] | None:
    """The most pictures at once, then the most ahead, that find room for the largest; else one, with what is left."""
    output = min(max_bytes + max_bytes // 4, memory // 8)
    rooms = {
        (at_once, ahead): memory
        - FUNCTION
        - PROCESS * (1 + at_once)
        - max_bytes * (at_once + ahead)
        - output * (at_once + (ahead or 1))
        for at_once in range(1, processors + 1)
        for ahead in (0, 1, 2)
    }
    work = max(64 * MIB, 12 * max_pixels)
    for at_once, ahead in sorted(rooms, reverse=True):
        if rooms[at_once, ahead] >= at_once * work:
            return at_once, ahead, rooms[at_once, ahead] // at_once, output
    ahead = next((ahead for ahead in (2, 1) if rooms[1, ahead] >= memory // 2), 0)
    return (1, ahead, rooms[1, ahead], output) if rooms[1, ahead] >= 64 * MIB else None


def shared(memory: int, processors: int, max_bytes: int, max_pixels: int) -> tuple[int, int, int, int] | None:
    try:
        shares = Shares.of(memory, processors, settings(max_bytes, max_pixels))
    except ConfigurationError:
        return None
    return shares.at_once, shares.ahead, shares.max_memory, shares.max_output


SIZES = [1, 4 * MIB, 5 * MIB + 1, 32 * MIB, 64 * MIB, 200 * MIB, 700 * MIB]
PIXELS = [1, 5_592_405, 5_592_406, 30_000_000, 100_000_000, 500_000_000]
MEMORIES = [128, 184, 256, 303, 512, 1024, 1769, 3008, 10_240]


@pytest.mark.parametrize("megabytes", MEMORIES)
@pytest.mark.parametrize("processors", [1, 2, 6])
def test_memory_is_shared_out_to_the_byte(megabytes: int, processors: int) -> None:
    for case in product(SIZES, PIXELS):
        assert shared(megabytes * MIB, processors, *case) == plan(megabytes * MIB, processors, *case)


@pytest.mark.parametrize(("max_bytes", "max_pixels"), [(MIB, 1), (64 * MIB, 20_000_000), (100 * MIB, 10**9)])
def test_where_one_more_finds_room_a_byte_less_has_none(max_bytes: int, max_pixels: int) -> None:
    """The share with which a plan begins is found by halving; on both sides of it all is as reckoned."""
    low, high = 128 * MIB, 10_240 * MIB
    places = [low, high]
    steps = [(low, high)]
    while steps:
        first, last = steps.pop()
        if last - first > 1 and _way(first, max_bytes, max_pixels) != _way(last, max_bytes, max_pixels):
            middle = (first + last) // 2
            steps += [(first, middle), (middle, last)]
            places.append(middle)
    for memory in places:
        assert shared(memory, 2, max_bytes, max_pixels) == plan(memory, 2, max_bytes, max_pixels)


def _way(memory: int, max_bytes: int, max_pixels: int) -> tuple[int, int] | None:
    found = plan(memory, 2, max_bytes, max_pixels)
    return found and found[:2]


@pytest.mark.parametrize("max_bytes", [64 * MIB, 100 * MIB, 100 * MIB + 3])
def test_too_little_is_said_with_what_there_is_and_what_it_takes(max_bytes: int) -> None:
    enough = FUNCTION + 2 * PROCESS + max_bytes + 2 * (max_bytes * 5 // 4) + 64 * MIB
    with pytest.raises(ConfigurationError) as caught:
        Shares.of(200 * MIB + 1, 1, settings(max_bytes))
    assert str(caught.value) == (
        f"The function has 200 MB of memory, too little for MAX_BYTES={max_bytes}:"
        f" give it {enough // MIB + 1:,} MB, or lower MAX_BYTES."
    )


@given(st.integers(100 * MIB, 2000 * MIB))
def test_too_little_is_said_with_how_much_is_enough(max_bytes: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Shares.of(200 * MIB, 1, settings(max_bytes))
    enough = re.search(r"give it ([\d,]+) MB, or lower MAX_BYTES\.$", str(caught.value))
    assert enough is not None
    assert Shares.of(int(enough[1].replace(",", "")) * MIB, 1, settings(max_bytes)).at_once == 1
