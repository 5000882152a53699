"""HEIC: what it is called and can hold; how it is read and written is in `codec`."""

from imagemachine.formats.format import Format

FORMAT = Format(
    "heic",
    "HEIC",
    "image/heic",
    ("heic", "heif", "hif"),
    rb"....ftyp(?:hei[cxms]|hev[cxms]|mif[12]|msf1|miaf)",
    writable=False,
    alpha=True,
)
