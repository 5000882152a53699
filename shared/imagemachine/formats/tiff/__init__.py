"""TIFF: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format(
    "tiff",
    "TIFF",
    "image/tiff",
    ("tif", "tiff"),
    rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]",
    alpha=True,
    sixteen_bit=True,
    largest=0x7FFFFFFF,
)
