"""WebP decoded smaller, straight into a picture's memory or in planes, and written from planes, by libwebp itself.

Pillow decodes every WebP as an animation: whole, with alpha, and with two copies on the way, for which it takes the
memory when it reads the header.
https://developers.google.com/speed/webp/docs/api#advanced_decoding_api and #advanced_encoding_api
https://developers.google.com/speed/webp/docs/container-api#demux_api
The libraries are those that Pillow has loaded; without them, Pillow's way remains.
"""

import ctypes
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from imagemachine.formats.native import Signature, load
from imagemachine.pictures import Size
from imagemachine.pictures.buffer import blank, buffer_of
from imagemachine.pictures.planar import Planar, Plane
from imagemachine.policy import WEBP_FAR, WEBP_GAP, WEBP_UNFILTERED_FROM
from imagemachine.shortcuts import Shortcut, taken

_MODE_RGBA, _MODE_YUV = 1, 11
_LOSSY = 1
_ABI = 0x0209
"""Of the structures below: WEBP_DECODER_ABI_VERSION, unchanged since libwebp 0.5.2."""
_ENCODER_ABI = 0x0200
"""Of the encoder's: the first half of WEBP_ENCODER_ABI_VERSION, which is what counts, unchanged since libwebp 0.2.0."""

_DEMUX_ABI = 0x0107
"""WEBP_DEMUX_ABI_VERSION, unchanged since libwebp 0.5.0."""
_CANVAS_WIDTH, _CANVAS_HEIGHT, _LOOP_COUNT, _FRAME_COUNT = 1, 2, 3, 5
"""What can be asked about a file: WebPFormatFeature."""


