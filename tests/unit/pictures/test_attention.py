"""What draws the eye and where the detail is, held to what numpy makes of the same measure."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imagemachine import Cover
from imagemachine.pictures.attention import LOOKED, attention, entropy
from imagemachine.pictures.raster import Raster
from pictures_kit import PHOTOGRAPHS

Floats = NDArray[np.float64]
NAMES = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"]


def interest(pixels: NDArray[np.uint8]) -> Floats:
    """libvips' measure: edges of luminance five times, and where it is not dark nearness to skin and a* of CIE Lab."""
    levels = pixels / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[41.24, 35.76, 18.05], [21.26, 71.52, 7.22], [1.93, 11.92, 95.05]])
    xyz = linear @ to_xyz.T
    y = xyz[..., 1]
    around = np.pad(y, 1, mode="edge")
    edges = np.abs(4 * y - around[:-2, 1:-1] - around[2:, 1:-1] - around[1:-1, :-2] - around[1:-1, 2:])
    direction = xyz / np.maximum(np.linalg.norm(xyz, axis=-1, keepdims=True), 1e-12)
    skin = 100 * (1 - np.linalg.norm(direction - [0.78, 0.57, 0.44], axis=-1))
    redness = 500 * (np.cbrt(xyz[..., 0] / 95.047) - np.cbrt(y / 100))
    return np.asarray(5 * edges + np.where(y > 5, skin + redness, 0))


def top_of(scores: Floats, crop: tuple[float, float]) -> tuple[float, float]:
    levels = np.round(255 * np.maximum(scores, 0) / scores.max()).astype(np.uint8)
    radius = max(1, math.hypot(crop[0] * LOOKED, crop[1] * LOOKED) / 10)
    blurred = np.asarray(Image.fromarray(levels).filter(ImageFilter.GaussianBlur(radius)))
    rows, columns = np.nonzero(blurred == blurred.max())
    return columns.mean() / LOOKED, rows.mean() / LOOKED


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    dark=st.sampled_from([0.08, 0.3, 1.0]),
    crop=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
)
def test_attention_is_the_top_of_its_measure(seed: int, dark: float, crop: tuple[float, float]) -> None:
    chance = np.random.default_rng(seed)
    coarse = (chance.random((6, 5, 3)) * 255 * dark).astype(np.uint8)
    small = Image.fromarray(coarse).resize((LOOKED, LOOKED), Image.Resampling.BICUBIC)
    assert attention(small, crop) == pytest.approx(top_of(interest(np.asarray(small)), crop), abs=0.005)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("crop", [(0.5, 0.5), (1.0, 0.1), (0.02, 0.02)])
def test_attention_to_photographs_is_the_top_of_its_measure(name: str, crop: tuple[float, float]) -> None:
    small = Image.open(PHOTOGRAPHS / name).convert("RGB").resize((LOOKED, LOOKED), Image.Resampling.LANCZOS)
    assert attention(small, crop) == pytest.approx(top_of(interest(np.asarray(small)), crop), abs=0.005)


@pytest.mark.parametrize("colour", [(0, 0, 0), (0, 60, 0)])
def test_where_nothing_is_of_interest_it_is_the_middle(colour: tuple[int, int, int]) -> None:
    assert attention(Image.new("RGB", (LOOKED, LOOKED), colour), (0.5, 0.5)) == (0.5, 0.5)


def information(strip: NDArray[np.uint8]) -> float:
    shares = np.bincount(strip.ravel(), minlength=256) / strip.size
    return float(-sum(share * math.log2(share) for share in shares if share))


def by_entropy(grey: NDArray[np.uint8], crop: tuple[int, int]) -> tuple[int, int]:
    """libvips' smart crop: from both ends an eighth of what has to go, at whichever there is less information."""
    starts = []
    for axis, wanted in ((1, crop[0]), (0, crop[1])):
        start, end = 0, grey.shape[axis]
        at_once = max(1, -(-(end - wanted) // 8))
        while end - start > wanted:
            strip = min(at_once, end - start - wanted)
            first, last = (
                information(np.take(grey, range(*part), axis=axis))
                for part in ((start, start + strip), (end - strip, end))
            )
            start, end = (start + strip, end) if first < last else (start, end - strip)
        starts.append(start)
        grey = np.take(grey, range(start, end), axis=axis)
    return starts[0], starts[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("crop", [(100, 60), (7, 60), (130, 1), (128, 61), (33, 33)])
def test_entropy_cuts_off_strips_with_less_information(name: str, crop: tuple[int, int]) -> None:
    grey = Image.open(PHOTOGRAPHS / name).convert("L").resize((137, 97))
    assert entropy(grey, crop) == by_entropy(np.asarray(grey), crop)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("box", "focus"), [((100, 100), "entropy"), ((300, 40), "entropy"), ((50, 170), "attention")])
def test_a_cover_lies_where_its_measure_says(name: str, box: tuple[int, int], focus: str) -> None:
    """It looks at 256 pixels of the longer side, or at 32 a side, and its part stays within the picture."""
    image = Image.open(PHOTOGRAPHS / name).convert("RGB")
    scale = max(box[0] / image.width, box[1] / image.height)
    part = box[0] / scale, box[1] / scale
    if focus == "entropy":
        shrink = 256 / max(image.size)
        small = image.resize((round(image.width * shrink), round(image.height * shrink)), Image.Resampling.LANCZOS)
        crop = min(small.width, round(part[0] * shrink)), min(small.height, round(part[1] * shrink))
        found = by_entropy(np.asarray(small.convert("L")), crop)
        wanted = [
            min(start / shrink, side - length) for start, side, length in zip(found, image.size, part, strict=True)
        ]
    else:
        small = Raster.of(image).resized((LOOKED, LOOKED)).as_raster().pixels()
        point = top_of(interest(np.asarray(small)), (part[0] / image.width, part[1] / image.height))
        wanted = [
            min(max(0.0, side * share - length / 2), side - length)
            for side, length, share in zip(image.size, part, point, strict=True)
        ]
    made = Cover(*box, focus=focus).apply(Raster.of(image))
    left, top, width, height = made.view.part  # type: ignore[attr-defined]
    assert (width, height) == pytest.approx(part)
    # Reducing on the way moves levels by one, which may choose another strip's end.
    assert (left, top) == pytest.approx(wanted, abs=1)
    assert left + width <= image.width + 1e-9
    assert top + height <= image.height + 1e-9
