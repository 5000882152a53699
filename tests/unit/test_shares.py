"""A function's memory is shared out so that no uploads of any size use up more than there is."""

import re

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


@given(st.integers(100 * MIB, 2000 * MIB))
def test_too_little_is_said_with_how_much_is_enough(max_bytes: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Shares.of(200 * MIB, 1, settings(max_bytes))
    enough = re.search(r"give it ([\d,]+) MB, or lower MAX_BYTES\.$", str(caught.value))
    assert enough is not None
    assert Shares.of(int(enough[1].replace(",", "")) * MIB, 1, settings(max_bytes)).at_once == 1
