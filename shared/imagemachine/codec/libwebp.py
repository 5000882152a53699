"""WebP decoded smaller, or straight into a picture's memory, by libwebp itself.

Pillow decodes every WebP as an animation: whole, with alpha, and with two copies on the way.
https://developers.google.com/speed/webp/docs/api#advanced_decoding_api
The library is the one that Pillow has loaded; without it, Pillow's way remains.
"""

import ctypes
from pathlib import Path

from PIL import Image

_MODE_RGBA = 1
_ABI = 0x0209
"""Of the structures below: WEBP_DECODER_ABI_VERSION, unchanged since libwebp 0.5.2."""


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


def _load() -> ctypes.CDLL | None:
    beside = Path(Image.__file__).parent
    bundled = [*beside.parent.glob("pillow.libs/libwebp-*"), *beside.glob(".dylibs/libwebp.*")]
    for candidate in (*map(str, bundled), "libwebp.so.7"):
        try:
            library = ctypes.CDLL(candidate)
            library.WebPInitDecoderConfigInternal.argtypes = (ctypes.POINTER(_Config), ctypes.c_int)
            library.WebPGetFeaturesInternal.argtypes = (
                ctypes.c_char_p,
                ctypes.c_size_t,
                ctypes.POINTER(_Features),
                ctypes.c_int,
            )
            library.WebPDecode.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(_Config))
        except (OSError, AttributeError):
            continue
        return library
    return None


_library = _load()


def decoded(data: bytes, at_least: tuple[int, int] | None = None) -> Image.Image | None:
    """The still picture of a WebP file, RGBX or RGBA; smaller than it is where `at_least` allows it.

    None where libwebp is not at hand or does not like the file: Pillow then says what is wrong.
    """
    config = _Config()
    if _library is None or not _library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        return None
    features = config.input
    if _library.WebPGetFeaturesInternal(data, len(data), ctypes.byref(features), _ABI) or features.has_animation:
        return None
    has_alpha = bool(features.has_alpha)
    size = (features.width, features.height)
    if at_least is not None and at_least[0] < size[0] and at_least[1] < size[1]:
        size = at_least
        config.options.use_scaling, config.options.scaled_width, config.options.scaled_height = 1, *size
    pixels = bytearray(4 * size[0] * size[1])
    place = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
    config.output.colorspace = _MODE_RGBA
    config.output.is_external_memory = 1
    config.output.u.rgba = _RgbaBuffer(place, 4 * size[0], len(pixels))
    if _library.WebPDecode(data, len(data), ctypes.byref(config)):
        return None
    mode = "RGBA" if has_alpha else "RGBX"
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)
