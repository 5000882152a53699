"""JPEG turns in the DCT domain, by libturbojpeg where the machine has it.

Nothing is decoded to pixels, so nothing is lost: https://libjpeg-turbo.org/About/TurboJPEG
The library is loaded when this module is imported, for later there may be no opening of files.
"""

import ctypes
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from imagemachine.codec.orientation import Transpose

_OPERATIONS = {
    Transpose.FLIP_LEFT_RIGHT: 1,
    Transpose.FLIP_TOP_BOTTOM: 2,
    Transpose.TRANSPOSE: 3,
    Transpose.TRANSVERSE: 4,
    Transpose.ROTATE_270: 5,  # TurboJPEG counts clockwise.
    Transpose.ROTATE_180: 6,
    Transpose.ROTATE_90: 7,
}
_PERFECT, _PROGRESSIVE, _COPY_NONE, _OPTIMIZE = 1, 32, 64, 256


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


def _load() -> ctypes.CDLL | None:
    for candidate in _candidates():
        try:
            library = ctypes.CDLL(candidate)
            library.tjInitTransform.restype = ctypes.c_void_p
            library.tjDestroy.argtypes = (ctypes.c_void_p,)
            library.tjFree.argtypes = (ctypes.c_void_p,)
            library.tjTransform.argtypes = (
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_ulong,
                ctypes.c_int,
                ctypes.POINTER(ctypes.c_void_p),
                ctypes.POINTER(ctypes.c_ulong),
                ctypes.POINTER(_Transform),
                ctypes.c_int,
            )
        except (OSError, AttributeError):
            continue
        return library
    return None


_library = _load()
available = _library is not None


def transform(jpeg: bytes, transpose: Transpose | None, *, progressive: bool, optimize: bool) -> bytes | None:
    """The JPEG turned without loss and without its metadata (JFIF and Adobe markers excepted).

    None where that cannot be done: no library, sides that are no multiple of the coding unit, a damaged file.
    """
    if _library is None:
        return None
    options = _PERFECT | _COPY_NONE
    if progressive:
        options |= _PROGRESSIVE
    elif optimize and hasattr(_library, "tj3Init"):  # Before 3.0 there is no such option.
        options |= _OPTIMIZE
    # A handle of 2.1 that has written a progressive file writes wrong ones afterwards: a new handle each time.
    handle = _library.tjInitTransform()
    if not handle:
        return None
    buffer, size = ctypes.c_void_p(), ctypes.c_ulong()
    wanted = _Transform(operation=0 if transpose is None else _OPERATIONS[transpose], options=options)
    try:
        failed = _library.tjTransform(
            handle, jpeg, len(jpeg), 1, ctypes.byref(buffer), ctypes.byref(size), ctypes.byref(wanted), 0
        )
        return None if failed else ctypes.string_at(buffer, size.value)
    finally:
        _library.tjFree(buffer)
        _library.tjDestroy(handle)
