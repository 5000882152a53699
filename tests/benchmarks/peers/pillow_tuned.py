"""Plain Pillow as someone who knows it would use it: decoding smaller, transposing, every frame."""

import io

import PIL
from PIL import Image, ImageOps, ImageSequence

from benchmarks.peers.child import Task, serve

_GAP = 1.5
"""Times the result's size that a JPEG is decoded at, at least."""


def contender(data: bytes, task: Task) -> bytes:
    """The best that plain Pillow does without giving up pixels."""
    (format_,) = task.formats
    image = Image.open(io.BytesIO(data))
    animated = getattr(image, "is_animated", False)
    if not task.degrees:
        image.draft(None, (round(task.width * _GAP), round(task.height * _GAP)))
    frames = [_made(frame, task) for frame in (ImageSequence.Iterator(image) if animated else [image])]
    buffer = io.BytesIO()
    if animated:
        frames[0].save(buffer, image.format, quality=task.quality, save_all=True, append_images=frames[1:])
    else:
        frames[0].save(buffer, image.format if format_ == "keep" else format_, quality=task.quality)
    return buffer.getvalue()


def _made(frame: Image.Image, task: Task) -> Image.Image:
    frame = ImageOps.exif_transpose(frame)
    if frame.mode == "P":
        frame = frame.convert("RGBA" if "transparency" in frame.info else "RGB")
    if task.degrees:
        return frame.transpose(Image.Transpose.ROTATE_270 if task.degrees == 90 else Image.Transpose.ROTATE_90)
    if task.cover:
        return ImageOps.fit(frame, (task.width, task.height), Image.Resampling.LANCZOS)
    box = min(task.width, frame.width), min(task.height, frame.height)
    return ImageOps.contain(frame, box, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    serve({"Pillow": PIL.__version__}, contender)
