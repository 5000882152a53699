"""What of an upload may not be in its result, and what has to be: places, cameras, densities, markers, profiles."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, TiffImagePlugin

from gif_kit import filled, gif
from imagemachine.render import render
from imagemachine.settings import Settings
from pictures_kit import LIMITS, as_lying, far, file_of, rendered, scene, turn_of, variants
from png_kit import png

every_variant = pytest.mark.parametrize("name", variants())
every_turn = pytest.mark.parametrize("name", [name for name in variants() if turn_of(name)])


def iptc(**records: bytes) -> bytes:
    """A JPEG's APP13 with these IPTC records; places are told in them too."""
    numbers = {"city": 90, "caption": 120, "byline": 80, "copyright": 116}
    block = b"".join(
        b"\x1c\x02" + struct.pack(">BH", numbers[name], len(text)) + text for name, text in records.items()
    )
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">L", len(block)) + block + b"\0" * (len(block) % 2)
    payload = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", 2 + len(payload)) + payload


@every_variant
@settings(max_examples=6, deadline=None)
@given(size=st.tuples(st.integers(30, 500), st.integers(30, 500)), subsampling=st.sampled_from([0, 1, 2]))
def test_places_told_by_iptc_go_and_rights_stay(name: str, size: tuple[int, int], subsampling: int) -> None:
    told = iptc(city=b"Reykjavik", caption=b"at home", byline=b"Ann", copyright=b"(c) Ann")
    plain = file_of(scene(*size), "jpeg", quality=90, subsampling=subsampling)
    made = rendered(plain[:2] + told + plain[2:], name).data
    assert b"Reykjavik" not in made
    assert b"at home" not in made
    exif = Image.open(io.BytesIO(made)).getexif()
    assert (exif[315], exif[33432]) == ("Ann", "(c) Ann")


@every_variant
def test_a_place_is_all_that_a_tiff_tells_and_it_goes(name: str) -> None:
    """Where nothing else has to change: the file itself would be the result."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    upload = file_of(scene(90, 60), "tiff", tiffinfo=tags)
    assert 0x8825 in Image.open(io.BytesIO(upload)).getexif()
    made = Image.open(io.BytesIO(rendered(upload, name).data))
    assert 0x8825 not in made.getexif()
    assert not made.getexif().get_ifd(0x8825)


@every_variant
@pytest.mark.parametrize(("setting", "kept"), [("0", False), ("1", True)])
def test_what_the_environment_says_of_metadata_is_done(name: str, setting: str, kept: bool) -> None:
    exif = Image.Exif()
    exif[271] = "Camera"
    upload = file_of(scene(400, 300), "jpeg", exif=exif)
    variant = variants()[name].configured(Settings.load({"KEEP_METADATA": setting}, name))
    assert (b"Camera" in render(variant, upload, LIMITS).data) is kept


@every_turn
def test_densities_are_turned_with_their_pictures(name: str) -> None:
    image = scene(90, 60)
    tiff = rendered(file_of(image, "tiff", dpi=(300, 150)), name).data
    assert Image.open(io.BytesIO(tiff)).info["dpi"] == (150, 300)
    told = (b"pHYs", struct.pack(">LLB", 3000, 1500, 1))
    turned = rendered(png(np.asarray(image), 8, told), name).data
    place = turned.index(b"pHYs")
    assert struct.unpack_from(">LLB", turned, place + 4) == (1500, 3000, 1)
    aspect = bytearray(gif((60, 40), [filled(0, 0, 60, 40, 3)]))
    aspect[12] = 100
    assert rendered(bytes(aspect), name).data[12] == 21  # Of 115 and 64 to the pixel, the other way round.


@every_variant
def test_colours_of_adobe_s_files_stay_what_they_are(name: str) -> None:
    """Their marker says whether samples are RGB or YCbCr, inks or their inverse."""
    image = scene(400, 300)
    as_rgb = file_of(image, "jpeg", quality=95, keep_rgb=True)
    assert b"Adobe" in as_rgb
    assert far(as_lying(rendered(as_rgb, name).data, name), image.convert("RGBA")) <= 4
    cmyk = image.convert("CMYK")
    inks = as_lying(rendered(file_of(cmyk, "jpeg", quality=95), name).data, name)
    assert far(inks, as_lying(rendered(file_of(cmyk, "tiff"), name).data, name)) <= 6


@pytest.mark.parametrize("name", [name for name in variants() if not turn_of(name)])
@pytest.mark.parametrize("format_name", ["jpeg", "tiff"])
def test_results_for_screens_are_in_no_inks(name: str, format_name: str) -> None:
    made = Image.open(io.BytesIO(rendered(file_of(scene(200, 150).convert("CMYK"), format_name), name).data))
    assert made.mode == "RGB"


@every_variant
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_parts_of_a_profile_are_joined_by_their_numbers(name: str, order: tuple[int, ...]) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = icc[:-4] + bytes(4) + icc[-4:]
    step = -(-len(icc) // 3)
    parts = {number: icc[step * (number - 1) : step * number] for number in (1, 2, 3)}
    segments = b""
    for number in order:
        payload = b"ICC_PROFILE\0" + bytes((number, 3)) + parts[number]
        segments += b"\xff\xe2" + struct.pack(">H", 2 + len(payload)) + payload
    plain = file_of(scene(400, 300), "jpeg", quality=90)
    made = rendered(plain[:2] + segments + plain[2:], name)
    assert made.notes == () or all("profile" not in note for note in made.notes)
    found = Image.open(io.BytesIO(made.data)).info["icc_profile"]
    ImageCms.ImageCmsProfile(io.BytesIO(found))
    if turn_of(name):
        assert found == icc


@every_turn
def test_colours_under_transparency_are_kept_by_what_loses_nothing(name: str) -> None:
    """They are seen by nobody, until somebody takes the transparency away."""
    image = scene(90, 60, mode="RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    for format_name, how in (("webp", {"lossless": True, "exact": True}), ("png", {}), ("tiff", {})):
        made = Image.open(io.BytesIO(rendered(file_of(image, format_name, **how), name).data)).convert("RGBA")
        back = made.rotate(turn_of(name), expand=True)
        assert back.convert("RGB").tobytes() == image.convert("RGB").tobytes()
