"""JPEG turned in the DCT domain, and read and written in planes, by libturbojpeg where the machine has it.

A turn decodes nothing to pixels, so it loses nothing: https://libjpeg-turbo.org/About/TurboJPEG
The library is loaded when this module is imported, for later there may be no opening of files.
"""

import ctypes
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from imagemachine.formats.native import Signature, load
from imagemachine.pictures import Size
from imagemachine.pictures.buffer import blank, buffer_of
from imagemachine.pictures.planar import Planar, Plane, Subsampling, extended
from imagemachine.pictures.transpose import Transpose
from imagemachine.policy import JPEG_GAP
from imagemachine.shortcuts import Shortcut, taken

_OPERATIONS = {
    Transpose.FLIP_LEFT_RIGHT: 1,
    Transpose.FLIP_TOP_BOTTOM: 2,
    Transpose.TRANSPOSE: 3,
    Transpose.TRANSVERSE: 4,
    Transpose.ROTATE_270: 5,  # TurboJPEG counts clockwise.
    Transpose.ROTATE_180: 6,
    Transpose.ROTATE_90: 7,
}
_PERFECT, _COPY_NONE, _OPTIMIZE = 1, 64, 256
"""Options of a transform, as those below are flags of whatever else is done."""
_WRITE_PROGRESSIVE, _ACCURATE_DCT = 16384, 4096
_PARAM_OPTIMIZE = 11

_SUBSAMPLINGS: dict[int, Subsampling] = {0: (1, 1), 1: (2, 1), 2: (2, 2), 4: (1, 2), 5: (4, 1)}
_GREY = 3
"""TurboJPEG's number for a picture without chroma, as those above are for the ways to have fewer samples of it."""
_IN_YCBCR, _IN_GREY = 1, 2
_SCALES = (8, 4, 2, 1)
"""A picture is decoded at 1/8 and so on: the scales that libjpeg-turbo has fast code for."""


