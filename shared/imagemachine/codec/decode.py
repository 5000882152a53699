"""Opening a picture: header first, pixels only after the limits have been checked."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from pillow_heif import register_heif_opener

from imagemachine.errors import Reason, Rejected
from imagemachine.variant import Limits

register_heif_opener(thumbnails=False, decode_threads=1)
Image.init()
# The limit is ours, from the header and over all frames; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None

_PILLOW_NAMES = {"jpeg": ("JPEG", "MPO"), "heic": ("HEIF",)}


@contextmanager
def picture_errors(format_name: str) -> Iterator[None]:
    """Whatever Pillow raises on a picture means that the picture is broken, and becomes `Rejected`."""
    try:
        yield
    except (Rejected, MemoryError):
        raise
    except Exception as error:
        raise Rejected(
            Reason.CORRUPT,
            f"The file is a damaged or incomplete {format_name.upper()} ({error}); upload it again from the original.",
        ) from error


def open_picture(data: bytes, format_name: str, limits: Limits) -> ImageFile:
    """The picture with its header read and its size within `limits`, its pixels still undecoded.

    Raises Rejected: corrupt or too-many-pixels.
    """
    with picture_errors(format_name):
        try:
            image = Image.open(io.BytesIO(data), formats=_PILLOW_NAMES.get(format_name, (format_name.upper(),)))
        except UnidentifiedImageError:
            raise ValueError("its header makes no sense") from None
        pixels = image.width * image.height * int(getattr(image, "n_frames", 1))
    if pixels > limits.max_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"The picture has {pixels:,} pixels over all its frames, more than the {limits.max_pixels:,} allowed;"
            " upload a smaller one.",
        )
    return image
