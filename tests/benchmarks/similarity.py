"""How like two pictures are: structural similarity (SSIM), and the full-decode reference to compare with.

Source of the measure: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
similarity", IEEE Transactions on Image Processing, 2004; here with a flat window of 8 x 8 pixels, on luminance.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

_WINDOW = 8
_LARGEST = 2048
"""Pixels of a side: the measure takes many times the memory of what it looks at."""
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

Plane = npt.NDArray[np.float64]


def reference(source: Path, task: dict[str, Any], size: tuple[int, int]) -> Image.Image:
    """What the task should give at `size`: decoded whole, Lanczos, in sRGB where it is resized, never encoded.

    Of an animation, the first frame.
    """
    with Image.open(source) as image:
        upright = ImageOps.exif_transpose(image)
        if "degrees" not in task and upright.mode in ("RGB", "CMYK") and (icc := image.info.get("icc_profile")):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            conversion = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), upright.mode, "RGB")
            upright = conversion.apply(upright)
        if upright.mode == "P":
            upright = upright.convert("RGBA")
        if degrees := task.get("degrees"):
            turn = Image.Transpose.ROTATE_270 if degrees == 90 else Image.Transpose.ROTATE_90
            return upright.transpose(turn)
        if task.get("cover"):
            return ImageOps.fit(upright, size, Image.Resampling.LANCZOS)
        return upright.resize(size, Image.Resampling.LANCZOS)


def ssim(a: Image.Image, b: Image.Image) -> float:
    """1.0 for equal pictures; of large ones the middle is looked at. Raises ValueError where the sizes differ."""
    if a.size != b.size:
        raise ValueError(f"{a.size} and {b.size} cannot be compared")
    middle = _middle(*a.size)
    x, y = _luminance(a.crop(middle)), _luminance(b.crop(middle))
    mean_x, mean_y = _means(x), _means(y)
    variance_x = _means(x * x) - mean_x**2
    variance_y = _means(y * y) - mean_y**2
    covariance = _means(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return float((luminance * structure).mean())


def _middle(width: int, height: int) -> tuple[int, int, int, int]:
    left, top = max(0, (width - _LARGEST) // 2), max(0, (height - _LARGEST) // 2)
    return left, top, min(width, left + _LARGEST), min(height, top + _LARGEST)


def _luminance(image: Image.Image) -> Plane:
    """Over mid-grey where the picture is transparent."""
    if image.mode == "P":
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA"):
        backdrop = Image.new("RGBA", image.size, (128, 128, 128, 255))
        image = Image.alpha_composite(backdrop, image.convert("RGBA"))
    return np.asarray(image.convert("RGB").convert("L"), dtype=np.float64)


def _means(plane: Plane) -> Plane:
    """The mean of every window, by differences of a summed area."""
    window = min(_WINDOW, *plane.shape)
    summed = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = (
        summed[window:, window:] - summed[:-window, window:] - summed[window:, :-window] + summed[:-window, :-window]
    )
    means: Plane = boxes / window**2
    return means
