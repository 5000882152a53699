"""A program: opens the pictures it is told of, answers with their sizes, makes previews where browsers need them.

A request per line on standard input, `["<file>", "<preview>"]`; an answer to each on standard output,
`{"width": ..., "height": ..., "frames": ..., "transparent": ...}`, both JSON. It is a process of its own, and one
with little to its name, because the pictures may be anybody's.
"""

import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import pillow_heif
from PIL import Image, ImageOps

SHOWN_BY_BROWSERS = frozenset({"AVIF", "BMP", "GIF", "ICO", "JPEG", "MPO", "PNG", "WEBP"})
PREVIEW_SIZE = (1280, 1280)
MEMORY = 2 * 1024**3
CPU_SECONDS = 60
"""For one picture."""

_ORIENTATION = 0x0112
_LYING = frozenset({5, 6, 7, 8})


def look(file: Path, preview: Path) -> dict[str, int | bool]:
    """What inspector.Seen says of `file`; writes `preview`, a WebP, if no browser shows `file`."""
    with file.open("rb") as opened, _opened(opened) as picture:
        width, height = picture.size
        if picture.getexif().get(_ORIENTATION) in _LYING:
            width, height = height, width
        frames = getattr(picture, "n_frames", 1)
        transparent = picture.has_transparency_data
        if picture.format not in SHOWN_BY_BROWSERS:
            _write(picture, preview)
        return {"width": width, "height": height, "frames": frames, "transparent": transparent}


def _opened(file: BinaryIO) -> Image.Image:
    if hasattr(os, "posix_fadvise"):
        # Nearly always the first few kilobytes are enough, and results are not in memory; see disk.py.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
    return Image.open(file)


def _write(picture: Image.Image, preview: Path) -> None:
    picture.seek(0)
    small = ImageOps.exif_transpose(picture)
    small.thumbnail(PREVIEW_SIZE)
    small.convert("RGBA" if small.has_transparency_data else "RGB").save(preview, "WEBP", quality=80)


def main() -> None:
    """Answer requests until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    pillow_heif.register_heif_opener()
    for line in sys.stdin:
        _allow(CPU_SECONDS)
        try:
            answer = look(*map(Path, json.loads(line)))
        except Exception:  # noqa: BLE001 - whatever a picture does to Pillow, it cannot be seen
            answer = {}
        print(json.dumps(answer), flush=True)


def _allow(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
