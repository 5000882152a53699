"""Every kind of picture that the machine claims to read: format by depth, colour, transparency and animation.

`AXES` is what is claimed. Each combination is written by hand or by a library, or is named as one that does not exist;
`test_table` holds it against the formats' own records, so that a gap shows.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, features

import bmp_kit
import png_kit
from gif_kit import Patch, gif
from pictures_kit import file_of, scene
from png_kit import apng, png
from tiff_kit import packed, tiff

SIZE = (400, 300)
Samples = NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """One combination."""

    format: str
    depth: int
    """Bits of a sample; of BMP and ICO, of a pixel."""
    colour: str
    alpha: str
    frames: int

    def __str__(self) -> str:
        moving = ", animated" if self.frames > 1 else ""
        return f"{self.format} {self.depth} {self.colour}, {self.alpha}{moving}"


@dataclass(frozen=True)
class Sample:
    """A file of a kind, and what it shows."""

    data: bytes
    frames: list[Image.Image] | None
    """RGBA; None: as libvips shows it, which has its own idea of such colours."""
    tolerance: float = 3
    """The mean difference per channel, of 255, that a result may have."""


AXES: Mapping[str, dict[str, tuple[Any, ...]]] = {
    "jpeg": {"depth": (8,), "colour": ("grey", "rgb", "cmyk"), "alpha": ("none",), "frames": (1,)},
    "png": {
        "depth": (1, 2, 4, 8, 16),
        "colour": ("grey", "rgb", "palette"),
        "alpha": ("none", "full", "key"),
        "frames": (1, 3),
    },
    "gif": {"depth": (1, 2, 4, 8), "colour": ("palette",), "alpha": ("none", "key"), "frames": (1, 3)},
    "webp": {"depth": (8,), "colour": ("rgb", "lossless rgb"), "alpha": ("none", "full"), "frames": (1, 3)},
    "avif": {"depth": (8, 10, 12), "colour": ("grey", "rgb"), "alpha": ("none", "full"), "frames": (1, 3)},
    "tiff": {
        "depth": (1, 2, 4, 8, 16, 32),
        "colour": ("grey", "white is zero", "rgb", "palette", "cmyk", "lab"),
        "alpha": ("none", "full", "premultiplied"),
        "frames": (1,),
    },
    "bmp": {"depth": (1, 4, 8, 16, 24, 32), "colour": ("palette", "rgb"), "alpha": ("none", "full"), "frames": (1,)},
    "heic": {"depth": (8, 10, 12), "colour": ("grey", "rgb"), "alpha": ("none", "full"), "frames": (1,)},
    "ico": {"depth": (24, 32), "colour": ("rgb", "png"), "alpha": ("full", "mask"), "frames": (1,)},
}


_GREYS = ("grey", "white is zero")
_MISSING: tuple[tuple[str, Callable[[Kind], bool], str], ...] = (
    ("png", lambda k: k.depth == 16 and k.colour == "palette", "a palette has at most 256 colours"),
    ("png", lambda k: k.depth < 8 and k.colour == "rgb", "colours have 8 bits or 16"),
    ("png", lambda k: k.depth < 8 and k.alpha == "full" and k.colour == "grey", "transparency has 8 bits or 16"),
    ("png", lambda k: k.alpha == "key" and k.colour == "palette", "a palette has it for each of its colours"),
    ("avif", lambda k: k.frames > 1 and k.depth > 8, "no encoder is at hand"),
    ("tiff", lambda k: k.depth < 8 and k.colour not in (*_GREYS, "palette"), "colours have 8 bits or more"),
    ("tiff", lambda k: k.depth > 8 and k.colour == "palette", "no program writes it"),
    ("tiff", lambda k: k.depth == 32 and k.colour != "rgb", "its range is not defined"),
    ("tiff", lambda k: k.alpha != "none" and (k.depth < 8 or k.colour not in ("grey", "rgb")), "no program writes it"),
    ("tiff", lambda k: k.alpha == "premultiplied" and k.depth == 32, "no program writes it"),
    ("bmp", lambda k: (k.colour == "palette") != (k.depth <= 8), "a palette has at most 8 bits, anything else more"),
    ("bmp", lambda k: k.alpha == "full" and k.depth < 32, "there is no room for it"),
    ("ico", lambda k: k.colour == "png" and (k.depth, k.alpha) != (32, "full"), "it is a PNG, of which there are all"),
    ("ico", lambda k: k.depth == 24 and k.alpha == "full", "there is no room for it"),
)
"""Combinations for which there is no file, each with the reason."""


def does_not_exist(kind: Kind) -> str | None:
    """Why there is no such file, or None."""
    return next((why for name, holds, why in _MISSING if name == kind.format and holds(kind)), None)


def kinds() -> Iterator[Kind]:
    """Every combination that is claimed and exists."""
    for format_name, axes in AXES.items():
        for depth, colour, alpha, frames in product(*axes.values()):
            kind = Kind(format_name, depth, colour, alpha, frames)
            if does_not_exist(kind) is None:
                yield kind


@cache
def sample(kind: Kind) -> Sample | str:
    """A file of the kind, or why it cannot be written here."""
    return _WRITERS[kind.format](kind)


def _drawn(kind: Kind, number: int = 0) -> Image.Image:
    """The scene, RGBA, in the kind's colours and with its transparency, before its depth tells."""
    image = scene(*SIZE, seed=number)
    if kind.colour in ("grey", "white is zero"):
        image = image.convert("L").convert("RGB")
    if kind.alpha == "none":
        image.putalpha(255)
    elif kind.alpha in ("full", "premultiplied"):
        image.putalpha(Image.radial_gradient("L").resize(SIZE).point(lambda level: 255 - level))
    else:
        image.putalpha(Image.radial_gradient("L").resize(SIZE).point(lambda level: 255 * (level < 180)))
    return image


