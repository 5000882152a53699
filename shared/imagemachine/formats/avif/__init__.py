"""AVIF: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format(
    "avif",
    "AVIF",
    "image/avif",
    ("avif", "avifs"),
    # The general brand may come first, the codec's own among the others.
    rb"....ftyp(?:avif|avis|(?:mif[12]|miaf|msf1).{4}(?:[ -~]{4}){0,58}?avi[fs])",
    quality=True,
    alpha=True,
    animation=True,
)
