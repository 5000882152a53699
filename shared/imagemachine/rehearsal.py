"""Small pictures of our own, to try the codec on before anybody's come."""

import io

from PIL import Image

_SIZE = (4096, 16)
"""Wider than most boxes, so that it is resized, and quick all the same."""


def pictures() -> tuple[bytes, ...]:
    """A file in each of the formats that most uploads have, the most usual one first."""
    image = Image.new("RGB", _SIZE)
    return tuple(_file(image, kind) for kind in ("JPEG", "PNG", "WEBP"))


def _file(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()
