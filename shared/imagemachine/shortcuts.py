"""The ways that are there for speed alone, by name: each can be left out, to measure what it earns.

What is left out is made the plain way, to a result that is as good. `tests/benchmarks/run.sh ablation` prints what each
earns; one that earns less than a twentieth in every headline row goes. Nothing but tests and benchmarks leaves any out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class Shortcut(StrEnum):
    """One of them; where it is taken, the code asks for it by this name."""

    PLANES = "planes"
    """JPEG and lossy WebP are resized in their own planes, never converted to RGB and back."""
    SMALLER_JPEG = "smaller-jpeg"
    """libjpeg decodes at half, a quarter or an eighth."""
    HALF_CHROMA = "half-chroma"
    """Chroma is decoded at half its size where that is enough; a libjpeg-turbo of the images' can."""
    OWN_TABLES = "own-tables"
    """A JPEG that cannot be turned without loss is turned in planes with its own tables; likewise."""
    COEFFICIENTS = "coefficients"
    """A JPEG is turned without being decoded to pixels."""
    LIBWEBP = "libwebp"
    """WebP is decoded straight into a picture's memory, not by way of Pillow's animation decoder."""
    SMALLER_WEBP = "smaller-webp"
    """libwebp decodes a picture that is far too large at a smaller size."""
    DEMUXER = "demuxer"
    """A WebP's header is read without the memory for its pixels."""
    PNG_PIECES = "png-pieces"
    """A PNG's samples go to the decoder in large pieces; the images' Pillow inflates and unfilters those faster."""
    PNG_BANDS = "png-bands"
    """A PNG is made smaller band by band as it is decoded; the images' Pillow can."""
    PNG_PARTS = "png-parts"
    """A PNG is turned band by band as it is encoded; likewise."""
    PNG_RUNS = "png-runs"
    """Of a photograph deflate looks for runs only."""
    IN_PLACE = "in-place"
    """Planes are handed to libraries where Pillow has them."""


_left_out: set[Shortcut] = set()


def taken(shortcut: Shortcut) -> bool:
    """Whether it is taken, where the libraries at hand can."""
    return shortcut not in _left_out


@contextmanager
def without(*shortcuts: Shortcut) -> Iterator[None]:
    """Leaves these out for as long as the block lasts."""
    before = set(_left_out)
    _left_out.update(shortcuts)
    try:
        yield
    finally:
        _left_out.clear()
        _left_out.update(before)