class _Transform(ctypes.Structure):
    """`tjtransform` of turbojpeg.h."""

    _fields_ = (
        ("x", ctypes.c_int),
        ("y", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("operation", ctypes.c_int),
        ("options", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("custom_filter", ctypes.c_void_p),
    )


def _candidates() -> Iterator[str]:
    if sys.platform == "darwin":
        yield "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib"
        yield "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.dylib"
    else:
        yield "libturbojpeg.so.0"
    wheel = importlib.util.find_spec("turbojpeg")  # Carries the library for machines that have none.
    if wheel is not None and wheel.origin is not None:
        home = Path(wheel.origin).parent
        for folder in ("turbojpeg.libs", ".dylibs", "turbojpeg.dylibs"):
            yield from map(str, sorted((home / folder).glob("libturbojpeg*")))


_int, _long, _bytes, _pointer = ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_void_p
_pointers, _lengths = ctypes.POINTER(_pointer), ctypes.POINTER(_long)
_SIGNATURES: dict[str, Signature] = {
    "tjInitTransform": (_pointer, ()),
    "tjInitDecompress": (_pointer, ()),
    "tjInitCompress": (_pointer, ()),
    "tjDestroy": (_int, (_pointer,)),
    "tjFree": (None, (_pointer,)),
    "tjTransform": (_int, (_pointer, _bytes, _long, _int, _pointers, _lengths, ctypes.POINTER(_Transform), _int)),
    "tjDecompressHeader3": (_int, (_pointer, _bytes, _long, *[ctypes.POINTER(_int)] * 4)),
    "tjDecompressToYUVPlanes": (_int, (_pointer, _bytes, _long, _pointers, _int, _pointer, _int, _int)),
    "tjCompressFromYUVPlanes": (
        _int,
        (_pointer, _pointers, _int, _pointer, _int, _int, _pointers, _lengths, _int, _int),
    ),
}
_OF_THE_IMAGES: dict[str, Signature] = {
    "tjHalveChroma": (None, (_pointer,)),
    "tjSetQuantTables": (_int, (_pointer, ctypes.POINTER(ctypes.c_uint), _int)),
}
"""What docker/base/patches add."""
_SINCE_3: dict[str, Signature] = {"tj3Set": (_int, (_pointer, _int, _int))}

_library = load(_candidates(), _SIGNATURES, _OF_THE_IMAGES | _SINCE_3)
available = _library is not None
takes_tables = hasattr(_library, "tjSetQuantTables")
"""Whether `encoded` does."""


def transform(jpeg: bytes, transpose: Transpose | None, *, optimize: bool) -> bytes | None:
    """The JPEG turned without loss and without its metadata (JFIF and Adobe markers excepted).

    None where that cannot be done: no library, sides that are no multiple of the coding unit, a damaged file.
    """
    if _library is None:
        return None
    options = _PERFECT | _COPY_NONE
    if optimize and hasattr(_library, "tj3Init"):  # Before 3.0 there is no such option.
        options |= _OPTIMIZE
    wanted = _Transform(operation=0 if transpose is None else _OPERATIONS[transpose], options=options)
    # A handle of 2.1 that has written a progressive file writes wrong ones afterwards: a new handle each time.
    with _handle(_library.tjInitTransform) as handle, _buffer() as (buffer, size):
        failed = _library.tjTransform(
            handle, jpeg, len(jpeg), 1, ctypes.byref(buffer), ctypes.byref(size), ctypes.byref(wanted), 0
        )
        return None if failed else ctypes.string_at(buffer, size.value)


def decoded(jpeg: bytes, size: Size, wanted: Size, subsampling: Subsampling) -> Planar | None:
    """The JPEG of `size` in planes, not yet upright; smaller than it is where libjpeg has a scale for that.

    Its planes stay larger than those of a picture of the size `wanted` with such a subsampling.
    None where that cannot be done: no library, colours that are none of JFIF's, or a file that libjpeg has something
    to say about, be it only a warning: Pillow then tells what is damaged from what is merely odd.
    """
    if _library is None:
        return None
    with _handle(_library.tjInitDecompress) as handle:
        steps = _layout(handle, jpeg, size)
        if steps is None:
            return None
        scale, halved = _scale(size, wanted, subsampling, steps[-1])
        smaller = -(-size[0] // scale), -(-size[1] // scale)
        # The last blocks are filled up, in luma to the next chroma sample.
        filled = tuple(-(-length // step) * step for length, step in zip(smaller, steps[-1], strict=True))
        if halved and len(steps) > 1:
            _library.tjHalveChroma(handle)
            steps = [(1, 1), *((2 * across, 2 * down) for across, down in steps[1:])]
        sizes = [(-(-filled[0] // across), -(-filled[1] // down)) for across, down in steps]
        images, memory = zip(*map(blank, sizes), strict=True)
        places = (ctypes.c_void_p * len(sizes))(*(plane.address for plane in memory))
        if _library.tjDecompressToYUVPlanes(handle, jpeg, len(jpeg), places, smaller[0], None, smaller[1], 0):
            return None
    planes = [
        Plane(image, (0.0, 0.0, size[0] / scale / across, size[1] / scale / down))
        for image, (across, down) in zip(images, steps, strict=True)
    ]
    return Planar.of(planes, steps[-1], size)


def _layout(handle: int, jpeg: bytes, size: Size) -> list[Subsampling] | None:
    """The subsampling of each plane; None where the file is not of that size, or its planes are none of JFIF's."""
    width, height, number, colours = (ctypes.c_int() for _ in range(4))
    found = tuple(map(ctypes.byref, (width, height, number, colours)))
    if _library.tjDecompressHeader3(handle, jpeg, len(jpeg), *found) or (width.value, height.value) != size:
        return None
    if colours.value not in (_IN_YCBCR, _IN_GREY) or number.value not in (*_SUBSAMPLINGS, _GREY):
        return None
    return _steps(number.value)


def _scale(size: Size, wanted: Size, subsampling: Subsampling, own: Subsampling) -> tuple[int, bool]:
    """By how much it can be decoded smaller, and whether chroma can be by twice as much."""
    # How many times too large the picture is, and its chroma.
    times = min(has / length for has, length in zip(size, wanted, strict=True))
    chroma_times = min(
        has / length * theirs / ours for has, length, theirs, ours in zip(size, wanted, subsampling, own, strict=True)
    )
    scales = _SCALES if taken(Shortcut.SMALLER_JPEG) else _SCALES[-1:]
    scale = next(scale for scale in scales if scale == 1 or min(times, chroma_times) >= JPEG_GAP * scale)
    can_halve = hasattr(_library, "tjHalveChroma") and taken(Shortcut.HALF_CHROMA)
    return scale, can_halve and scale < _SCALES[0] and chroma_times >= 2 * scale


def writes(subsampling: Subsampling) -> bool:
    """Whether `encoded` knows it."""
    return subsampling in _SUBSAMPLINGS.values()


def encoded(
    planes: Sequence[Image.Image],
    subsampling: Subsampling,
    quality: int | Sequence[Sequence[int]],
    *,
    progressive: bool = False,
    optimize: bool = False,
) -> bytes:
    """The JPEG of planes of mode L, luma first, of which each chroma sample stands for `subsampling` of luma.

    quality: 1 to 100, as libjpeg counts, or one or two quantisation tables of 64 values in natural order.
    Raises ValueError where the library refuses, as it does any subsampling that is not among JPEG's usual ones.
    """
    if _library is None:
        raise ValueError("There is no TurboJPEG.")
    size = planes[0].size
    if len(planes) > 1 and not writes(subsampling):
        raise ValueError("TurboJPEG knows no such subsampling.")
    number = next(key for key, value in _SUBSAMPLINGS.items() if value == subsampling) if len(planes) > 1 else _GREY
    across, down = _steps(number)[-1]
    luma = extended(planes[0], (-(-size[0] // across) * across, -(-size[1] // down) * down))
    memory = [buffer_of(plane) for plane in (luma, *planes[1:])]
    places = (ctypes.c_void_p * len(memory))(*(plane.address for plane in memory))
    flags = _ACCURATE_DCT | (_WRITE_PROGRESSIVE if progressive else 0)
    # The one way to ask for it that releases before 3.0 have, and that those after it do not.
    os.environ["TJ_OPTIMIZE"] = "1" if optimize else "0"
    with _handle(_library.tjInitCompress) as handle, _buffer() as (buffer, length):
        if optimize and hasattr(_library, "tj3Set"):
            _library.tj3Set(handle, _PARAM_OPTIMIZE, 1)
        if not isinstance(quality, int):
            values = [value for table in quality for value in table]
            if _library.tjSetQuantTables(handle, (ctypes.c_uint * len(values))(*values), len(quality)):
                raise ValueError("TurboJPEG cannot use the quantisation tables.")
            quality = 100
        if _library.tjCompressFromYUVPlanes(
            handle, places, size[0], None, size[1], number, ctypes.byref(buffer), ctypes.byref(length), quality, flags
        ):
            raise ValueError("TurboJPEG cannot write the picture.")
        return ctypes.string_at(buffer, length.value)


def _steps(number: int) -> list[Subsampling]:
    """How many luma samples a sample stands for, of each plane."""
    return [(1, 1)] if number == _GREY else [(1, 1), _SUBSAMPLINGS[number], _SUBSAMPLINGS[number]]


@contextmanager
def _handle(make: Callable[[], int]) -> Iterator[int]:
    """One of the library's, for one use. Raises MemoryError where it makes none."""
    handle = make()
    if not handle:
        raise MemoryError("TurboJPEG has no memory to begin with.")
    try:
        yield handle
    finally:
        _library.tjDestroy(handle)


@contextmanager
def _buffer() -> Iterator[tuple[ctypes.c_void_p, ctypes.c_ulong]]:
    """Where the library puts a file that it allocates, and its length."""
    buffer = ctypes.c_void_p()
    try:
        yield buffer, ctypes.c_ulong()
    finally:
        _library.tjFree(buffer)
