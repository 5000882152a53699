"""HEIC decoded by libheif itself, without a thread.

pillow_heif leaves it to libheif how many threads decode, and libheif starts one for every tile, which a process that
works on an upload may not: https://github.com/strukturag/libheif/blob/master/libheif/api/libheif/heif_decoding.h
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pillow_heif

from imagemachine.formats.native import Signature, load
from imagemachine.pictures import Size

_RGB, _GREY = 1, 2
"""heif_colorspace"""
_PLANAR, _BYTES, _BYTES_ALPHA, _WORDS, _WORDS_ALPHA = 0, 10, 11, 14, 15
"""heif_chroma: a plane for each channel, or the channels of each pixel together, as bytes or little-endian words."""
_LUMA, _TOGETHER = 0, 10
"""heif_channel"""
_OUT_OF_MEMORY = 6
"""heif_error_Memory_allocation_error"""
_HAS_THREADS = 8
"""The version of the options that has a number of threads, since libheif 1.21."""
_NO_THREADS = -1
"""0 is libde265's own choice, which is one."""


class _Layout(NamedTuple):
    colours: int
    chroma: int
    channel: int
    pixel: int
    """Bytes of one."""


_LAYOUTS = {
    "L": _Layout(_GREY, _PLANAR, _LUMA, 1),
    "I;16": _Layout(_GREY, _PLANAR, _LUMA, 2),
    "RGB": _Layout(_RGB, _BYTES, _TOGETHER, 3),
    "RGBA": _Layout(_RGB, _BYTES_ALPHA, _TOGETHER, 4),
    "RGBa": _Layout(_RGB, _BYTES_ALPHA, _TOGETHER, 4),
    "RGB;16": _Layout(_RGB, _WORDS, _TOGETHER, 6),
    "RGBA;16": _Layout(_RGB, _WORDS_ALPHA, _TOGETHER, 8),
    "RGBa;16": _Layout(_RGB, _WORDS_ALPHA, _TOGETHER, 8),
}
"""What is asked for, by pillow_heif's mode of the picture."""


class _Error(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("subcode", ctypes.c_int), ("message", ctypes.c_char_p))


class _Conversion(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint8), ("down", ctypes.c_int), ("up", ctypes.c_int), ("only", ctypes.c_uint8))


class _Options(ctypes.Structure):
    """`heif_decoding_options`, up to its version 8."""

    _fields_ = (
        ("version", ctypes.c_uint8),
        ("ignore_transformations", ctypes.c_uint8),
        ("progress", ctypes.c_void_p * 4),
        ("convert_hdr_to_8bit", ctypes.c_uint8),
        ("strict_decoding", ctypes.c_uint8),
        ("decoder_id", ctypes.c_char_p),
        ("color_conversion_options", _Conversion),
        ("cancel_decoding", ctypes.c_void_p),
        ("color_conversion_options_ext", ctypes.c_void_p),
        ("ignore_sequence_editlist", ctypes.c_int),
        ("output_image_nclx_profile", ctypes.c_void_p),
        ("num_library_threads", ctypes.c_int),
        ("num_codec_threads", ctypes.c_int),
    )


def _candidates() -> list[str]:
    """Where the library may be: pillow_heif's own, or the system's."""
    beside = Path(pillow_heif.__file__).parent.parent / "pillow_heif.libs"
    return [*map(str, beside.glob("libheif-*")), "libheif.so.1"]


