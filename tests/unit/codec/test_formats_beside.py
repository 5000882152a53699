"""Several formats of one decode: each is what the variant would make of it alone."""

import numpy as np
import pytest

from imagemachine.formats import FORMATS, codecs
from imagemachine.formats.contract import Header, Wanted
from imagemachine.pictures import Picture
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import file_of, moving, opened, scene

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
UPLOADS = {
    "jpeg": file_of(scene(800, 600), "jpeg", quality=95),
    "jpeg in grey": file_of(scene(800, 600, "L"), "jpeg", quality=95),
    "webp": file_of(scene(800, 600), "webp", quality=95),
    "png": file_of(scene(800, 600, "RGBA"), "png"),
    "gif": file_of(moving(), "gif", duration=70),
    "small": file_of(scene(60, 40), "jpeg", quality=90),
}


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("step", [Fit(200, 200), Turn(90)], ids=["fit", "turn"])
def test_each_is_as_it_is_alone(name: str, step: Fit | Turn) -> None:
    formats = ["keep", "webp", "avif", "jpeg", "png"]
    together = render(Variant("some", [step], 90, formats), UPLOADS[name], LIMITS)
    assert len(together.outputs) == len({output.format for output in together.outputs})
    for output in together.outputs:
        alone = render(Variant("some", [step], 90, [output.format]), UPLOADS[name], LIMITS)
        assert (output.width, output.height, output.frames) == (alone.width, alone.height, alone.frames)
        one, other = (opened(data).frames[0].astype(float) for data in (output.data, alone.data))
        assert np.abs(one - other)[..., :3][other[..., 3] > 0].mean() < 4, output.format


def test_they_come_of_one_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    decode = codecs.decode

    def counted(header: Header, wanted: Wanted) -> Picture:
        decoded.append(wanted)
        return decode(header, wanted)

    monkeypatch.setattr(codecs, "decode", counted)
    made = render(Variant("some", [Fit(200, 200)], formats=["keep", "webp", "avif"]), UPLOADS["jpeg"], LIMITS)
    assert [output.format for output in made.outputs] == ["jpeg", "webp", "avif"]
    assert len(decoded) == 1


def test_what_is_kept_and_named_is_made_once() -> None:
    made = render(Variant("some", [Fit(200, 200)], formats=["keep", "jpeg"]), UPLOADS["jpeg"], LIMITS)
    assert [output.format for output in made.outputs] == ["jpeg"]


def test_each_has_a_quality_of_its_own() -> None:
    formats = ["jpeg", "webp"]
    fine, coarse = (
        render(Variant("some", [Fit(400, 400)], {"jpeg": 95, "webp": webp}, formats), UPLOADS["webp"], LIMITS).outputs
        for webp in (95, 30)
    )
    assert fine[0].data == coarse[0].data
    assert len(coarse[1].data) < len(fine[1].data) / 2


def test_a_format_that_holds_less_does_not_make_the_others_smaller() -> None:
    upload = file_of(scene(17_000, 4), "png")
    made = render(Variant("some", [Turn(90)], formats=["png", "webp"]), upload, LIMITS)
    assert [output.height for output in made.outputs] == [17_000, FORMATS["webp"].largest]
