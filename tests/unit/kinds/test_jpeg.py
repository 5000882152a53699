"""JPEGs that are not quite as they should be: coded arithmetically, without their end, with something behind it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagemachine.errors import Reason, Rejected
from imagemachine.formats.jpeg import turbojpeg
from pictures_kit import PHOTOGRAPHS, REPORTS, as_lying, far, file_of, rendered, scene, variants

every_variant = pytest.mark.parametrize("name", variants())
by_turbojpeg = pytest.mark.skipif(not turbojpeg.available, reason="there is no libturbojpeg")
some = settings(max_examples=10, deadline=None)


def jpegs(progressive: bool | None = None) -> st.SearchStrategy[bytes]:
    """Files of all sizes, subsamplings and modes."""

    def file(size: tuple[int, int], mode: str, options: dict[str, Any]) -> bytes:
        return file_of(scene(*size, mode=mode), "jpeg", quality=95, **options)

    options = st.fixed_dictionaries(
        {
            "subsampling": st.sampled_from([0, 1, 2]),
            "progressive": st.booleans() if progressive is None else st.just(progressive),
        }
    )
    sizes = st.tuples(st.integers(30, 500), st.integers(30, 500))
    return st.builds(file, sizes, st.sampled_from(["RGB", "L"]), options)


def mended(name: str, data: bytes, sound: bytes, note: str) -> bytes:
    """The result, which is that of the sound file."""
    made = rendered(data, name)
    assert any(note in sentence for sentence in made.notes), made.notes
    assert far(as_lying(made.data, name), as_lying(rendered(sound, name).data, name)) <= 0.5
    return made.data


@by_turbojpeg
@every_variant
@some
@given(jpegs())
def test_a_jpeg_without_its_end_marker_is_made(name: str, whole: bytes) -> None:
    mended(name, whole[:-2], whole, "end marker")


@every_variant
@some
@given(jpegs(), st.binary(min_size=1, max_size=400).filter(lambda data: b"\xff" not in data and data.strip(b"\0")))
def test_what_is_behind_a_jpeg_is_left_out(name: str, whole: bytes, rubbish: bytes) -> None:
    made = mended(name, whole + rubbish, whole, f"{len(rubbish)} bytes behind")
    assert made.endswith(b"\xff\xd9")  # Rubbish without 0xff cannot end so.


@every_variant
@some
@given(jpegs(), st.floats(0.3, 0.97))
def test_a_jpeg_without_some_of_its_pixels_is_damaged(name: str, whole: bytes, part: float) -> None:
    with pytest.raises(Rejected) as caught:
        rendered(whole[: int(len(whole) * part)], name)
    assert caught.value.reason is Reason.CORRUPT


@every_variant
@some
@given(jpegs(progressive=True), st.integers(1, 20))
def test_a_jpeg_that_ends_between_two_scans_is_damaged(name: str, whole: bytes, number: int) -> None:
    """To a decoder it looks whole, if coarse: nothing says that more scans were to come."""
    scans = [found.start() for found in re.finditer(rb"\xff\xda", whole)][1:]
    with pytest.raises(Rejected) as caught:
        rendered(whole[: scans[number % len(scans)]], name)
    assert caught.value.reason is Reason.CORRUPT


@by_turbojpeg
@every_variant
def test_the_reported_jpeg_without_its_end_is_made(name: str) -> None:
    made = rendered((REPORTS / "no-end-marker.jpg").read_bytes(), name)
    assert any("end marker" in note for note in made.notes)
    wanted = Image.open(PHOTOGRAPHS / "astronaut.png").convert("RGBA")
    assert far(as_lying(made.data, name), wanted) <= 4


@by_turbojpeg
@every_variant
def test_the_reported_arithmetic_jpeg_is_made(name: str) -> None:
    made = rendered((REPORTS / "arithmetic.jpg").read_bytes(), name)
    wanted = Image.open(PHOTOGRAPHS / "astronaut.png").convert("RGBA").resize((1003, 701))
    assert far(as_lying(made.data, name), wanted) <= 4


@by_turbojpeg
@pytest.mark.skipif(shutil.which("jpegtran") is None, reason="jpegtran is not installed")
@every_variant
@settings(max_examples=5, deadline=None)
@given(whole=jpegs())
def test_an_arithmetic_jpeg_is_made_like_any_other(
    name: str, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = Path(tmp_path_factory.mktemp("arithmetic"), "upload.jpg")
    path.write_bytes(whole)
    recoded = subprocess.run(["jpegtran", "-arithmetic", path], check=True, capture_output=True).stdout
    made = [as_lying(rendered(data, name).data, name) for data in (recoded, whole)]
    assert far(*made) <= 0.5
