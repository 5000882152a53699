"""libvips, its thumbnailer and its quarter turns."""

import os

os.environ["VIPS_CONCURRENCY"] = "1"  # read when the library starts

import pyvips

from benchmarks.peers.child import Task, serve

_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"GI": ".gif"}
"""By a file's first bytes; AVIF and HEIC begin alike, and a HEIC becomes a JPEG, as with the machine."""
_QUALITY = frozenset({".jpg", ".webp", ".avif"})


def contender(data: bytes, task: Task) -> bytes:
    """As libvips' documentation says to do it: shrink on load, sequential access, in sRGB, no metadata."""
    (format_,) = task.formats  # Of one pipeline it writes one file.
    own = _SUFFIXES.get(data[:2], ".avif" if data[8:12] == b"avif" else ".jpg")
    suffix = own if format_ == "keep" else f".{format_}"
    animated = "[n=-1]" if suffix in (".gif", ".webp") else ""
    image = _turned(data, task, animated) if task.degrees else _fitted(data, task, animated)
    options = {"Q": task.quality} if suffix in _QUALITY else {}
    result: bytes = image.write_to_buffer(suffix, keep="none", **options)
    return result


def _fitted(data: bytes, task: Task, options: str) -> pyvips.Image:
    # One without a profile is taken for sRGB; asked for that, libvips would convert it all the same.
    tagged = pyvips.Image.new_from_buffer(data, options).get_typeof("icc-profile-data") != 0
    how = {"export_profile": "srgb"} if tagged else {}
    if task.cover:
        how["crop"] = "centre"
    return pyvips.Image.thumbnail_buffer(
        data, task.width, height=task.height, size="down", option_string=options.strip("[]"), **how
    )


def _turned(data: bytes, task: Task, options: str) -> pyvips.Image:
    image = pyvips.Image.new_from_buffer(data, options)
    turn = "d90" if task.degrees == 90 else "d270"
    if image.get_n_pages() == 1:
        return image.autorot().rot(turn)
    # libvips holds an animation as one tall picture; the delays travel with it.
    joined = pyvips.Image.arrayjoin([page.rot(turn) for page in image.pagesplit()], across=1)
    joined = joined.copy()
    joined.set_type(pyvips.GValue.array_int_type, "delay", image.get("delay"))
    joined.set_type(pyvips.GValue.gint_type, "loop", image.get("loop"))
    joined.set_type(pyvips.GValue.gint_type, "page-height", image.width)
    return joined


if __name__ == "__main__":
    pyvips.cache_set_max(0)
    serve({"libvips": ".".join(str(pyvips.version(part)) for part in range(3))}, contender)
