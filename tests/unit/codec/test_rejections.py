"""What cannot be made is rejected with a reason that is true, and what is odd but whole is made."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from imagemachine.errors import Reason, Rejected
from imagemachine.formats.png import chunks as png
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import exif_of, file_of, moving, opened, scene

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
VARIANTS = [Variant("clockwise", [Turn(90)]), Variant("counterclockwise", [Turn(270)]), Variant("web", [Fit(64, 64)])]
WRITTEN = ["jpeg", "png", "gif", "webp", "tiff", "bmp", *(["avif"] if features.check("avif") else [])]
# The photograph's own size: nothing has to be decoded for the result, but damage must be found all the same.
UNCHANGED = Variant("unchanged", [Fit(1000, 1000)])


def rejected(data: bytes, variant: Variant = VARIANTS[0], limits: Limits = LIMITS) -> Rejected:
    with pytest.raises(Rejected) as caught:
        render(variant, data, limits)
    assert caught.value.detail.endswith(".")
    assert "; " in caught.value.detail  # What is wrong; what to do.
    return caught.value


def test_nothing_at_all() -> None:
    assert rejected(b"").reason is Reason.EMPTY


@pytest.mark.parametrize("data", [b"hello, world", b"\0" * 100, b"<html><body>", b"{}", b"PK\3\4", b"\x7fELF", b"R"])
def test_what_is_no_picture(data: bytes) -> None:
    assert rejected(data).reason is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\x00", "JPEG XL"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'<?xml version="1.0"?>\n<!-- a -->\n<svg>', "SVG"),
        (b"\x00\x00\x00\x18ftypmp42", "film"),
        (b"P6 1 1 255\n", "Netpbm"),
    ],
)
def test_formats_that_are_not_read_are_named(data: bytes, name: str) -> None:
    error = rejected(data)
    assert error.reason is Reason.UNSUPPORTED_FORMAT
    assert name in error.detail


@pytest.mark.parametrize("variant", [*VARIANTS, UNCHANGED], ids=lambda variant: str(variant.name))
@pytest.mark.parametrize("format_name", [*WRITTEN, "ico"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_ends_too_early(format_name: str, share: float, variant: Variant) -> None:
    data = file_of(scene(200, 150), format_name)
    assert rejected(data[: int(share * len(data))], variant).reason is Reason.CORRUPT


@pytest.mark.parametrize("format_name", ["png", "gif", "webp"])
def test_an_animation_that_ends_too_early(format_name: str) -> None:
    data = file_of(moving(mode="RGB"), format_name, duration=50)
    for variant in (*VARIANTS, UNCHANGED):
        assert rejected(data[: len(data) * 2 // 3], variant).reason is Reason.CORRUPT


def test_a_turn_that_an_orientation_undoes_is_no_reason_not_to_look() -> None:
    data = file_of(scene(640, 400), "jpeg", exif=exif_of(6))
    assert rejected(data[: len(data) * 2 // 3], VARIANTS[1]).reason is Reason.CORRUPT


def test_too_many_bytes() -> None:
    data = file_of(scene(), "png")
    assert rejected(data, limits=Limits(len(data) - 1, 10**8)).reason is Reason.TOO_MANY_BYTES
    assert render(VARIANTS[0], data, Limits(len(data), 10**8)).frames == 1


@pytest.mark.parametrize("format_name", WRITTEN)
def test_too_many_pixels_are_found_in_the_header(format_name: str) -> None:
    data = file_of(scene(80, 60), format_name)
    assert rejected(data, limits=Limits(10**8, 80 * 60 - 1)).reason is Reason.TOO_MANY_PIXELS
    assert render(VARIANTS[0], data, Limits(10**8, 80 * 60)).frames == 1


def test_a_bomb_is_not_decoded() -> None:
    header = png.Header(65_000, 65_000, 8, 2)
    data = png.serialise(png.Png(header, (), png.Subimage(65_000, 65_000, zlib.compress(bytes(1_000_000)))))
    assert rejected(data).reason is Reason.TOO_MANY_PIXELS


def test_a_bomb_in_a_text_is_not_unpacked() -> None:
    whole = png.parse(file_of(scene(), "png"))
    bomb = zlib.compress(bytes(100_000_000))
    data = png.serialise(
        png.Png(whole.header, ((b"zTXt", b"Comment\0\0" + bomb), (b"iCCP", b"a\0\0" + bomb)), whole.still)
    )
    for variant in VARIANTS:
        assert render(variant, data, LIMITS).frames == 1


def test_a_kind_of_tiff_that_is_not_read_is_not_called_damaged() -> None:
    data = bytearray(file_of(scene(), "tiff"))
    (place,) = struct.unpack_from("<L", data, 4)
    for entry in range(struct.unpack_from("<H", data, place)[0]):
        if struct.unpack_from("<H", data, place + 2 + 12 * entry)[0] == 262:  # PhotometricInterpretation
            struct.pack_into("<H", data, place + 2 + 12 * entry + 8, 32_845)  # LogLuv
    error = rejected(bytes(data))
    assert error.reason is Reason.UNSUPPORTED_FORMAT
    assert "TIFF" in error.detail


def test_the_extension_does_not_matter_but_the_bytes_do() -> None:
    assert render(VARIANTS[2], file_of(scene(), "webp"), LIMITS).format == "webp"


def test_pages_and_sizes_that_are_left_out_are_noted() -> None:
    pages = file_of([scene(), scene(50, 40)], "tiff")
    made = render(VARIANTS[0], pages, LIMITS)
    assert (made.width, made.height) == (64, 96)
    assert any("2 pictures" in note for note in made.notes)
    icons = file_of(scene(256, 256), "ico", sizes=[(16, 16), (64, 64), (32, 32)])
    made = render(VARIANTS[0], icons, LIMITS)
    assert (made.width, made.height, made.format) == (64, 64, "png")
    assert any("the largest" in note for note in made.notes)


def test_the_first_of_the_pictures_of_a_stereo_camera_is_taken() -> None:
    made = render(VARIANTS[2], file_of([scene(), scene(seed=3)], "mpo"), LIMITS)
    assert made.format == "jpeg"
    assert any("2 pictures" in note for note in made.notes)


def test_a_heic_becomes_a_jpeg() -> None:
    data = Path(__file__).with_name("scene.heic").read_bytes()  # As a file: not every libheif can write one.
    for variant in VARIANTS:
        made = render(variant, data, LIMITS)
        assert made.format == "jpeg"
        assert opened(made.data).size == (made.width, made.height)
    wanted = np.asarray(scene().resize((64, 43)), dtype=float)
    assert np.abs(opened(made.data).frames[0][..., :3] - wanted).mean() < 10
    assert rejected(data[:-500]).reason is Reason.CORRUPT


def test_frames_out_of_order_leave_the_still_picture() -> None:
    data = file_of(moving(), "png", duration=50)
    broken = bytearray(data)
    place = broken.rindex(b"fdAT") + 4
    broken[place : place + 4] = struct.pack(">L", 99)
    length = struct.unpack_from(">L", broken, place - 8)[0]
    end = place + length
    broken[end : end + 4] = struct.pack(">L", zlib.crc32(broken[place - 4 : end]))
    assert render(VARIANTS[2], bytes(broken), LIMITS).frames == 1


def test_the_background_shows_through_where_there_is_no_transparency() -> None:
    clear = file_of(Image.new("RGBA", (30, 20)), "png")
    for background in ((255, 255, 255), (10, 200, 30)):
        made = render(Variant("any", [Fit(20, 20)], formats=["jpeg"], background=background), clear, LIMITS)
        assert abs(opened(made.data).frames[0][..., :3].mean((0, 1)) - background).max() < 4


def test_every_decoder_is_there_before_the_first_picture() -> None:
    """In a confined process nothing can be loaded any more."""
    code = (
        "import sys, imagemachine.render;"
        "from PIL import Image;"
        "names = {'JPEG', 'PNG', 'GIF', 'WEBP', 'TIFF', 'BMP', 'HEIF', 'ICO'};"
        "assert names <= set(Image.OPEN), names - set(Image.OPEN);"
        "assert 'PIL.PdfImagePlugin' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
