"""WebP: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format(
    "webp",
    "WebP",
    "image/webp",
    ("webp",),
    rb"RIFF....WEBP",
    quality=True,
    alpha=True,
    animation=True,
    planes=True,
    largest=16_383,
)
