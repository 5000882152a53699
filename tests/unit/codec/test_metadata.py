"""What a result says about itself: its author's rights and its colours' meaning, and no more unless asked to."""

import io
import struct
from dataclasses import replace

import pytest
from PIL import Image, PngImagePlugin, features

from imagemachine.colour import profiles
from imagemachine.formats.gif import blocks as gif
from imagemachine.metadata import Metadata
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from pictures_kit import exif_of, file_of, scene

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
CLOCKWISE, THUMBNAIL = Variant("clockwise", [Turn(90)]), Variant("thumbnail", [Fit(40, 40)])
VARIANTS = [CLOCKWISE, THUMBNAIL, Variant("web", [Fit(1920, 1920)])]
EXIF = exif_of(6, t315="Ann", t33432="(c) Ann", t271="Camera", t306="2026:01:01 00:00:00")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'tiff:Orientation="6"><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">&#169; Ben</rdf:li></rdf:Alt></dc:rights>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
WITH_EXIF = ["jpeg", "png", "webp", *(["avif"] if features.check("avif") else [])]


def gps_exif() -> bytes:
    exif = Image.Exif()
    exif.load(EXIF)
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    exif.get_ifd(0x8769)[0xA002] = 96
    exif.get_ifd(0x8769)[0xA003] = 64
    return exif.tobytes()


def exif_in(data: bytes) -> Image.Exif:
    return Image.open(io.BytesIO(data)).getexif()


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: str(variant.name))
@pytest.mark.parametrize("format_name", WITH_EXIF)
def test_places_and_cameras_go_and_rights_stay(format_name: str, variant: Variant) -> None:
    upload = file_of(scene(), format_name, exif=gps_exif(), **({"xmp": XMP} if format_name != "png" else {}))
    made = render(variant, upload, LIMITS)
    exif = exif_in(made.data)
    assert dict(exif) == {315: "Ann", 33432: "(c) Ann"}
    assert not exif.get_ifd(0x8825)
    assert b"Camera" not in made.data
    assert b"xmpmeta" not in made.data


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: str(variant.name))
@pytest.mark.parametrize("format_name", WITH_EXIF)
def test_all_of_it_is_kept_if_that_is_wished(format_name: str, variant: Variant) -> None:
    upload = file_of(scene(), format_name, exif=gps_exif(), **({"xmp": XMP} if format_name != "png" else {}))
    made = render(replace(variant, keep_metadata=True), upload, LIMITS)
    exif = exif_in(made.data)
    assert exif[271] == "Camera"
    assert exif.get(0x0112, 1) == 1
    assert exif.get_ifd(0x8825)[2] == (52.0, 31.0, 12.0)
    assert (exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003]) == (made.width, made.height)
    if format_name != "png":
        assert b'tiff:Orientation="1"' in made.data


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: str(variant.name))
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_tiff_keeps_its_texts_or_but_its_rights(compression: str, variant: Variant) -> None:
    upload = file_of(scene(), "tiff", exif=EXIF, compression=compression)
    plain, kept = (render(replace(variant, keep_metadata=keep), upload, LIMITS) for keep in (False, True))
    for made in (plain, kept):
        exif = exif_in(made.data)
        assert exif.get(0x0112, 1) == 1
        assert (exif[315], exif[33432]) == ("Ann", "(c) Ann")
        assert Image.open(io.BytesIO(made.data)).size == (made.width, made.height)
    assert b"Camera" not in plain.data
    assert exif_in(kept.data)[271] == "Camera"


