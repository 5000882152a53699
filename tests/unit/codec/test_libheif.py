"""HEIC by libheif itself gives the samples that pillow_heif gives with its threads."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from hostile.seeds import scene
from imagemachine.formats.heic import libheif

RANDOM = np.random.default_rng(1)


def files() -> Iterator[tuple[str, bytes]]:
    """By pillow_heif's mode of each."""
    yield "RGB", Path(__file__).with_name("scene.heic").read_bytes()
    if "HEIF" not in Image.SAVE:  # Not every libheif can write.
        return
    for mode in ("L", "RGB", "RGBA"):
        stream = io.BytesIO()
        scene(mode=mode).save(stream, "HEIF", quality=90)
        yield mode, stream.getvalue()
    for mode, channels in (("I;16", 1), ("RGB;16", 3), ("RGBA;16", 4)):
        words = RANDOM.integers(0, 1024, (50, 61, channels)).astype("<u2") << 6
        stream = io.BytesIO()
        pillow_heif.from_bytes(mode, (61, 50), words.tobytes()).save(stream, quality=90)
        yield mode, stream.getvalue()


@pytest.mark.parametrize(("mode", "data"), [*files()], ids=lambda value: value if isinstance(value, str) else "")
def test_the_samples_are_the_same(mode: str, data: bytes) -> None:
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=not mode.endswith(";16"))
    assert file.mode == mode
    assert libheif.samples(data, mode) == (file.size, bytes(file.data))


@pytest.mark.parametrize("length", [0, 20, 300, 1000])
def test_what_is_broken_is_said(length: int) -> None:
    data = Path(__file__).with_name("scene.heic").read_bytes()[:length]
    with pytest.raises(ValueError, match=r"\w+"):
        libheif.samples(data, "RGB")


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_words_are_filled_from_below(bits: int) -> None:
    words = [0, 1, (1 << bits) - 1, 1, 0, 1 << bits - 1]
    filled = libheif._filled(struct.pack("<6H", *words), bits)
    assert struct.unpack("<6H", filled) == tuple(word << 16 - bits for word in words)
