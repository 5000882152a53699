"""The transforms as small pure functions: picture in, picture out."""

from PIL import Image

REDUCING_GAP = 3.0
"""Where a picture is more than so many times too large, whole blocks of pixels are averaged first."""


def resized(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """`image`, or its part `box`, resampled to `size` with Lanczos' kernel.

    Pillow premultiplies transparency on the way, so no edge gets a fringe.
    """
    if size != image.size:
        gap = None if image.mode == "I;16" else REDUCING_GAP  # Pillow averages no blocks of 16-bit samples.
        image = image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=gap)
    return image.convert("RGB") if image.mode == "RGBX" else image


def narrowed(image: Image.Image) -> Image.Image:
    """16-bit grey in 8 bits."""
    return Image.frombytes("L", image.size, image.tobytes()[1::2])


def plain(image: Image.Image) -> Image.Image:
    """`image` in a mode that can be resampled: L, LA, RGB, RGBX, RGBA, CMYK, LAB or I;16."""
    if image.mode in ("LA", "RGBX", "RGBA", "CMYK", "LAB", "I;16"):
        return image
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F"):
        return _scaled_to_bytes(image)
    if image.mode == "I;16B":
        swapped = bytearray(image.tobytes())
        swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
        return Image.frombytes("I;16", image.size, bytes(swapped))
    if image.mode in ("P", "PA", "RGBa", "La") or "transparency" in image.info:
        has_alpha = image.mode != "P" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _scaled_to_bytes(image: Image.Image) -> Image.Image:
    """Whole or broken numbers of unknown range as bytes: 0 to 1, 0 to 255 or 0 to 65,535, whichever they fit into."""
    high = max(value for value in image.getextrema() if isinstance(value, (int, float)))
    scale = 255.0 if high <= 1 and image.mode == "F" else 1.0 if high <= 255 else 1 / 257
    return image.convert("F").point(lambda value: value * scale + 0.0).convert("L")
