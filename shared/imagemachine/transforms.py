"""The transforms as small pure functions: picture in, picture out."""

from PIL import Image

from imagemachine.variant import Fit, Turn

_TURNS = {90: Image.Transpose.ROTATE_270, 270: Image.Transpose.ROTATE_90}


def turn(image: Image.Image, transform: Turn) -> Image.Image:
    """`image` turned clockwise, pixel by pixel."""
    return image.transpose(_TURNS[transform.degrees])


def fit(image: Image.Image, transform: Fit) -> Image.Image:
    """`image` resampled into the box, its transparency premultiplied so that edges get no fringe."""
    size = transform.size(*image.size)
    if size == image.size:
        return image
    if image.mode in ("RGBA", "LA"):
        premultiplied = image.convert("RGBa" if image.mode == "RGBA" else "La")
        return premultiplied.resize(size, Image.Resampling.LANCZOS).convert(image.mode)
    return image.resize(size, Image.Resampling.LANCZOS)
