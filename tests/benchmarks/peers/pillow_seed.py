"""Plain Pillow as a first handler uses it: `thumbnail`, `rotate`, one frame."""

import io

import PIL
from PIL import Image, ImageOps

from benchmarks.peers.child import Task, serve


def contender(data: bytes, task: Task) -> bytes:
    """The picture as most handlers on the web would make it."""
    image: Image.Image = Image.open(io.BytesIO(data))
    own = image.format
    (format_,) = task.formats
    if task.cover:
        image = ImageOps.fit(image, (task.width, task.height))
    elif task.degrees:
        image = image.rotate(-task.degrees, expand=True)
    else:
        image.thumbnail((task.width, task.height))
    buffer = io.BytesIO()
    image.save(buffer, own if format_ == "keep" else format_, quality=task.quality)
    return buffer.getvalue()


if __name__ == "__main__":
    serve({"Pillow": PIL.__version__}, contender)
