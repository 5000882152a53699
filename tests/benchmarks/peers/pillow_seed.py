"""Plain Pillow as a first handler uses it: `thumbnail`, `rotate`, one frame."""

import io

import PIL
from PIL import Image

from benchmarks.peers.child import Task, serve


def contender(data: bytes, task: Task) -> bytes:
    """The picture as most handlers on the web would make it."""
    image: Image.Image = Image.open(io.BytesIO(data))
    format_ = image.format
    if task.degrees:
        image = image.rotate(-task.degrees, expand=True)
    else:
        image.thumbnail((task.width, task.height))
    buffer = io.BytesIO()
    image.save(buffer, format_, quality=task.quality)
    return buffer.getvalue()


if __name__ == "__main__":
    serve({"Pillow": PIL.__version__}, contender)
