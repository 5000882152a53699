"""Several formats of one decode, and what is said of a result beside its pixels."""

import base64
import io
from typing import Any

import pytest
from PIL import Image, features

from imagemachine import Cover, Fit, Turn, Variant
from imagemachine.formats import codecs
from imagemachine.render import render
from imagemachine.variant import Limits
from pictures_kit import file_of, moving, opened, scene

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
FORMATS = ["keep", "webp", *(["avif"] if features.check("avif") else [])]
UPLOADS = {
    "jpeg": file_of(scene(300, 200), "jpeg", quality=90),
    "png with transparency": file_of(scene(300, 200, mode="RGBA"), "png"),
    "webp": file_of(scene(300, 200), "webp"),
    "gif animation": file_of(moving(), "gif", duration=80, loop=0, disposal=2),
}


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("step", [Fit(80, 80), Fit(1000, 1000), Cover(64, 64)], ids=str)
def test_every_format_is_what_it_would_be_alone(name: str, step: Fit | Cover) -> None:
    made = render(Variant("hero", [step], formats=FORMATS), UPLOADS[name], LIMITS)
    names = [output.format for output in made.outputs]
    assert len(set(names)) == len(names)
    for output in made.outputs:
        (alone,) = render(Variant("hero", [step], formats=[output.format]), UPLOADS[name], LIMITS).outputs
        together, by_itself = opened(output.data), opened(alone.data)
        assert (together.size, len(together.frames)) == (by_itself.size, len(by_itself.frames))
        for one, other in zip(together.frames, by_itself.frames, strict=True):
            # Planes are kept where the upload's own format is the result's, and mixed where it is not.
            assert abs(one[..., 3].astype(int) - other[..., 3]).mean() < 2
            seen = one[..., 3] > 0
            assert abs(one[seen].astype(int) - other[seen]).mean() < 4


def test_an_upload_is_decoded_once_whatever_is_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    decode = codecs.decode

    def counted(*asked: Any) -> Any:
        decoded.append(asked)
        return decode(*asked)

    monkeypatch.setattr(codecs, "decode", counted)
    made = render(Variant("hero", [Fit(80, 80)], formats=FORMATS), UPLOADS["jpeg"], LIMITS)
    assert (len(made.outputs), len(decoded)) == (len(FORMATS), 1)


def test_an_upload_of_a_further_format_has_that_once() -> None:
    made = render(Variant("hero", [Fit(80, 80)], formats=["keep", "webp"]), UPLOADS["webp"], LIMITS)
    assert [output.format for output in made.outputs] == ["webp"]


@pytest.mark.parametrize("name", UPLOADS)
def test_a_result_that_was_decoded_has_a_colour_and_a_placeholder(name: str) -> None:
    made = render(Variant("hero", [Fit(40, 40)]), UPLOADS[name], LIMITS)
    assert len(made.colour) == 7
    assert 5 < len(base64.b64decode(made.placeholder)) <= 26


@pytest.mark.parametrize(("mode", "format_name"), [("RGB", "jpeg"), ("RGB", "png"), ("RGB", "webp"), ("L", "jpeg")])
def test_the_colour_is_the_pictures(mode: str, format_name: str) -> None:
    plain = Image.new("RGB", (200, 150), (180, 60, 90)).convert(mode)
    wanted = plain.convert("RGB").tobytes()[:3]
    made = render(Variant("hero", [Fit(40, 40)]), file_of(plain, format_name), LIMITS)
    assert max(abs(a - b) for a, b in zip(bytes.fromhex(made.colour[1:]), wanted, strict=True)) <= 4


def test_what_needs_no_decoding_is_not_decoded_for_them() -> None:
    made = render(Variant("clockwise", [Turn(90)]), UPLOADS["png with transparency"], LIMITS)
    assert (made.colour, made.placeholder) == ("", "")
    assert Image.open(io.BytesIO(made.data)).size == (200, 300)