def _levels(image: Image.Image, depth: int) -> Samples:
    """The bands of a picture in so many bits; in more than eight, the lower ones are noise."""
    values = np.asarray(image).astype(np.int64)
    if depth > 8:
        return np.asarray(values * 2 ** (depth - 8)) + np.random.default_rng(1).integers(
            0, 2 ** (depth - 8), values.shape
        )
    return np.asarray(np.round(values / 255 * (2**depth - 1)).astype(np.int64))


def _shown(levels: Samples, depth: int, alpha: Samples | None = None) -> Image.Image:
    """What such bands show, RGBA."""
    values = np.round(levels / (2**depth - 1) * 255).astype(np.uint8)
    colours = np.dstack([values] * 3) if values.ndim == 2 else values[..., :3]
    if alpha is None:
        alpha = values[..., 3] if values.ndim == 3 and values.shape[2] == 4 else np.full(colours.shape[:2], 255)
    return Image.fromarray(np.dstack([colours, alpha]).astype(np.uint8), "RGBA")


def _bands(kind: Kind, number: int = 0) -> Samples:
    """The samples of a frame: of grey on two axes where it is opaque."""
    drawn = _drawn(kind, number)
    mode = "L" if kind.colour in ("grey", "white is zero") else "RGB"
    return _levels(drawn.convert(mode + "A" if kind.alpha in ("full", "premultiplied") else mode), kind.depth)


def _jpeg(kind: Kind) -> Sample:
    mode = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[kind.colour]
    image = _drawn(kind).convert(mode)
    data = file_of(image, "jpeg", quality=95)
    if mode == "CMYK":
        return Sample(data, None, 10)
    return Sample(data, [image.convert("RGBA")], 5)


