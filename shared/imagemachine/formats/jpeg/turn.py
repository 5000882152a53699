"""JPEG turned: with every coefficient kept where its sides allow it, and else with its own tables and subsampling."""

from dataclasses import replace
from typing import Any

from PIL import Image, JpegImagePlugin

from imagemachine.formats.jpeg import turbojpeg
from imagemachine.formats.jpeg.markers import has_standard_tables
from imagemachine.formats.pillow import saved
from imagemachine.pictures import Size
from imagemachine.pictures.raster import transposed
from imagemachine.pictures.transpose import SWAPPING, Transpose, transposed_size
from imagemachine.policy import JPEG_OPTIMIZED_UP_TO
from imagemachine.shortcuts import Shortcut, taken

_SIDEWAYS, _BOTH_WAYS = 1, 2
"""Pillow's names for 4:2:2, which a quarter turn makes 4:4:0, and for 4:2:0."""
_JFIF = bytes((0xFF, 0xE0))


def lossless(jpeg: bytes, size: Size, transpose: Transpose | None) -> bytes | None:
    """The JPEG of `size` turned with every coefficient kept and without its metadata; None where that cannot be done.

    A progressive one becomes sequential: to write it progressive takes longer than all else together.
    """
    if not taken(Shortcut.COEFFICIENTS):
        return None
    turned = turbojpeg.transform(jpeg, transpose, optimize=_to_optimize(jpeg, size))
    if turned is None or transpose not in SWAPPING or turned[2:4] != _JFIF:
        return turned
    # Pixels that are not square lie the other way round now.
    return turned[:14] + turned[16:18] + turned[14:16] + turned[18:]


def _to_optimize(jpeg: bytes, size: Size) -> bool:
    """Whether a turned file is to get code tables of its own: as the upload has, and where that takes no time."""
    return size[0] * size[1] <= JPEG_OPTIMIZED_UP_TO and not has_standard_tables(jpeg)


def nearly_lossless(jpeg: bytes, image: Image.Image, transpose: Transpose | None) -> bytes | None:
    """The file `jpeg`, opened as `image`, turned and written again with its own tables and subsampling.

    For sides that allow no lossless turn. It is decoded to YCbCr, so that no colour is rounded on the way.
    None for a JPEG without quantisation tables.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        raise TypeError("only a JPEG has tables to keep")
    if any(layer[3] not in image.quantization for layer in image.layer):
        return None
    tables = [image.quantization[layer[3]] for layer in image.layer[:2]]
    turned_tables = [_transposed_table(table) for table in tables] if transpose in SWAPPING else tables
    optimize = _to_optimize(jpeg, image.size)
    turned = _turned_in_planes(jpeg, image.size, transpose, turned_tables, optimize=optimize)
    if turned is not None:
        return turned
    options: dict[str, Any] = {"optimize": optimize}
    subsampling = JpegImagePlugin.get_sampling(image)
    if image.mode == "RGB" and _holds_rgb(image):
        options["keep_rgb"] = True
    elif image.mode == "RGB":
        image.draft("YCbCr", image.size)
        options["subsampling"] = subsampling if subsampling >= 0 else _BOTH_WAYS
    if subsampling == _SIDEWAYS and transpose in SWAPPING:
        if turbojpeg.available:
            return _turned_sideways(image, transpose, tables, options)
        options["subsampling"] = 0
    return _written(transposed(image, transpose), turned_tables, options)


def _turned_in_planes(
    jpeg: bytes, size: Size, transpose: Transpose | None, tables: list[list[int]], *, optimize: bool
) -> bytes | None:
    """Fastest, and nothing happens to its chroma; None where that cannot be done."""
    takes_tables = turbojpeg.takes_tables and taken(Shortcut.OWN_TABLES)
    planes = turbojpeg.decoded(jpeg, size, size, (1, 1)) if takes_tables else None
    if planes is None:
        return None
    subsampling = transposed_size(planes.subsampling, transpose)
    if planes.chroma and not turbojpeg.writes(subsampling):
        return None
    turned = replace(planes, wanted=subsampling).transposed(transpose).drawn()
    return turbojpeg.encoded(turned.planes, subsampling, tables, optimize=optimize)


def _holds_rgb(image: JpegImagePlugin.JpegImageFile) -> bool:
    return image.info.get("adobe_transform") == 0 or bytes(layer[0] for layer in image.layer) == b"RGB"


def _turned_sideways(
    image: Image.Image, transpose: Transpose | None, tables: list[list[int]], options: dict[str, Any]
) -> bytes:
    """4:2:2 becomes 4:4:0, which Pillow cannot write: flip the pixels, and swap the axes without loss afterwards."""
    flips = {
        Transpose.ROTATE_270: Transpose.FLIP_TOP_BOTTOM,
        Transpose.ROTATE_90: Transpose.FLIP_LEFT_RIGHT,
        Transpose.TRANSVERSE: Transpose.ROTATE_180,
    }
    flip = None if transpose is None else flips.get(transpose)
    flipped = _written(transposed(image, flip), tables, options)
    turned = turbojpeg.transform(flipped, Transpose.TRANSPOSE, optimize=options["optimize"])
    if turned is None:
        raise ValueError("its axes could not be swapped")
    return turned


def _transposed_table(table: list[int]) -> list[int]:
    """A quantisation table, in natural order, for a picture whose axes have been swapped."""
    return [table[8 * (place % 8) + place // 8] for place in range(64)]


def _written(image: Image.Image, tables: list[list[int]], options: dict[str, Any]) -> bytes:
    return saved(image, "JPEG", qtables=tables, **options)
