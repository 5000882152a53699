"""Writing a picture."""

import io

from PIL import Image

from imagemachine.formats import FORMATS


def encode(frames: list[Image.Image], format_name: str, quality: int, background: tuple[int, int, int]) -> bytes:
    """The file of `frames` in the format, flattened on `background` where it has no transparency."""
    if not FORMATS[format_name].alpha:
        frames = [_flattened(frame, background) for frame in frames]
    options: dict[str, object] = {}
    if FORMATS[format_name].quality:
        options["quality"] = quality
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:]}
        options |= {"duration": [frame.info.get("duration", 0) for frame in frames], "loop": frames[0].info.get("loop", 0)}
    stream = io.BytesIO()
    frames[0].save(stream, format_name.upper(), **options)
    return stream.getvalue()


def _flattened(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")
    image = image.convert("RGBA")
    canvas = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(canvas, image).convert("RGB")
