"""PNG: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format(
    "png",
    "PNG",
    "image/png",
    ("png", "apng"),
    rb"\x89PNG\r\n\x1a\n",
    alpha=True,
    animation=True,
    sixteen_bit=True,
    largest=0x7FFFFFFF,
)