class _Features(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int),
        ("format", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _RgbaBuffer(ctypes.Structure):
    _fields_ = (("rgba", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t))


class _YuvaBuffer(ctypes.Structure):
    _fields_ = (("planes", ctypes.c_void_p * 4), ("strides", ctypes.c_int * 4), ("sizes", ctypes.c_size_t * 4))


class _Union(ctypes.Union):
    _fields_ = (("rgba", _RgbaBuffer), ("yuva", _YuvaBuffer))


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("colorspace", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_external_memory", ctypes.c_int),
        ("u", _Union),
        ("pad", ctypes.c_uint32 * 4),
        ("private_memory", ctypes.c_void_p),
    )


class _Options(ctypes.Structure):
    _fields_ = (
        ("bypass_filtering", ctypes.c_int),
        ("no_fancy_upsampling", ctypes.c_int),
        ("use_cropping", ctypes.c_int),
        ("crop", ctypes.c_int * 4),
        ("use_scaling", ctypes.c_int),
        ("scaled_width", ctypes.c_int),
        ("scaled_height", ctypes.c_int),
        ("use_threads", ctypes.c_int),
        ("dithering_strength", ctypes.c_int),
        ("flip", ctypes.c_int),
        ("alpha_dithering_strength", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _Config(ctypes.Structure):
    _fields_ = (("input", _Features), ("output", _Buffer), ("options", _Options))


class _WebPPicture(ctypes.Structure):
    _fields_ = (
        ("use_argb", ctypes.c_int),
        ("colorspace", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("planes", ctypes.c_void_p * 3),
        ("y_stride", ctypes.c_int),
        ("uv_stride", ctypes.c_int),
        ("a", ctypes.c_void_p),
        ("a_stride", ctypes.c_int),
        ("pad1", ctypes.c_uint32 * 2),
        ("argb", ctypes.c_void_p),
        ("argb_stride", ctypes.c_int),
        ("pad2", ctypes.c_uint32 * 3),
        ("writer", ctypes.c_void_p),
        ("custom_ptr", ctypes.c_void_p),
        ("extra_info_type", ctypes.c_int),
        ("extra_info", ctypes.c_void_p),
        ("stats", ctypes.c_void_p),
        ("error_code", ctypes.c_int),
        ("progress_hook", ctypes.c_void_p),
        ("user_data", ctypes.c_void_p),
        ("pad3", ctypes.c_uint32 * 3),
        ("pad4", ctypes.c_void_p * 2),
        ("pad6", ctypes.c_uint32 * 8),
        ("memory", ctypes.c_void_p * 2),
        ("pad7", ctypes.c_void_p * 2),
    )


class _Writer(ctypes.Structure):
    _fields_ = (
        ("memory", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("pad", ctypes.c_uint32),
    )


class _Data(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Chunk(ctypes.Structure):
    _fields_ = (
        ("number", ctypes.c_int),
        ("of", ctypes.c_int),
        ("payload", _Data),
        ("pad", ctypes.c_uint32 * 6),
        ("private", ctypes.c_void_p),
    )


_Settings = ctypes.c_uint32 * 64
"""A WebPConfig, of which nothing is set here: 29 numbers as of libwebp 1.6."""


class Described(NamedTuple):
    """What a file says before its pixels."""

    size: Size
    frames: int
    plays: int
    """How often, 0 for ever."""
    icc: bytes
    exif: bytes
    xmp: bytes


def _candidates(name: str) -> list[str]:
    """Where the library may be: Pillow's own, or the system's."""
    beside = Path(Image.__file__).parent
    bundled = [*beside.parent.glob(f"pillow.libs/{name}-*"), *beside.glob(f".dylibs/{name}.*")]
    return list(map(str, bundled))


_int, _bytes, _pointer = ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
_config, _picture, _writer, _chunk = map(ctypes.POINTER, (_Config, _WebPPicture, _Writer, _Chunk))
_SIGNATURES: dict[str, Signature] = {
    "WebPInitDecoderConfigInternal": (_int, (_config, _int)),
    "WebPGetFeaturesInternal": (_int, (_bytes, ctypes.c_size_t, ctypes.POINTER(_Features), _int)),
    "WebPDecode": (_int, (_bytes, ctypes.c_size_t, _config)),
    "WebPConfigInitInternal": (_int, (_Settings, _int, ctypes.c_float, _int)),
    "WebPPictureInitInternal": (_int, (_picture, _int)),
    "WebPEncode": (_int, (_Settings, _picture)),
    "WebPMemoryWriterInit": (None, (_writer,)),
    "WebPMemoryWriterClear": (None, (_writer,)),
    "WebPMemoryWrite": (_int, (_pointer, ctypes.c_size_t, _picture)),
}
_OF_THE_DEMUXER: dict[str, Signature] = {
    "WebPDemuxInternal": (_pointer, (ctypes.POINTER(_Data), _int, _pointer, _int)),
    "WebPDemuxDelete": (None, (_pointer,)),
    "WebPDemuxGetI": (ctypes.c_uint32, (_pointer, _int)),
    "WebPDemuxGetChunk": (_int, (_pointer, _bytes, _int, _chunk)),
    "WebPDemuxReleaseChunkIterator": (None, (_chunk,)),
}

_library = load((*_candidates("libwebp"), "libwebp.so.7"), _SIGNATURES, {})
_demuxer = load((*_candidates("libwebpdemux"), "libwebpdemux.so.2"), _OF_THE_DEMUXER, {})


def available() -> bool:
    """Whether pictures are read and written by the library itself."""
    return _library is not None and taken(Shortcut.LIBWEBP)


def described(data: bytes) -> Described | None:
    """What the file says before its pixels; None where the library is not at hand or does not like the file."""
    if _demuxer is None or not taken(Shortcut.DEMUXER):
        return None
    whole = _Data(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))
    demuxer = _demuxer.WebPDemuxInternal(ctypes.byref(whole), 0, None, _DEMUX_ABI)
    if not demuxer:
        return None
    try:
        width, height, plays, frames = (
            _demuxer.WebPDemuxGetI(demuxer, feature)
            for feature in (_CANVAS_WIDTH, _CANVAS_HEIGHT, _LOOP_COUNT, _FRAME_COUNT)
        )
        icc, exif, xmp = (_payload(demuxer, name) for name in (b"ICCP", b"EXIF", b"XMP "))
    finally:
        _demuxer.WebPDemuxDelete(demuxer)
    return Described((width, height), frames, plays, icc, exif, xmp)


def _payload(demuxer: int, name: bytes) -> bytes:
    chunk = _Chunk()
    if not _demuxer.WebPDemuxGetChunk(demuxer, name, 1, ctypes.byref(chunk)):
        return b""
    try:
        return ctypes.string_at(chunk.payload.bytes, chunk.payload.size)
    finally:
        _demuxer.WebPDemuxReleaseChunkIterator(ctypes.byref(chunk))


def decoded(data: bytes, wanted: Size | None = None) -> Image.Image | None:
    """The still picture of a WebP file, RGBX or RGBA; smaller than it is where it is far larger than `wanted`.

    None where libwebp is not at hand or does not like the file: Pillow then says what is wrong.
    """
    config = _opened(data)
    if config is None:
        return None
    has_alpha = bool(config.input.has_alpha)
    size = _enough(config, wanted)
    pixels = bytearray(4 * size[0] * size[1])
    config.output.colorspace = _MODE_RGBA
    config.output.u.rgba = _RgbaBuffer(_address(pixels), 4 * size[0], len(pixels))
    if _library.WebPDecode(data, len(data), ctypes.byref(config)):
        return None
    mode = "RGBA" if has_alpha else "RGBX"
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)


def planes(data: bytes, wanted: Size) -> Planar | None:
    """The still picture of a lossy WebP file without transparency in its planes; size, and None, as in `decoded`."""
    config = _opened(data)
    if config is None or config.input.has_alpha or config.input.format != _LOSSY:
        return None
    size = _enough(config, wanted)
    half = -(-size[0] // 2), -(-size[1] // 2)
    config.output.colorspace = _MODE_YUV
    images = []
    for number, (width, height) in enumerate((size, half, half)):
        image, memory = blank((width, height))
        config.output.u.yuva.planes[number] = memory.address
        config.output.u.yuva.strides[number] = width
        config.output.u.yuva.sizes[number] = width * height
        images.append((image, memory))
    if _library.WebPDecode(data, len(data), ctypes.byref(config)):
        return None
    parts = ((0.0, 0.0, size[0] / step, size[1] / step) for step in (1, 2, 2))
    found = [Plane(image, part) for (image, _memory), part in zip(images, parts, strict=True)]
    return Planar.of(found, (2, 2), (config.input.width, config.input.height), narrow=True)


def encoded(planes: Sequence[Image.Image], quality: int) -> bytes:
    """The lossy WebP of three planes of mode L, luma first, chroma half as wide and high, as Pillow would write it.

    Raises ValueError where the library refuses.
    """
    settings, picture, writer = _Settings(), _WebPPicture(), _Writer()
    if (
        _library is None
        or not _library.WebPConfigInitInternal(settings, 0, quality, _ENCODER_ABI)
        or not _library.WebPPictureInitInternal(ctypes.byref(picture), _ENCODER_ABI)
    ):
        raise ValueError("There is no libwebp that writes.")
    picture.width, picture.height = planes[0].size
    memory = [buffer_of(plane) for plane in planes]
    picture.planes = (ctypes.c_void_p * 3)(*(plane.address for plane in memory))
    picture.y_stride, picture.uv_stride = planes[0].width, planes[1].width
    picture.writer = ctypes.cast(_library.WebPMemoryWrite, ctypes.c_void_p)
    picture.custom_ptr = ctypes.addressof(writer)
    _library.WebPMemoryWriterInit(ctypes.byref(writer))
    try:
        if not _library.WebPEncode(settings, ctypes.byref(picture)):
            raise ValueError(f"libwebp cannot write the picture (its error {picture.error_code}).")
        return ctypes.string_at(writer.memory, writer.size)
    finally:
        _library.WebPMemoryWriterClear(ctypes.byref(writer))


def _opened(data: bytes) -> _Config | None:
    """What is to be decoded, into memory of ours; None where libwebp is not at hand or there is no still picture."""
    config = _Config()
    if not available() or not _library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        return None
    features = config.input
    if _library.WebPGetFeaturesInternal(data, len(data), ctypes.byref(features), _ABI) or features.has_animation:
        return None
    config.output.is_external_memory = 1
    return config


def _enough(config: _Config, wanted: Size | None) -> Size:
    """The size that the picture is decoded at for a result of the size `wanted`, and how."""
    size = (config.input.width, config.input.height)
    least = min(has / length for has, length in zip(size, wanted or size, strict=True))
    if not taken(Shortcut.SMALLER_WEBP):
        return size
    if wanted is not None and least >= WEBP_FAR:
        size = (math.ceil(WEBP_GAP * wanted[0]), math.ceil(WEBP_GAP * wanted[1]))
        config.options.use_scaling, config.options.scaled_width, config.options.scaled_height = 1, *size
    elif least > WEBP_UNFILTERED_FROM:
        config.options.bypass_filtering = 1
    return size


def _address(samples: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(samples))
