"""Pictures for tests, drawn here, and what is in a picture file as numbers."""

import io
import runpy
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw

from imagemachine.render import render
from imagemachine.settings import Settings
from imagemachine.variant import Limits, Made, Turn, Variant

LIMITS = Limits(max_bytes=Settings.max_bytes, max_pixels=Settings.max_pixels)
OF_THE_IMAGES = "needs the images' own libraries"
"""Why a test is skipped that tries what docker/base/patches add; the tests end with how many these are."""
PHOTOGRAPHS = Path(__file__).parent / "pictures"
REPORTS = PHOTOGRAPHS / "reports"
"""Inputs of kinds that users have reported; what is right for each is in TRUTH.md there."""
Pixels = NDArray[np.uint8]


def scene(width: int = 96, height: int = 64, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A picture in which every corner and every direction is different; with alpha, its edges are soft."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    round_ = Image.radial_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (across, down, round_))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width * 0.08, height * 0.1, width * 0.35, height * 0.3), fill=(230, 30, 40))
    draw.ellipse((width * 0.5, height * 0.5, width * 0.9, height * 0.8), fill=(20, 60, 220))
    draw.line((0, height - 1, width * 0.4, height * 0.6), fill=(250, 240, 30), width=max(1, width // 40))
    if seed:
        box = (width * 0.1 * seed % width, height * 0.6, width * 0.1 * seed % width + 12, height * 0.6 + 12)
        draw.ellipse(box, fill=(40 * seed % 256, 255, 120))
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.radial_gradient("L").resize((width, height)).point(lambda value: 255 - value))
    return picture.convert(mode)


def moving(count: int = 5, mode: str = "RGBA", size: tuple[int, int] = (96, 64)) -> list[Image.Image]:
    """Frames in which one thing moves; with alpha, on nothing at all."""
    frames = []
    for number in range(count):
        frame = scene(*size) if mode == "RGB" else Image.new("RGBA", size)
        left = 8 + 12 * number
        ImageDraw.Draw(frame).ellipse((left, 20, left + 20, 40), fill=(255, 40 * number, 0))
        frames.append(frame.convert(mode))
    return frames


def file_of(image: Image.Image | list[Image.Image], format_name: str, **options: Any) -> bytes:
    """The file of a picture, or of an animation of several."""
    first, *others = image if isinstance(image, list) else [image]
    if others:
        options |= {"save_all": True, "append_images": others}
    stream = io.BytesIO()
    first.save(stream, {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF"}.get(format_name, format_name.upper()), **options)
    return stream.getvalue()


def exif_of(orientation: int = 1, **tags: Any) -> bytes:
    """An Exif block; tags by number, as `t315=...`."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, value in tags.items():
        exif[int(name.removeprefix("t"))] = value
    return exif.tobytes()


def lying(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as a camera would store it that then claims `orientation`."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return image.transpose(undo[orientation]) if orientation in undo else image


@dataclass(frozen=True)
class Opened:
    """A picture file as Pillow shows it."""

    mode: str
    size: tuple[int, int]
    frames: list[Pixels]
    """RGBA."""
    durations: list[float]
    """Milliseconds; 0 where the file says nothing."""
    loop: int | None
    info: dict[str | tuple[int, int], Any]


def opened(data: bytes) -> Opened:
    """Decode a picture file whole."""
    image = Image.open(io.BytesIO(data))
    frames, durations = [], []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(_rgba(image))
        durations.append(float(image.info.get("duration") or 0))
    image.seek(0)
    return Opened(image.mode, image.size, frames, durations, image.info.get("loop"), dict(image.info))


def _rgba(image: Image.Image) -> Pixels:
    if image.mode == "I;16":  # Pillow would cut off whatever is more than 255.
        image = Image.frombytes("L", image.size, image.tobytes()[1::2])
    return np.asarray(image.convert("RGBA"))


def turned(pixels: Pixels, degrees: int) -> Pixels:
    """The pixels turned clockwise."""
    return np.rot90(pixels, -degrees // 90)


def furthest(one: NDArray[Any], other: NDArray[Any]) -> int:
    """The largest difference of any two numbers; pictures of different shape are infinitely far apart."""
    if one.shape != other.shape:
        return 1_000_000
    return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())


@cache
def variants() -> dict[str, Variant]:
    """What the folders of `images/` make, by name, without their functions being started."""
    found = {}
    with patch("imagemachine.bootstrap.function", lambda variant: variant):
        for app in sorted(Path(__file__).parents[1].glob("images/*/app.py")):
            found[app.parent.name] = runpy.run_path(str(app))["handler"]
    return found


def rendered(data: bytes, name: str) -> Made:
    """The result of one of `variants`."""
    return render(variants()[name], data, LIMITS)


def as_lying(made: bytes, name: str) -> Image.Image:
    """A result's first frame as it is seen, turned back where the variant turns: to be laid beside its upload."""
    return as_seen(made).rotate(turn_of(name), expand=True)


def turn_of(name: str) -> int:
    """Degrees by which a variant turns clockwise."""
    return sum(step.degrees for step in variants()[name].steps if isinstance(step, Turn))


def as_seen(data: bytes) -> Image.Image:
    """A picture file's first frame in sRGB, as RGBA: by libvips where it is there and reads it, else by Pillow."""
    with suppress(ImportError):
        import pyvips

        with suppress(pyvips.Error):
            return _by_libvips(pyvips.Image.new_from_buffer(data, ""))
    image = Image.open(io.BytesIO(data))
    if image.mode == "LAB":
        in_srgb = ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        assert in_srgb is not None
        return in_srgb.convert("RGBA")
    profile = image.info.get("icc_profile")
    rgba = Image.fromarray(_rgba(image))
    if profile and image.mode in ("RGB", "RGBA"):
        source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        colours = ImageCms.profileToProfile(rgba.convert("RGB"), source, srgb, outputMode="RGB")
        assert colours is not None
        colours.putalpha(rgba.getchannel("A"))
        return colours
    return rgba


def _by_libvips(image: Any) -> Image.Image:
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True, intent="perceptual")
    image = image.autorot().colourspace("srgb").cast("uchar")
    if image.bands in (1, 2):
        grey = image[0]
        image = grey.bandjoin([grey, grey, *([image[1]] if image.bands == 2 else [])])
    if image.bands == 3:
        image = image.bandjoin(255)
    return Image.frombytes("RGBA", (image.width, image.height), bytes(image.write_to_memory()))


def far(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two RGBA pictures, on black or on white, whichever is more, at the smaller one's size."""
    size = min(one.size, other.size)
    found = []
    for ground in ("black", "white"):
        on_it = []
        for picture in (one, other):
            canvas = Image.new("RGBA", picture.size, ground)
            canvas.alpha_composite(picture)
            on_it.append(np.asarray(canvas.convert("RGB").resize(size, Image.Resampling.LANCZOS), float))
        found.append(float(np.abs(on_it[0] - on_it[1]).mean()))
    return max(found)


def as_seen_by(eye: str, data: bytes) -> list[Image.Image]:
    """Every frame of a picture file as `pillow` or `libvips` shows it, RGBA."""
    if eye == "pillow":
        return [Image.fromarray(frame) for frame in opened(data).frames]
    import pytest

    pyvips = pytest.importorskip("pyvips")
    several = {"n": -1} if data[:3] == b"GIF" or data[:4] == b"RIFF" or data[4:8] == b"ftyp" else {}
    image = pyvips.Image.new_from_buffer(data, "", **several)
    height = image.get("page-height") if several and image.get_typeof("page-height") else image.height
    whole = _by_libvips(image)
    return [whole.crop((0, top, whole.width, top + height)) for top in range(0, whole.height, height)]
