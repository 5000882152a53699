"""Turns that lose nothing, or nothing that can be kept, each in its format's own way."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import PIL
from PIL import Image

from imagemachine.codec import deep, gif, gif_turn, jpeg, png, webp
from imagemachine.codec.decode import Upload, opened, picture_errors
from imagemachine.codec.metadata import Metadata
from imagemachine.codec.orientation import Transpose, transposed, transposed_size

PILLOW = f"{'pillow-simd' if 'post' in PIL.__version__ else 'pillow'} {PIL.__version__}"


@dataclass(frozen=True)
class Turned:
    """The file of a turned picture, and what turned it."""

    data: bytes
    engine: str


def turned(upload: Upload, transpose: Transpose | None, *, keep_metadata: bool) -> Turned | None:
    """The upload after the transposition, in its own format and with its own colours.

    None where its format has no such way. Raises Rejected where the pixels are damaged.
    """
    turn = _TURNS.get(upload.format)
    if turn is None:
        return None
    size = transposed_size(upload.size, transpose)
    metadata = upload.metadata.for_result(size, keep=keep_metadata)
    with picture_errors(upload.format):
        return turn(upload, transpose, metadata, keep_metadata)


def _jpeg(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned | None:
    del keep
    if transpose is None:
        return Turned(jpeg.write_metadata(jpeg.without_metadata(upload.data), metadata), "untouched")
    data = jpeg.lossless(upload.data, upload.size, transpose)
    if data is not None:
        return Turned(jpeg.write_metadata(data, metadata), "turbojpeg")
    data = None if upload.as_jpeg is None else jpeg.nearly_lossless(upload.data, upload.as_jpeg, transpose)
    if data is None:
        return None
    upload.notes.append("The JPEG could not be turned without loss, so it was written again with its own tables.")
    return Turned(jpeg.write_metadata(data, metadata), PILLOW)


def _gif(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned | None:
    del metadata
    if upload.as_gif is None:
        return None
    file = upload.as_gif if transpose is None else gif_turn.turned(upload.as_gif, transpose)
    if not keep:
        comments = tuple(comment for comment in file.comments if b"opyright" in comment or b"\xc2\xa9" in comment)
        file = replace(file, comments=comments, applications=())
    return Turned(gif.serialise(file), f"gif blocks, {PILLOW}")


def _png(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned | None:
    if upload.as_png is None:
        return None
    file = upload.as_png if transpose is None else png.turned(upload.as_png, transpose)
    return Turned(png.serialise(png.with_metadata(file, metadata, keep=keep)), f"png chunks, {PILLOW}")


def _webp(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned | None:
    del keep
    size = transposed_size(upload.size, transpose)
    if transpose is None:
        return Turned(webp.with_metadata(upload.data, metadata, size), "untouched")
    if upload.frames > 1 or not webp.structure(upload.data).lossless:
        return None
    image = opened("webp", upload.data)
    data = _saved(transposed(image, transpose), "WEBP", lossless=True, exact=True)
    return Turned(webp.with_metadata(data, metadata, size), PILLOW)


def _tiff(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned | None:
    image = opened("tiff", upload.data)
    tags = image.getexif()
    if (
        transpose is None
        and tags.get(_ORIENTATION, 1) == 1
        and (keep or not any(tag in tags for tag in _TIFF_METADATA))
    ):
        return Turned(upload.data, "untouched")
    picture = deep.read(lambda: opened("tiff", upload.data))
    if picture is not None:
        return Turned(deep.tiff(picture.transposed(transpose), metadata), PILLOW)
    compression = _TIFF_COMPRESSIONS.get(image.info.get("compression", ""), "tiff_adobe_deflate")
    options: dict[str, Any] = {"compression": compression}
    if dpi := image.info.get("dpi"):
        options["dpi"] = transposed_size(dpi, transpose)
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    image.load()
    made = transposed(image, transpose)
    plain = Image.frombytes(made.mode, made.size, made.tobytes())
    if made.mode == "P":
        plain.putpalette(made.getpalette("RGB") or [])
    return Turned(_saved(plain, "TIFF", exif=metadata.exif, **options), PILLOW)


_ORIENTATION = 0x0112
_TIFF_METADATA = (0x010F, 0x0110, 0x0132, 0x02BC, 0x83BB, 0x8649, 0x8769, 0x8825)
"""Camera, time, XMP, IPTC, Photoshop's resources, Exif and GPS."""
_TIFF_COMPRESSIONS = {name: name for name in ("raw", "tiff_lzw", "packbits", "group3", "group4")}
"""Those without loss that are kept as they are."""


def _avif(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned | None:
    del metadata
    has_more = bool(upload.metadata.exif or upload.metadata.xmp)
    return Turned(upload.data, "untouched") if transpose is None and (keep or not has_more) else None


def _bmp(upload: Upload, transpose: Transpose | None, metadata: Metadata, keep: bool) -> Turned:
    del metadata, keep
    if transpose is None:
        return Turned(upload.data, "untouched")
    return Turned(_saved(transposed(opened("bmp", upload.data), transpose), "BMP"), PILLOW)


def _saved(image: Image.Image, format_name: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_name, **options)
    return stream.getvalue()


_TURNS: dict[str, Callable[[Upload, Transpose | None, Metadata, bool], Turned | None]] = {
    "jpeg": _jpeg,
    "gif": _gif,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "tiff": _tiff,
    "bmp": _bmp,
}


def is_lossless(upload: Upload) -> bool:
    """Whether the upload is of a format that can be lossy and is not."""
    return upload.format == "webp" and webp.structure(upload.data).lossless
