"""A plane's samples where they lie, for libraries that are handed memory: nothing is copied on the way.

Pillow tells where through Arrow's interface: https://arrow.apache.org/docs/format/CDataInterface.html
"""

import ctypes
from typing import Any, NamedTuple

from PIL import Image

from imagemachine.shortcuts import Shortcut, taken

_NAME = b"arrow_array"

_pointer: Any = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = (ctypes.py_object, ctypes.c_char_p)


class _ArrowArray(ctypes.Structure):
    """The beginning of Arrow's structure; of the buffers the second one holds the samples."""

    _fields_ = (("numbers", ctypes.c_int64 * 5), ("buffers", ctypes.POINTER(ctypes.c_void_p)))


class Buffer(NamedTuple):
    """Samples of one byte each, row after row, with nothing between the rows."""

    address: int
    owner: object
    """What has to be kept for as long as the address is used."""


def buffer_of(image: Image.Image) -> Buffer:
    """Those of a picture of mode L, to be read; a copy of them where Pillow has them in several places."""
    return _in_place(image) or _copied(image)


def blank(size: tuple[int, int]) -> tuple[Image.Image, Buffer]:
    """A black picture of mode L, and its samples, to be written before anything else is done with it."""
    image = Image.new("L", size, None)
    buffer = _in_place(image)
    if buffer is not None:
        return image, buffer
    rows = bytearray(size[0] * size[1])
    image = Image.frombuffer("L", size, rows, "raw", "L", 0, 1)
    return image, Buffer(ctypes.addressof(ctypes.c_char.from_buffer(rows)), rows)


def _in_place(image: Image.Image) -> Buffer | None:
    if not taken(Shortcut.IN_PLACE):
        return None
    # Asked for the memory of a picture that is laid over somebody else's, Pillow 12 and 13 crash.
    if image.readonly or not hasattr(image, "__arrow_c_array__"):
        return None
    try:
        _schema, array = image.__arrow_c_array__()
    except ValueError:  # It is in several blocks, as pictures of more than 16 MiB are.
        return None
    address = _ArrowArray.from_address(_pointer(array, _NAME)).buffers[1]
    return Buffer(address, array)


def _copied(image: Image.Image) -> Buffer:
    rows = image.tobytes()
    return Buffer(ctypes.cast(ctypes.c_char_p(rows), ctypes.c_void_p).value or 0, rows)
