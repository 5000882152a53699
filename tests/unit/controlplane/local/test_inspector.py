"""What this computer sees of pictures, and which of them get a small stand-in."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from controlplane.local.children import Family
from controlplane.local.inspector import NOTHING_SEEN, Inspector, Seen


@pytest.fixture
def inspector(tmp_path: Path) -> Iterator[Inspector]:
    (tmp_path / "workspace").mkdir()
    with Family(tmp_path / "workspace") as family, closing(Inspector(family)) as inspector:
        yield inspector


def drawn(file: Path, width: int, height: int, **how: object) -> Path:
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, **how)  # type: ignore[arg-type]
    return file


def test_what_browsers_show_quickly_is_its_own_picture(inspector: Inspector, tmp_path: Path) -> None:
    small = drawn(tmp_path / "small.jpg", 300, 200)
    large = drawn(tmp_path / "large.jpg", 2000, 1500)
    foreign = drawn(tmp_path / "foreign.tiff", 30, 20)
    (seen, none), (_, of_large), (_, of_foreign) = inspector.look([small, large, foreign])
    assert seen == Seen(300, 200, 1, format="jpeg")
    assert none is None
    assert of_large is not None
    assert of_foreign is not None
    with Image.open(of_large) as picture:
        assert (picture.format, picture.size) == ("WEBP", (640, 480))
    with Image.open(of_foreign) as picture:
        assert picture.size == (30, 20)


def test_a_stand_in_stands_upright(inspector: Inspector, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = drawn(tmp_path / "lying.jpg", 2000, 1500, exif=exif)
    ((seen, preview),) = inspector.look([lying])
    assert (seen.width, seen.height) == (1500, 2000)
    assert preview is not None
    with Image.open(preview) as picture:
        assert picture.size == (480, 640)


def test_each_has_one_where_one_is_asked_for(inspector: Inspector, tmp_path: Path) -> None:
    ((_, preview),) = inspector.look([drawn(tmp_path / "small.png", 30, 20)], always=True)
    assert preview is not None


def test_what_is_no_picture_is_not_seen(inspector: Inspector, tmp_path: Path) -> None:
    (tmp_path / "diary.jpg").write_text("Dear diary")
    file = drawn(tmp_path / "fine.jpg", 30, 20)
    (first, none), (second, _) = inspector.look([tmp_path / "diary.jpg", file], always=True)
    assert (first, none) == (NOTHING_SEEN, None)
    assert second.format == "jpeg"
