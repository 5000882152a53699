"""Small good pictures of every format and kind that is read: what the fuzzer starts from."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageDraw

pillow_heif.register_heif_opener()
SIZE = (61, 43)
"""Odd, so that no side is a multiple of any block."""


@cache
def good() -> dict[str, bytes]:
    """Every seed by its name, which begins with a key of `imagemachine.formats.FORMATS`."""
    return _jpegs() | _pngs() | _gifs() | _webps() | _avifs() | _tiffs() | _others()


def scene(number: int = 0, mode: str = "RGB") -> Image.Image:
    """A gradient with some figures on it; another for each `number`."""
    image = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((5 + number, 5, 30 + number, 30), fill=(200, 30 * number % 256, 40))
    draw.line((0, 0, *SIZE), fill=(0, 90, 200), width=3)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").rotate(90).resize(SIZE))
    return image.convert(mode)


def _saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def _animated(kind: str, mode: str = "RGB", **how: Any) -> bytes:
    first, *others = (scene(number * 4, mode) for number in range(4))
    return _saved(first, kind, save_all=True, append_images=others, duration=[40, 0, 90, 200], loop=0, **how)


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x8298] = "Nobody"
    exif.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def _profile(space: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()  # type: ignore[arg-type]


def _jpegs() -> dict[str, bytes]:
    image = scene()
    return {
        "jpeg": _saved(image, "JPEG"),
        "jpeg-progressive": _saved(image, "JPEG", progressive=True, subsampling="4:4:4"),
        "jpeg-grey": _saved(scene(mode="L"), "JPEG", optimize=True),
        "jpeg-cmyk": _saved(scene(mode="CMYK"), "JPEG"),
        "jpeg-labelled": _saved(image, "JPEG", exif=_exif(6), icc_profile=_profile("sRGB"), comment="x", xmp=b"<x/>"),
        "jpeg-restarts": _saved(image, "JPEG", restart_marker_blocks=2, subsampling="4:2:2"),
        "jpeg-several": _saved(image, "MPO", save_all=True, append_images=[scene(3)]),
    }


def _pngs() -> dict[str, bytes]:
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    stills = {f"png-{mode.lower().replace(';', '')}": _saved(scene(mode=mode), "PNG") for mode in modes}
    return stills | {
        "png-keyed": _saved(scene(mode="P"), "PNG", transparency=3, bits=4),
        "png-labelled": _saved(scene(), "PNG", exif=_exif(8), icc_profile=_profile("sRGB"), dpi=(72, 72)),
        "png-animated": _animated("PNG", "RGBA", disposal=1, blend=1),
        "png-animated-palette": _animated("PNG", "P", default_image=True),
    }


def _gifs() -> dict[str, bytes]:
    return {
        "gif": _saved(scene(mode="P"), "GIF"),
        "gif-interlaced": _saved(scene(mode="P"), "GIF", interlace=1, transparency=0, comment=b"x"),
        "gif-animated": _animated("GIF", "P", disposal=2, optimize=False),
        "gif-animated-restoring": _animated("GIF", "RGBA", disposal=3),
    }


def _webps() -> dict[str, bytes]:
    return {
        "webp": _saved(scene(), "WEBP"),
        "webp-lossless": _saved(scene(mode="RGBA"), "WEBP", lossless=True),
        "webp-alpha": _saved(scene(mode="RGBA"), "WEBP", exif=_exif(3), icc_profile=_profile("sRGB")),
        "webp-animated": _animated("WEBP", "RGBA"),
    }


def _avifs() -> dict[str, bytes]:
    made = {
        "avif": _saved(scene(), "AVIF", speed=10, exif=_exif(6)),
        "avif-alpha": _saved(scene(mode="RGBA"), "AVIF", speed=10, icc_profile=_profile("sRGB")),
        "avif-animated": _animated("AVIF", "RGB", speed=10),
        "heic": (Path(__file__).parents[1] / "unit/codec/scene.heic").read_bytes(),
    }
    if "HEIF" in Image.SAVE:  # Not every libheif can write one: the image's cannot.
        made["heic-alpha"] = _saved(scene(mode="RGBA"), "HEIF", exif=_exif(6))
    return made


def _tiffs() -> dict[str, bytes]:
    rgb = {
        f"tiff-{how.removeprefix('tiff_') or 'raw'}": _saved(scene(), "TIFF", compression=how or None)
        for how in ("", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    }
    return rgb | {
        "tiff-fax": _saved(scene(mode="1"), "TIFF", compression="group4"),
        "tiff-cmyk": _saved(scene(mode="CMYK"), "TIFF", compression="tiff_lzw"),
        "tiff-deep": _saved(scene(mode="I;16"), "TIFF"),
        "tiff-big": _saved(scene(mode="LA"), "TIFF", big_tiff=True),
        "tiff-pages": _saved(scene(), "TIFF", save_all=True, append_images=[scene(3)], exif=_exif(5)),
    }


def _others() -> dict[str, bytes]:
    return {
        "bmp": _saved(scene(), "BMP"),
        "bmp-palette": _saved(scene(mode="P"), "BMP"),
        "bmp-black": _saved(scene(mode="1"), "BMP"),
        "ico": _saved(scene(mode="RGBA"), "ICO", sizes=[(16, 16), (32, 32)]),
        "ico-bmp": _saved(scene(mode="RGBA"), "ICO", sizes=[(16, 16)], bitmap_format="bmp"),
    }