def _png(kind: Kind) -> Sample:
    if kind.colour == "palette":
        return _png_of_palette(kind)
    bands: list[Samples] = []
    shown: list[Image.Image] = []
    more: tuple[tuple[bytes, bytes], ...] = ()
    colour = png_kit.GREY if kind.colour == "grey" else png_kit.COLOUR
    for number in range(kind.frames):
        levels = _bands(kind, number)
        if kind.alpha == "key":
            hole = np.asarray(_drawn(kind, number).getchannel("A")) == 0
            key = 2**kind.depth - 1
            levels = np.where(hole if levels.ndim == 2 else hole[..., None], key, np.minimum(levels, key - 1))
            more = ((b"tRNS", np.full(1 if levels.ndim == 2 else 3, key, ">u2").tobytes()),)
            shown.append(_shown(levels, kind.depth, np.where(hole, 0, 255)))
        elif kind.alpha == "full":
            colour = png_kit.GREY_ALPHA if kind.colour == "grey" else png_kit.COLOUR_ALPHA
            scaled = np.round(levels[..., -1] / (2**kind.depth - 1) * 255)
            shown.append(_shown(levels[..., 0] if levels.shape[2] == 2 else levels, kind.depth, scaled))
        else:
            shown.append(_shown(levels, kind.depth))
        bands.append(levels)
    if kind.frames == 1:
        return Sample(png(bands[0], kind.depth, *more, colour=colour), shown)
    return Sample(apng(bands, kind.depth, *more, colour=colour), shown)


def _indexed(kind: Kind) -> tuple[list[Samples], list[tuple[int, ...]], list[Image.Image]]:
    """Palette indices of each frame, the palette, and what they show; where a key is, it is the last index."""
    count = 2**kind.depth - (kind.alpha == "key")
    sheet = Image.new("RGB", (SIZE[0], SIZE[1] * kind.frames))
    for number in range(kind.frames):
        sheet.paste(_drawn(kind, number).convert("RGB"), (0, number * SIZE[1]))
    coloured = sheet.quantize(max(2, count), dither=Image.Dither.NONE)
    palette = np.array(coloured.getpalette() or []).reshape(-1, 3)[: max(2, count)]
    indices, shown = [], []
    for number in range(kind.frames):
        part = np.asarray(coloured)[number * SIZE[1] : (number + 1) * SIZE[1]].astype(np.int64) % max(1, count)
        alpha = np.full(part.shape, 255)
        if kind.alpha == "key":
            hole = np.asarray(_drawn(kind, number).getchannel("A")) == 0
            part, alpha = np.where(hole, count, part), np.where(hole, 0, 255)
        colours = palette[np.minimum(part, len(palette) - 1)]
        shown.append(Image.fromarray(np.dstack([colours, alpha]).astype(np.uint8), "RGBA"))
        indices.append(part)
    return indices, [tuple(int(level) for level in colour) for colour in palette], shown


def _png_of_palette(kind: Kind) -> Sample:
    indices, palette, shown = _indexed(kind)
    more = [(b"PLTE", b"".join(bytes(colour) for colour in palette))]
    if kind.alpha == "full":
        alphas = np.linspace(0, 255, len(palette)).astype(np.uint8)
        more.append((b"tRNS", alphas.tobytes()))
        for frame, part in zip(shown, indices, strict=True):
            frame.putalpha(Image.fromarray(alphas[part]))
    write = partial(png, indices[0]) if kind.frames == 1 else partial(apng, indices)
    return Sample(write(kind.depth, *more, colour=png_kit.PALETTE), shown)


def _gif(kind: Kind) -> Sample:
    indices, palette, shown = _indexed(kind)
    nothing, moving = 2**kind.depth - 1, kind.frames > 1
    disposal = 2 if kind.alpha == "key" else 1
    patches = [Patch(0, 0, part.tolist(), disposal, kind.alpha == "key") for part in indices]
    palette = [*palette, *[(0, 0, 0)] * (2**kind.depth - len(palette))]
    data = gif(SIZE, patches, 0 if moving else None, palette=palette, nothing=nothing)
    return Sample(data, shown, 6)  # A smaller picture has a palette of its own.


