"""JPEG: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format
from imagemachine.policy import JPEG_FINE_FROM

FORMAT = Format(
    "jpeg",
    "JPEG",
    "image/jpeg",
    ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    rb"\xff\xd8\xff",
    quality=True,
    planes=True,
    full_chroma_from=JPEG_FINE_FROM,
    largest=65_500,
)
