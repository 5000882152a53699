"""Pillow's ways to take and to give a PNG's samples in parts, rows below rows, where docker/base/patches are in it."""

from typing import Any

from PIL import Image, _imaging

ENCODED = bool(getattr(_imaging, "HAVE_PNG_PARTS", 0))
"""Whether its encoder does; as it is published it takes whole pictures only."""
DECODED = bool(getattr(_imaging, "HAVE_PNG_BANDS", 0))
"""Whether its decoder does."""


def encoder(mode: str, compress_level: int, compress_type: int, rows: int) -> Any:
    """Pillow's own, that takes a picture of so many rows in parts, each by a setimage() of its own."""
    arguments = (mode, False, compress_level, compress_type, b"", rows)
    return Image._getencoder(mode, "zip", arguments)  # noqa: SLF001 - there is no other way to it but for whole pictures


def decoder(mode: str, layout: Any, rows: int) -> Any:
    """Pillow's own, that gives a picture of so many rows in parts, likewise."""
    return Image._getdecoder(mode, "zip", (layout, 0, rows))  # noqa: SLF001 - as above
