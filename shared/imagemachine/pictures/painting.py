"""What steps do to pixels that is more than cropping, resizing and turning: each takes an image and gives a new one.

Images are Pillow's, in L, LA, RGB or RGBA, in sRGB.
"""

import io
from functools import cache

from PIL import Image, ImageFilter

from imagemachine.pictures import Colour, Size
from imagemachine.pictures.place import Point, at
from imagemachine.pictures.raster import flattened

_WHITE: Colour = (255, 255, 255)


def padded(image: Image.Image, size: Size, colour: Colour | None) -> Image.Image:
    """`image` in the middle of `size`, on the colour; on nothing where that is None."""
    left, top = at(size, image.size, (0.5, 0.5))
    if colour is None:
        canvas = Image.new("RGBA", size)
        canvas.paste(image.convert("RGBA"), (left, top))
        return canvas
    if image.mode in ("LA", "RGBA"):
        image = flattened(image, colour)
    is_grey = image.mode == "L" and len(set(colour)) == 1
    canvas = Image.new("L", size, colour[0]) if is_grey else Image.new("RGB", size, colour)
    canvas.paste(image, (left, top))
    return canvas


def in_rgb(image: Image.Image) -> Image.Image:
    """`image` in RGB, on white where it is transparent."""
    return (flattened(image, _WHITE) if image.mode in ("LA", "RGBA") else image).convert("RGB")


def sharpened(image: Image.Image, radius: float, amount: float, threshold: int) -> Image.Image:
    """`image` with an unsharp mask added to its colours; its transparency stays."""
    *colours, last = image.split()
    has_alpha = image.mode in ("LA", "RGBA")
    mask = ImageFilter.UnsharpMask(radius, round(100 * amount), threshold)
    if not has_alpha:
        return image.filter(mask)
    return Image.merge(image.mode, [*(colour.filter(mask) for colour in colours), last])


def marked(image: Image.Image, mark: bytes, place: Point, opacity: float, scale: float, margin: int) -> Image.Image:
    """`image` with the mark, a PNG's bytes, over it. A grey picture becomes RGB where the mark is not grey."""
    drawn = _sized(_opened(mark), image.size, scale, margin)
    alpha = drawn.getchannel("A").point([round(level * opacity) for level in range(256)])
    colours = drawn.convert("RGB")
    where = at(image.size, drawn.size, place, margin)
    if image.mode in ("LA", "RGBA"):
        # Over what is transparent as well: the mark itself is then to be seen.
        canvas = image.convert("RGBA")
        colours.putalpha(alpha)
        canvas.alpha_composite(colours, where)
        return canvas
    canvas = image.convert("RGB")
    canvas.paste(colours, where, alpha)
    return canvas


def _sized(mark: Image.Image, picture: Size, scale: float, margin: int) -> Image.Image:
    width = max(1, round(picture[0] * scale))
    height = max(1, round(mark.height * width / mark.width))
    most = max(1, picture[1] - 2 * margin)
    if height > most:
        width, height = max(1, round(mark.width * most / mark.height)), most
    return mark.resize((width, height), Image.Resampling.LANCZOS)


@cache
def _opened(mark: bytes) -> Image.Image:
    """Of the operator's own file, once for all frames of an animation."""
    with Image.open(io.BytesIO(mark), formats=["PNG"]) as image:
        return image.convert("RGBA")
