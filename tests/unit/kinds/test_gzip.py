"""Objects that were stored with `Content-Encoding: gzip`: S3 gives their bytes as they are, so they come packed."""

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagemachine.errors import Reason, Rejected
from imagemachine.render import render
from imagemachine.variant import Limits
from pictures_kit import as_lying, far, file_of, rendered, scene, variants

every_variant = pytest.mark.parametrize("name", variants())


@every_variant
@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(st.integers(20, 400), st.integers(20, 400)),
    format_name=st.sampled_from(["jpeg", "png", "gif", "webp", "tiff", "bmp"]),
    level=st.integers(0, 9),
)
def test_a_gzipped_picture_is_unpacked(name: str, size: tuple[int, int], format_name: str, level: int) -> None:
    data = file_of(scene(*size), format_name)
    packed, plain = rendered(gzip.compress(data, level), name), rendered(data, name)
    assert packed.format == plain.format
    assert far(as_lying(packed.data, name), as_lying(plain.data, name)) == 0


def test_it_is_bounded_like_everything_else() -> None:
    """Ten megabytes in ten kilobytes: no more of them is unpacked than is allowed."""
    bomb = gzip.compress(file_of(scene(), "bmp") + bytes(10_000_000))
    with pytest.raises(Rejected) as caught:
        render(variants()["web"], bomb, Limits(max_bytes=100_000, max_pixels=10**8))
    assert caught.value.reason is Reason.TOO_MANY_BYTES


@pytest.mark.parametrize("inside", [b"", b"hello, world", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"])
def test_what_is_no_picture_is_none_when_it_is_packed(inside: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        rendered(gzip.compress(inside), "web")
    assert caught.value.reason in (Reason.NOT_AN_IMAGE, Reason.UNSUPPORTED_FORMAT, Reason.EMPTY)


@pytest.mark.parametrize("cut", [3, 20, 500])
def test_a_damaged_gzip_is_called_by_its_name(cut: int) -> None:
    with pytest.raises(Rejected, match="gzip") as caught:
        rendered(gzip.compress(file_of(scene(), "png"))[:-cut], "web")
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT


def test_deflate_without_gzip_s_header_is_no_picture() -> None:
    with pytest.raises(Rejected):
        rendered(zlib.compress(file_of(scene(), "png")), "web")
