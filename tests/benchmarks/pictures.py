"""The benchmark's inputs, made from the photographs that ship with the project.

Enlarging a small photograph gives a picture that is smoother than any camera's, and so cheaper to decode. So a scene
is a mosaic of the photographs with a camera's grain over it, and its files have about a photograph's bits per pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from pillow_heif import register_heif_opener

register_heif_opener()

TASKS: dict[str, dict[str, Any]] = {
    "clockwise": {"degrees": 90},
    "counterclockwise": {"degrees": 270},
    "thumbnail": {"width": 320, "height": 320, "quality": 80},
    "web": {"width": 1920, "height": 1920, "quality": 82},
    "mobile": {"width": 828, "height": 828, "quality": 80},
    "720": {"width": 720, "height": 720, "quality": 80},
    "cover": {"width": 200, "height": 200, "quality": 80, "cover": True},
    "as WebP": {"width": 828, "height": 828, "quality": 80, "formats": ["webp"]},
    "as AVIF": {"width": 828, "height": 828, "quality": 80, "formats": ["avif"]},
    "in three formats": {"width": 828, "height": 828, "quality": 80, "formats": ["keep", "webp", "avif"]},
}
"""The five variants, the box of sharp's own benchmark, a square filled, and mobile in other formats."""

SITE = ("cover", "as WebP", "as AVIF", "in three formats")
VARIANTS = ("clockwise", "counterclockwise", "thumbnail", "web", "mobile")

_GRAIN = 3.0
"""Standard deviation of the noise, in levels of 255."""


@dataclass(frozen=True)
class Picture:
    """One input: its name, what is done with it, and how its file is written."""

    name: str
    width: int
    height: int
    format: str
    options: dict[str, Any] = field(default_factory=dict)
    alpha: bool = False
    frames: int = 1
    tasks: tuple[str, ...] = VARIANTS


JPEG: dict[str, Any] = {"quality": 90, "subsampling": "4:2:0"}
AVIF: dict[str, Any] = {"quality": 75, "speed": 8}
"""It is made smaller only: sharp and libvips take seven seconds to write two megapixels of it."""

ALL = (
    Picture("sharp-jpeg", 2725, 2225, "JPEG", JPEG, tasks=("720", "clockwise")),
    Picture("sharp-png", 2048, 1536, "PNG", alpha=True, tasks=("720", "clockwise")),
    Picture("jpeg-2mp", 1632, 1224, "JPEG", JPEG, tasks=(*VARIANTS, *SITE)),
    Picture("jpeg-12mp", 4032, 3024, "JPEG", JPEG, tasks=(*VARIANTS, *SITE)),
    Picture("jpeg-24mp", 6000, 4000, "JPEG", JPEG),
    Picture("jpeg-50mp", 8160, 6120, "JPEG", JPEG),
    Picture("jpeg-12mp-progressive", 4000, 3000, "JPEG", {**JPEG, "progressive": True}),
    Picture("jpeg-12mp-444", 4000, 3000, "JPEG", {**JPEG, "subsampling": "4:4:4"}),
    Picture("png-2mp", 1632, 1224, "PNG", tasks=(*VARIANTS, "cover")),
    Picture("png-12mp", 4032, 3024, "PNG"),
    Picture("png-2mp-alpha", 1632, 1224, "PNG", alpha=True),
    Picture("webp-2mp", 1632, 1224, "WEBP", {"quality": 85}, tasks=(*VARIANTS, "cover")),
    Picture("webp-12mp", 4032, 3024, "WEBP", {"quality": 85}),
    Picture("avif-2mp", 1632, 1224, "AVIF", AVIF, tasks=("thumbnail", "mobile")),
    Picture("avif-12mp", 4032, 3024, "AVIF", AVIF, tasks=("thumbnail", "mobile")),
    Picture("heic-12mp", 4032, 3024, "HEIF", {"quality": 75}),
    Picture("gif-animated", 480, 360, "GIF", {"duration": 80, "loop": 0}, frames=24),
)


def make(picture: Picture, photographs: Path, folder: Path) -> Path:
    """The picture's file in `folder`, made when it is not there yet."""
    path = folder / f"{picture.name}.{picture.format.lower()}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half_done = path.with_suffix(".part")
        _write(picture, _photographs(photographs), half_done)
        half_done.rename(path)
    return path


def named(name: str) -> Picture:
    """One of ALL."""
    return next(picture for picture in ALL if picture.name == name)


def two_megapixels(photographs: Path, folder: Path) -> Path:
    """The usual upload: a JPEG."""
    return make(named("jpeg-2mp"), photographs, folder)


def _write(picture: Picture, photographs: list[Image.Image], path: Path) -> None:
    scene = _scene(photographs, picture.width, picture.height)
    if picture.alpha:
        scene.putalpha(_soft_ellipse(scene.size))
    options = dict(picture.options)
    if picture.frames > 1:
        wide = _scene(photographs, picture.width * 2, picture.height)
        step = picture.width // picture.frames
        frames = [
            wide.crop((left, 0, left + picture.width, picture.height)).quantize(128)
            for left in range(0, step * picture.frames, step)
        ]
        scene = frames[0]
        options |= {"save_all": True, "append_images": frames[1:]}
    scene.save(path, picture.format, **options)


def _scene(photographs: list[Image.Image], width: int, height: int) -> Image.Image:
    columns, rows = 3, 2
    tile = -(-width // columns), -(-height // rows)
    scene = Image.new("RGB", (width, height))
    for number in range(columns * rows):
        photograph = photographs[number % len(photographs)]
        ways: list[Callable[[Image.Image], Image.Image]] = [lambda image: image, ImageOps.mirror]
        fitted = ways[number // len(photographs) % 2](ImageOps.fit(photograph, tile, Image.Resampling.BICUBIC))
        scene.paste(fitted, (number % columns * tile[0], number // columns * tile[1]))
    grain = np.random.default_rng(1).normal(0.0, _GRAIN, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(np.asarray(scene) + grain, 0, 255).astype(np.uint8))


def _soft_ellipse(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((size[0] // 16, size[1] // 16, size[0] * 15 // 16, size[1] * 15 // 16), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(size[0] // 64))


def _photographs(folder: Path) -> list[Image.Image]:
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    return [Image.open(path).convert("RGB") for path in paths]