_int, _pointer = ctypes.c_int, ctypes.c_void_p
_SIGNATURES: dict[str, Signature] = {
    "heif_context_alloc": (_pointer, ()),
    "heif_context_free": (None, (_pointer,)),
    "heif_context_set_max_decoding_threads": (None, (_pointer, _int)),
    "heif_context_read_from_memory_without_copy": (_Error, (_pointer, ctypes.c_char_p, ctypes.c_size_t, _pointer)),
    "heif_context_get_primary_image_handle": (_Error, (_pointer, ctypes.POINTER(_pointer))),
    "heif_image_handle_release": (None, (_pointer,)),
    "heif_image_handle_get_luma_bits_per_pixel": (_int, (_pointer,)),
    "heif_decoding_options_alloc": (ctypes.POINTER(_Options), ()),
    "heif_decoding_options_free": (None, (ctypes.POINTER(_Options),)),
    "heif_decode_image": (_Error, (_pointer, ctypes.POINTER(_pointer), _int, _int, ctypes.POINTER(_Options))),
    "heif_image_release": (None, (_pointer,)),
    "heif_image_get_primary_width": (_int, (_pointer,)),
    "heif_image_get_primary_height": (_int, (_pointer,)),
    "heif_image_get_plane_readonly": (_pointer, (_pointer, _int, ctypes.POINTER(_int))),
}

_library = load(_candidates(), _SIGNATURES, {})


def samples(data: bytes, mode: str) -> tuple[Size, bytes]:
    """The size and the samples of the file's primary picture, upright, in the mode that pillow_heif found it to have.

    Those of 16 bits are little-endian and fill all bits. Raises MemoryError; ValueError with libheif's words.
    """
    layout, deep = _LAYOUTS[mode], mode.endswith(";16")
    with _handle(data) as handle, _options() as options:
        if options.contents.version < _HAS_THREADS:
            raise ValueError("unsupported: libheif is older than 1.21")
        options.contents.convert_hdr_to_8bit = not deep
        options.contents.num_codec_threads = _NO_THREADS
        image = _pointer()
        _check(_library.heif_decode_image(handle, ctypes.byref(image), layout.colours, layout.chroma, options))
        try:
            size = _library.heif_image_get_primary_width(image), _library.heif_image_get_primary_height(image)
            found = _rows(image, layout, size)
        finally:
            _library.heif_image_release(image)
        return size, _filled(found, _library.heif_image_handle_get_luma_bits_per_pixel(handle)) if deep else found


def _rows(image: ctypes.c_void_p, layout: _Layout, size: Size) -> bytes:
    """A channel's rows without what lies between them."""
    stride = _int()
    plane = _library.heif_image_get_plane_readonly(image, layout.channel, ctypes.byref(stride))
    if not plane:
        raise ValueError("it has no such channel")
    row = size[0] * layout.pixel
    if stride.value == row:
        return ctypes.string_at(plane, row * size[1])
    return b"".join(ctypes.string_at(plane + stride.value * y, row) for y in range(size[1]))


def _filled(words: bytes, bits: int) -> bytes:
    """Words of which the lower `bits` are in use, shifted to the upper ones: no word's bits reach the next one's."""
    return (int.from_bytes(words, "little") << (16 - bits)).to_bytes(len(words), "little")


@contextmanager
def _handle(data: bytes) -> Iterator[ctypes.c_void_p]:
    """The file's primary picture, before it is decoded."""
    if _library is None:
        raise ValueError("unsupported: there is no libheif")
    context, handle = _library.heif_context_alloc(), _pointer()
    try:
        _library.heif_context_set_max_decoding_threads(context, 0)
        _check(_library.heif_context_read_from_memory_without_copy(context, data, len(data), None))
        _check(_library.heif_context_get_primary_image_handle(context, ctypes.byref(handle)))
        yield handle
    finally:
        _library.heif_image_handle_release(handle)
        _library.heif_context_free(context)


@contextmanager
def _options() -> Iterator["ctypes._Pointer[_Options]"]:
    options = _library.heif_decoding_options_alloc()
    try:
        yield options
    finally:
        _library.heif_decoding_options_free(options)


def _check(error: _Error) -> None:
    if error.code == _OUT_OF_MEMORY:
        raise MemoryError
    if error.code:
        raise ValueError((error.message or b"").decode(errors="replace"))