def _webp(kind: Kind) -> Sample:
    mode = "RGBA" if kind.alpha == "full" else "RGB"
    images = [_drawn(kind, number).convert(mode) for number in range(kind.frames)]
    how = {"lossless": True, "exact": True} if kind.colour == "lossless rgb" else {"quality": 95}
    data = file_of(images if kind.frames > 1 else images[0], "webp", duration=100, **how)
    return Sample(data, [image.convert("RGBA") for image in images], 5)


def _avif(kind: Kind) -> Sample | str:
    if not features.check("avif"):
        return "this Pillow has no AVIF"
    mode = ("L" if kind.colour == "grey" else "RGB") + ("A" if kind.alpha == "full" else "")
    images = [_drawn(kind, number).convert(mode) for number in range(kind.frames)]
    shown = [image.convert("RGBA") for image in images]
    if kind.depth == 8:
        how = {"subsampling": "4:0:0" if kind.colour == "grey" else "4:4:4"}
        saved = shown if mode == "LA" else images
        data = file_of(saved if kind.frames > 1 else saved[0], "avif", quality=95, speed=9, duration=100, **how)
        return Sample(data, shown, 5)
    import pyvips

    samples = _levels(images[0], 16).astype(np.uint16)
    bands = samples.shape[2] if samples.ndim == 3 else 1
    image = pyvips.Image.new_from_memory(samples.tobytes(), *SIZE, bands, "ushort")
    image = image.copy(interpretation="grey16" if bands < 3 else "rgb16")
    try:
        data = bytes(
            image.heifsave_buffer(compression="av1", bitdepth=kind.depth, Q=95, subsample_mode="off", effort=1)
        )
    except pyvips.Error as error:
        return f"libvips writes none here: {error}"
    return Sample(data, shown, 5)


def _tiff(kind: Kind) -> Sample:
    if kind.colour == "palette":
        indices, palette, frames = _indexed(kind)
        if kind.depth < 8:
            return Sample(packed(indices[0], kind.depth, "<", 3, palette), frames)
        frame = Image.fromarray(indices[0].astype(np.uint8), "P")
        frame.putpalette(bytes(level for colour in palette for level in colour))
        return Sample(file_of(frame, "tiff"), frames)
    if kind.colour in ("cmyk", "lab"):
        return _tiff_of_print(kind)
    levels = _bands(kind)
    photometric = {"grey": "minisblack", "white is zero": "miniswhite", "rgb": "rgb"}[kind.colour]
    how: dict[str, Any] = {"photometric": photometric}
    if kind.depth == 32:
        drawn = _drawn(kind)
        values = np.asarray(drawn.convert("RGBA" if kind.alpha == "full" else "RGB")).astype(np.float32) / 255
        light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        light[..., 3:] = values[..., 3:]
        how |= {"extrasamples": ["unassalpha"]} if kind.alpha == "full" else {}
        return Sample(tiff(light.astype(np.float32), **how), [drawn])
    alpha = None
    if kind.alpha != "none":
        alpha = np.round(levels[..., -1] / (2**kind.depth - 1) * 255)
        how["extrasamples"] = ["assocalpha" if kind.alpha == "premultiplied" else "unassalpha"]
    shown = _shown(levels[..., 0] if kind.colour == "grey" and levels.ndim == 3 else levels, kind.depth, alpha)
    if kind.alpha == "premultiplied":
        part = levels[..., -1:] / (2**kind.depth - 1)
        levels = np.dstack([np.round(levels[..., :-1] * part).astype(np.int64), levels[..., -1:]])
    if kind.colour == "white is zero":
        levels = 2**kind.depth - 1 - levels
    if kind.depth < 8:
        return Sample(packed(levels, kind.depth, "<", 0 if kind.colour == "white is zero" else 1), [shown])
    return Sample(tiff(levels.astype(np.uint16 if kind.depth == 16 else np.uint8), **how), [shown])


