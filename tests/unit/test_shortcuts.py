"""Every shortcut can be left out, to a result that is as good; and the command that measures them knows each."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import ablation, compare
from imagemachine.render import render
from imagemachine.shortcuts import Shortcut, taken, without
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import PHOTOGRAPHS, file_of

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
VARIANTS = [Variant("some", [Fit(90, 90)]), Variant("larger", [Fit(400, 400)]), Variant("turned", [Turn(90)])]
PHOTOGRAPH = Image.open(PHOTOGRAPHS / "coffee.png").convert("RGB")
UPLOADS = {
    "jpeg": file_of(PHOTOGRAPH, "jpeg", quality=92),
    "jpeg of whole blocks": file_of(PHOTOGRAPH.resize((640, 480)), "jpeg", quality=92),
    "png": file_of(PHOTOGRAPH, "png"),
    "png with transparency": file_of(PHOTOGRAPH.convert("RGBA"), "png"),
    "webp": file_of(PHOTOGRAPH, "webp", quality=92),
}


def test_all_are_taken_but_those_left_out() -> None:
    assert all(map(taken, Shortcut))
    with without(Shortcut.PLANES), without(Shortcut.LIBWEBP):
        assert not taken(Shortcut.PLANES)
        assert {each for each in Shortcut if not taken(each)} == {Shortcut.PLANES, Shortcut.LIBWEBP}
    assert all(map(taken, Shortcut))


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("shortcut", Shortcut)
def test_the_plain_way_makes_the_same_picture(shortcut: Shortcut, name: str) -> None:
    for variant in VARIANTS:
        made = render(variant, UPLOADS[name], LIMITS)
        with without(shortcut):
            plain = render(variant, UPLOADS[name], LIMITS)
        assert (plain.width, plain.height, plain.format) == (made.width, made.height, made.format)
        one, other = (np.asarray(Image.open(io.BytesIO(data.data)).convert("RGB"), float) for data in (made, plain))
        # At a sixth of its size each way of averaging shows; another picture would differ by 40 and more.
        assert np.abs(one - other).mean() < 6


@pytest.mark.parametrize("shortcut", Shortcut)
def test_the_code_of_each_is_known(shortcut: Shortcut) -> None:
    assert ablation.lines_of(shortcut) > 0


def test_a_table_says_what_earns_its_place() -> None:
    def cell(contender: str, seconds: float) -> compare.Cell:
        spread = compare.Spread(seconds, seconds, seconds, seconds)
        return compare.Cell("jpeg-12mp", "web", contender, cpu=spread)

    cells = [cell("all", 0.010), cell("planes", 0.012), cell("in-place", 0.0104), cell("sharp", 0.020)]
    rows = ablation.table(cells, ["all", "planes", "in-place", "sharp"]).splitlines()[2:]
    assert [[part.strip() for part in row.strip("|").split("|")][2:] for row in rows] == [
        ["10.0", ""],
        ["1.20", "earns"],
        ["1.04", "goes"],
        ["0.50", ""],
    ]