def test_a_stale_thumbnail_is_not_linked_any_more() -> None:
    exif = bytearray(EXIF.removeprefix(b"Exif\0\0"))
    order = "<" if exif[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "L", exif, 4)
    link = first + 2 + 12 * struct.unpack_from(order + "H", exif, first)[0]
    struct.pack_into(order + "L", exif, link, 1234)
    kept = Metadata(exif=bytes(exif)).for_result((10, 20), keep=True)
    assert struct.unpack_from(order + "L", kept.exif, link)[0] == 0


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff", b"junk" * 9])
def test_broken_exif_is_no_reason_to_stop(exif: bytes) -> None:
    metadata = Metadata(exif=exif)
    assert metadata.orientation == 1
    for keep in (True, False):
        metadata.for_result((1, 1), keep=keep)
    assert render(CLOCKWISE, file_of(scene(), "jpeg", exif=b"Exif\0\0" + exif), LIMITS).width == 64


def test_exif_that_points_to_itself_ends() -> None:
    loop = struct.pack("<2sHLHHHLLL", b"II", 42, 8, 1, 0x8769, 4, 1, 8, 8)
    assert Metadata(exif=loop).orientation == 1


def test_rights_are_found_wherever_they_are_said() -> None:
    assert b"\xc2\xa9 Ben" in Metadata(xmp=XMP).for_result((1, 1), keep=False).exif
    iptc = b"8BIM\x04\x04\0\0\0\0\0\x20" + b"\x1c\x02\x50\0\x03Cem" + b"\x1c\x02\x74\0\x05(c) C"
    exif = Metadata(iptc=iptc).for_result((1, 1), keep=False).exif
    assert b"Cem\0" in exif
    assert b"(c) C\0" in exif


def test_texts_of_a_png_go_but_for_its_rights() -> None:
    texts = PngImagePlugin.PngInfo()
    for name in ("Copyright", "Author", "Comment", "Software"):
        texts.add_text(name, f"the {name}")
    upload = file_of(scene(), "png", pnginfo=texts)
    image = Image.open(io.BytesIO(render(CLOCKWISE, upload, LIMITS).data))
    assert isinstance(image, PngImagePlugin.PngImageFile)
    assert set(image.text) == {"Copyright", "Author"}
    for variant in (THUMBNAIL, replace(THUMBNAIL, formats=["jpeg"])):
        assert dict(exif_in(render(variant, upload, LIMITS).data)) == {315: "the Author", 33432: "the Copyright"}


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff"])
def test_a_turn_keeps_the_profile_to_the_letter(format_name: str) -> None:
    icc = profiles.srgb(version=2) + b"\0" * 1000
    upload = file_of(scene(), format_name, icc_profile=icc, **({"lossless": True} if format_name == "webp" else {}))
    assert Image.open(io.BytesIO(render(CLOCKWISE, upload, LIMITS).data)).info["icc_profile"] == icc


@pytest.mark.parametrize("format_name", ["jpeg", "webp", "tiff"])
def test_a_resized_picture_says_srgb_in_few_bytes(format_name: str) -> None:
    icc = profiles.srgb(version=2) + b"\0" * 5000
    made = render(THUMBNAIL, file_of(scene(), format_name, icc_profile=icc), LIMITS)
    assert len(Image.open(io.BytesIO(made.data)).info["icc_profile"]) < 500
    assert (
        "icc_profile" not in Image.open(io.BytesIO(render(THUMBNAIL, file_of(scene(), format_name), LIMITS).data)).info
    )


def test_a_resized_png_says_srgb_in_a_chunk_of_its_own() -> None:
    made = render(THUMBNAIL, file_of(scene(), "png", icc_profile=profiles.srgb(version=2)), LIMITS)
    assert b"sRGB\0" in made.data
    assert b"iCCP" not in made.data


def test_metadata_that_a_format_cannot_hold_is_left_out() -> None:
    made = render(
        Variant("any", [Fit(40, 40)], formats=["gif"], keep_metadata=True), file_of(scene(), "jpeg", exif=EXIF), LIMITS
    )
    assert gif.parse(made.data).applications == ()


def test_a_jpeg_s_pixels_that_are_not_square_are_turned_too() -> None:
    made = render(CLOCKWISE, file_of(scene(), "jpeg", dpi=(300, 150)), LIMITS)
    assert Image.open(io.BytesIO(made.data)).info["dpi"] == (150, 300)
