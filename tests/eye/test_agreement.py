"""All variants of one upload show the same picture, and one that needs no change shows its upload."""

from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from eye.eyes import seen
from eye.table import kinds, sample
from imagemachine.steps import Turn
from pictures_kit import PHOTOGRAPHS, REPORTS, far, rendered, variants

pytest.importorskip("pyvips")

RESIZING = sorted(name for name, variant in variants().items() if not any(isinstance(s, Turn) for s in variant.steps))
FILES = sorted(path for folder in (PHOTOGRAPHS, REPORTS) for path in folder.iterdir() if path.suffix not in (".md", ""))
DRAWN = {str(kind): kind for kind in kinds()}


@cache
def frames(key: str, name: str) -> list[Image.Image]:
    """What the result of a picture of the suite shows in a variant."""
    return seen(rendered(upload(key), name).data)


def upload(key: str) -> bytes:
    if key not in DRAWN:
        return Path(key).read_bytes()
    made = sample(DRAWN[key])
    if isinstance(made, str):
        pytest.skip(made)
    return made.data


def tolerance(key: str) -> float:
    """Of 255: smaller GIFs choose their colours anew, and JPEG's blocks are of another size in each."""
    return 6 if "gif" in key else 5 if ".jpg" in key else 3


every_picture = pytest.mark.parametrize("key", [*map(str, FILES), *DRAWN], ids=lambda key: str(key).rpartition("/")[2])


def same(one: list[Image.Image], other: list[Image.Image], most: float) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.width * b.height == pytest.approx(b.width * a.height, rel=0.02)
        assert far(a, b) <= most


@every_picture
@pytest.mark.parametrize("name", [name for name in RESIZING if name != "web"])
def test_every_size_shows_the_same_picture(key: str, name: str) -> None:
    same(frames(key, name), frames(key, "web"), tolerance(key))


def shows_itself(key: str) -> list[Image.Image]:
    """The upload as libvips sees it; of what it does not read, what has been drawn."""
    made = sample(DRAWN[key]) if key in DRAWN else None
    drawn = made.frames if made is not None and not isinstance(made, str) else None
    return drawn or seen(upload(key))


NOT_FOR_LIBVIPS = ("disposal4", "arithmetic", "first-frame", "pq10", "clap", "grey4")
"""Reports of what libvips, too, shows in another way; each has a test of its own."""


@every_picture
def test_what_is_small_enough_looks_like_its_upload(key: str) -> None:
    if key not in DRAWN and Path(key).name.startswith(NOT_FOR_LIBVIPS):
        pytest.skip("libvips shows it in another way")
    made, wanted = frames(key, "web"), shows_itself(key)
    assert made[0].size == wanted[0].size
    same(made, wanted[: len(made)], 10 if "cmyk" in key else tolerance(key) + 2)
