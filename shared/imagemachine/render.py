"""The story of a picture, from the upload's bytes to the result's."""

import PIL
from PIL import Image, ImageOps, ImageSequence

from imagemachine.codec.decode import open_picture, picture_errors
from imagemachine.codec.encode import encode
from imagemachine.codec.identify import identify
from imagemachine.errors import Reason, Rejected
from imagemachine.formats import FORMATS
from imagemachine.transforms import fit, turn
from imagemachine.variant import Limits, Made, Turn, Variant

ENGINE = f"pillow {PIL.__version__}"


def render(variant: Variant, data: bytes | memoryview, limits: Limits) -> Made:
    """The variant of the picture file `data`.

    Raises Rejected with the reason and one sentence when there can be none.
    """
    if len(data) > limits.max_bytes:
        raise Rejected(
            Reason.TOO_MANY_BYTES,
            f"The file has {len(data):,} bytes, more than the {limits.max_bytes:,} allowed; upload a smaller one.",
        )
    data = bytes(data)
    source = identify(data)
    image = open_picture(data, source, limits)
    target = _target(variant, source)
    with picture_errors(source):
        if not FORMATS[target].animation:
            image.load()
            sequence: list[Image.Image] = [image]
        else:
            sequence = [frame.copy() for frame in ImageSequence.Iterator(image)]
        frames = [_transformed(variant, frame) for frame in sequence]
    made = encode(frames, target, variant.quality, variant.background)
    return Made(made, target, *frames[0].size, frames=len(frames), engine=ENGINE)


def _target(variant: Variant, source: str) -> str:
    wanted = source if variant.format == "keep" else variant.format
    return wanted if FORMATS[wanted].writable else FORMATS[wanted].fallback


def _transformed(variant: Variant, frame: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(frame)
    if upright.mode in ("P", "1", "PA") or "transparency" in upright.info:
        upright = upright.convert("RGBA")
    made = turn(upright, variant.transform) if isinstance(variant.transform, Turn) else fit(upright, variant.transform)
    made.info = {key: upright.info[key] for key in ("duration", "loop") if key in upright.info}
    return made
