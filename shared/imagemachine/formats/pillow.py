"""What the codecs share that read and write by way of Pillow."""

import io
from importlib import import_module
from typing import Any

import PIL
from PIL import Image, ImageFile, UnidentifiedImageError

from imagemachine.metadata import Metadata

# Pillow loads its decoders when it first needs them, which a confined process may not; all of them take 20 ms.
for _plugin in ("Bmp", "Gif", "Ico", "Jpeg", "Mpo", "Png", "Tiff", "WebP"):
    import_module(f"PIL.{_plugin}ImagePlugin")
Image.preinit()
# The limit is ours, from the header and over all frames; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None

NAME = f"pillow {PIL.__version__}"
"""Which Pillow it is, for the log."""

EXIF = b"Exif\0\0"
"""What stands in front of an Exif block in some formats."""


def opened(decoder: str, data: bytes) -> ImageFile.ImageFile:
    """The file as Pillow's `decoder` sees it, pixels undecoded. Raises what it does where the header makes no sense."""
    try:
        return Image.open(io.BytesIO(data), formats=(decoder,))
    except UnidentifiedImageError:
        Image.OPEN[decoder][0](io.BytesIO(data), "")  # Pillow has kept the reason to itself.
        raise


def saved(image: Image.Image, encoder: str, **options: Any) -> bytes:
    """The file of a picture as Pillow's `encoder` writes it."""
    stream = io.BytesIO()
    image.save(stream, encoder, **options)
    return stream.getvalue()


def metadata_of(image: ImageFile.ImageFile) -> Metadata:
    """The blocks that Pillow has found in a file."""
    info = image.info
    xmp = info.get("xmp") or b""
    return Metadata(
        exif=bytes(info.get("exif") or b"").removeprefix(EXIF),
        xmp=xmp if isinstance(xmp, bytes) else xmp.encode(),
        icc=bytes(info.get("icc_profile") or b""),
    )


def pictures_in(image: ImageFile.ImageFile) -> int:
    """How many pictures, or frames, the file holds."""
    return int(getattr(image, "n_frames", 1))