def _tiff_of_print(kind: Kind) -> Sample:
    if kind.colour == "cmyk":
        samples = _levels(_drawn(kind).convert("CMYK"), kind.depth)
        data = tiff(samples.astype(np.uint16 if kind.depth == 16 else np.uint8), photometric="separated")
        return Sample(data, None, 10)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    lab = np.dstack([20 + 70 * y / SIZE[1], 40 * np.sin(x / 60), 40 * np.cos(x / 45)])
    scale = np.array([655.35, 256, 256] if kind.depth == 16 else [2.55, 1, 1])
    samples = np.round(lab * scale).astype(np.int64)
    data = tiff(samples.astype(np.uint16 if kind.depth == 16 else np.uint8), photometric="cielab")
    return Sample(data, [Image.fromarray(srgb_of_lab(samples / scale)).convert("RGBA")])


def srgb_of_lab(lab: Samples) -> NDArray[np.uint8]:
    """sRGB of CIELAB of D50. http://www.brucelindbloom.com/Eqn_RGB_XYZ_Matrix.html, by Bradford's method"""
    middle = (lab[..., 0] + 16) / 116
    roots = np.dstack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * (0.96422, 1.0, 0.82521)
    to_rgb = [[3.13386, -1.61687, -0.49061], [-0.97877, 1.91614, 0.03345], [0.07195, -0.22899, 1.40524]]
    light = np.clip(xyz @ np.array(to_rgb).T, 0, 1)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(levels * 255).astype(np.uint8))


def _bmp(kind: Kind) -> Sample:
    if kind.colour == "palette":
        indices, palette, shown = _indexed(kind)
        return Sample(bmp_kit.of_few_bits(indices[0], [(c[0], c[1], c[2]) for c in palette], kind.depth), shown)
    drawn = _drawn(kind)
    if kind.depth == 16:
        return Sample(bmp_kit.of_sixteen_bits(drawn), [drawn], 6)
    if kind.alpha == "full":
        return Sample(bmp_kit.bmp(drawn, 5, "BGRA"), [drawn])
    return Sample(file_of(drawn.convert("RGB" if kind.depth == 24 else "RGBA"), "bmp"), [drawn])


def _heic(kind: Kind) -> Sample | str:
    if not pillow_heif.libheif_info()["HEIF"]:
        return "this libheif writes no HEIC"
    mode = ("L" if kind.colour == "grey" else "RGB") + ("A" if kind.alpha == "full" else "")
    drawn = _drawn(kind)
    deep = ";16" if kind.depth > 8 else ""
    image = drawn.convert(mode)
    samples = _levels(image, 16).astype("<u2").tobytes() if deep else image.tobytes()
    pillow_heif.options.SAVE_HDR_TO_12_BIT = kind.depth == 12
    try:
        file = pillow_heif.from_bytes(mode + deep, SIZE, samples)
        written = io.BytesIO()
        file.save(written, quality=95, chroma="444")
    except (ValueError, KeyError) as error:
        return f"pillow-heif writes none here: {error}"
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    white = Image.new("RGBA", SIZE, "white")  # Results are JPEGs.
    white.alpha_composite(drawn)
    return Sample(written.getvalue(), [white], 5)


def _ico(kind: Kind) -> Sample:
    size = (256, 192)
    drawn = _drawn(kind).resize(size)
    if kind.colour == "png":
        return Sample(file_of(drawn, "ico", sizes=[size]), [drawn])
    hole = np.asarray(drawn.getchannel("A")) < 128
    if kind.alpha == "mask":
        drawn.putalpha(Image.fromarray(np.where(hole, 0, 255).astype(np.uint8)))
    return Sample(bmp_kit.icon(drawn, hole, alpha=kind.alpha == "full", bits=kind.depth), [drawn])


_WRITERS: Mapping[str, Callable[[Kind], Sample | str]] = {
    "jpeg": _jpeg,
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "avif": _avif,
    "tiff": _tiff,
    "bmp": _bmp,
    "heic": _heic,
    "ico": _ico,
}
