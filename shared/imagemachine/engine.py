"""What does the pixel work: which build of the image, or which packages where there is none."""

import json
import os
import sys
from functools import cache

_BUILD = "/usr/share/image-machine/build.json"
"""What the base image's self-test has found in it; a process without an image has no such file."""
_PACKAGES = ("pillow", "turbojpeg", "pyturbojpeg")
"""Beginnings of the names, as their folders are called, of the packages that decide about pixels."""


@cache
def engine() -> str:
    """The build and the versions of its libraries: the same engine makes the same result of the same recipe."""
    try:
        with open(_BUILD) as file:  # noqa: PTH123 - pathlib takes 2 ms to load
            build = json.load(file)
    except FileNotFoundError:
        return f"process {' '.join(sorted(_installed()))}"
    return json.dumps(build, sort_keys=True)


def _installed() -> set[str]:
    """Name and version of the packages, as pip has left them on the path: to ask for them would load ten modules."""
    found = set()
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208 - as above
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info") and name.lower().startswith(_PACKAGES):
                found.add(name.removesuffix(".dist-info"))
    return found
