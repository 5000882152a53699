"""A program: opens the pictures it is told of, answers with what they are, makes small ones of those that need it.

A request per line on standard input, `["<file>", "<preview>", <always>]`; an answer to each on standard output,
`{"width": ..., "height": ..., "frames": ..., "transparent": ..., "format": ...}`, both JSON. The preview, a small WebP,
is written where the file is large, or no browser shows it, or always. It is a process of its own, and one with little
to its name, because the pictures may be anybody's.
"""

import json
import os
import resource
import sys
import warnings
from pathlib import Path

import pillow_heif
from PIL import Image, ImageOps

SHOWN_BY_BROWSERS = frozenset({"AVIF", "BMP", "GIF", "ICO", "JPEG", "MPO", "PNG", "WEBP"})
PREVIEW_SIZE = (640, 640)
LARGE_PIXELS = 2_500_000
LARGE_BYTES = 700_000
"""With more, a browser that shows a hundred at once is better off with a small picture."""
MEMORY = 2 * 1024**3
CPU_SECONDS = 60
"""For one picture."""

_ORIENTATION = 0x0112
_LYING = frozenset({5, 6, 7, 8})


def look(file: Path, preview: Path, always: bool) -> dict[str, int | bool | str | None]:
    """What inspector.Seen says of `file`; writes `preview` where there is need of it."""
    with file.open("rb") as opened, Image.open(opened) as picture:
        seen = {
            "width": picture.width,
            "height": picture.height,
            "frames": getattr(picture, "n_frames", 1),
            "transparent": picture.has_transparency_data,
            "format": picture.format,
        }
        if picture.getexif().get(_ORIENTATION) in _LYING:
            seen |= {"width": picture.height, "height": picture.width}
        large = picture.width * picture.height > LARGE_PIXELS or os.fstat(opened.fileno()).st_size > LARGE_BYTES
        if always or large or picture.format not in SHOWN_BY_BROWSERS:
            _write(picture, preview)
        return seen


def _write(picture: Image.Image, preview: Path) -> None:
    picture.seek(0)
    # First, and no larger than needed: a JPEG is then decoded at a fraction of its size.
    picture.thumbnail(PREVIEW_SIZE, reducing_gap=1.0)
    small = ImageOps.exif_transpose(picture)
    small.convert("RGBA" if small.has_transparency_data else "RGB").save(preview, "WEBP", quality=78, method=0)


def main() -> None:
    """Answer requests until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    pillow_heif.register_heif_opener()
    for line in sys.stdin:
        _allow(CPU_SECONDS)
        try:
            file, preview, always = json.loads(line)
            answer = look(Path(file), Path(preview), always)
        except Exception:  # noqa: BLE001 - whatever a picture does to Pillow, it cannot be seen
            answer = {}
        print(json.dumps(answer), flush=True)


def _allow(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
