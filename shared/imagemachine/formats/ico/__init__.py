"""ICO: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format(
    "ico", "ICO", "image/x-icon", ("ico",), rb"\x00\x00\x01\x00(?!\x00\x00)", writable=False, fallback="png", alpha=True
)
