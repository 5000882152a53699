"""The steps, in any order, over every shape that a picture can have."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from imagemachine import Cover, Exact, Fit, Pad, Sharpen, Turn, Variant, Watermark
from imagemachine.errors import ConfigurationError
from imagemachine.pictures.place import COMPASS
from imagemachine.render import render
from imagemachine.steps import Step, chain
from imagemachine.variant import Limits, Output
from pictures_kit import PHOTOGRAPHS, exif_of, file_of, lying, moving, opened, scene

pyvips = pytest.importorskip("pyvips")

LIMITS = Limits(max_bytes=64 << 20, max_pixels=100_000_000)
DEEP = np.dstack([np.linspace(0, 65535, 96 * 64, dtype=np.uint16).reshape(64, 96)] * 3)
GREY_16 = Image.frombytes("I;16", (96, 64), DEEP[..., 0].tobytes())


def deep_png() -> bytes:
    data: bytes = pyvips.Image.new_from_array(DEEP).copy(interpretation="rgb16").pngsave_buffer()
    return data


UPLOADS = {
    "jpeg": file_of(scene(), "jpeg", quality=92),
    "jpeg of odd sides": file_of(scene(99, 67), "jpeg", quality=92, subsampling=2),
    "jpeg grey": file_of(scene(mode="L"), "jpeg", quality=92),
    "jpeg on its side": file_of(lying(scene(), 6), "jpeg", quality=92, exif=exif_of(6)),
    "png": file_of(scene(), "png"),
    "png with transparency": file_of(scene(mode="RGBA"), "png"),
    "png grey with transparency": file_of(scene(mode="LA"), "png"),
    "png palette": file_of(scene().quantize(40), "png"),
    "png of 16 bits": deep_png(),
    "png of 16 bits grey": file_of(GREY_16, "png"),
    "webp": file_of(scene(), "webp", quality=92),
    "webp with transparency": file_of(scene(mode="RGBA"), "webp", quality=92),
    "gif": file_of(scene().quantize(40), "gif"),
    "gif animation": file_of(moving(), "gif", duration=[40, 80, 120, 160, 200], loop=0, disposal=2),
    "webp animation": file_of(moving(), "webp", duration=90, lossless=True),
    "png animation": file_of(moving(), "png", duration=70),
    "tiff": file_of(scene(), "tiff"),
    "bmp": file_of(scene(), "bmp"),
    "a pixel": file_of(scene(1, 1), "png"),
    "a line": file_of(scene(300, 1), "png"),
}
FORMATS_OUT = ["keep", "jpeg", "png", "webp", "gif", *(["avif"] if features.check("avif") else [])]


def mark(where: str = "south-east", **options: Any) -> Watermark:
    drawn = Image.new("RGBA", (20, 10), (255, 0, 0, 255))
    return Watermark("mark.png", where=where, mark=file_of(drawn, "png"), **options)


SIDES = st.integers(1, 150)
COVERS = st.builds(
    Cover, SIDES, SIDES, focus=st.sampled_from([*COMPASS, "attention", "entropy", (0.2, 0.9)]), enlarge=st.booleans()
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    COVERS,
    st.builds(Fit, SIDES, SIDES),
    st.builds(Exact, SIDES, SIDES, rgb=st.booleans()),
    st.builds(Pad, SIDES, SIDES, background=st.sampled_from(["#ffffff", "#102030", "transparent"])),
    st.builds(Turn, st.sampled_from([90, 270])),
    st.builds(Sharpen),
    st.builds(mark, st.sampled_from(list(COMPASS))),
)


def output(data: bytes, *steps: Step, format_name: str = "keep", quality: int = 90) -> Output:
    (made,) = render(Variant("stepping", list(steps), formats=[format_name], quality=quality), data, LIMITS).outputs
    return made


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    """The first frame as a person sees it, in RGBA, by another library."""
    if data.startswith(b"BM"):  # which this libvips does not read
        data = file_of(Image.open(io.BytesIO(data)), "png")
    image = pyvips.Image.new_from_buffer(data, "").autorot()
    if image.format == "ushort":
        image = image.copy(interpretation="grey16" if image.bands < 3 else "rgb16")
    image = image.colourspace("srgb").cast("uchar")
    image = image if image.hasalpha() else image.addalpha()
    seen: np.ndarray[Any, Any] = image.numpy()
    return seen


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(UPLOADS)), st.lists(STEPS, min_size=1, max_size=4), st.sampled_from(FORMATS_OUT))
def test_steps_in_any_order_make_the_size_they_say_of_every_frame(
    name: str, steps: list[Step], format_name: str
) -> None:
    before = opened(UPLOADS[name])
    upright = Image.open(io.BytesIO(UPLOADS[name])).getexif().get(0x0112) in (6, 8)
    size = before.size[::-1] if upright else before.size
    made = output(UPLOADS[name], *steps, format_name=format_name)
    assert (made.width, made.height) == chain.size(steps, size)
    variant = Variant("stepping", steps)
    assert variant.bounds.hold(made.width, made.height)
    after = opened(made.data)
    assert after.size == (made.width, made.height)
    if made.format in ("gif", "webp", "png", "avif"):
        assert made.frames == len(before.frames)
    if made.format in ("gif", "webp", "png") and len(before.frames) > 1:
        # What shows the same for two frames' time may be one of twice the time.
        assert sum(after.durations) == pytest.approx(sum(before.durations), abs=10 * len(before.frames))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), STEPS)
def test_what_a_step_needs_is_enough(width: int, height: int, step: Step) -> None:
    result = step.size(width, height)
    needed = step.needs((width, height), result)
    assert step.bounds(variant_bounds()).hold(*result)
    assert min(needed) >= 1
    if result[0] <= width and result[1] <= height and not isinstance(step, Cover):
        # What is not enlarged needs no more than there is.
        assert needed[0] <= width
        assert needed[1] <= height


def variant_bounds() -> Any:
    return Variant("stepping", [Sharpen()]).bounds


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), COVERS)
def test_a_cover_has_its_boxs_proportions_and_is_enlarged_only_when_asked(
    width: int, height: int, cover: Cover
) -> None:
    made = cover.size(width, height)
    if cover.enlarge or (width >= cover.width and height >= cover.height):
        assert made == (cover.width, cover.height)
    else:
        assert made[0] <= width
        assert made[1] <= height
        assert made[0] == width or made[1] == height
        assert abs(made[0] * cover.height - made[1] * cover.width) <= max(cover.width, cover.height)


PHOTOGRAPH = (PHOTOGRAPHS / "chelsea.png").read_bytes()
AS_JPEG = file_of(Image.open(io.BytesIO(PHOTOGRAPH)).convert("RGB"), "jpeg", quality=95)


@pytest.mark.parametrize("upload", [PHOTOGRAPH, AS_JPEG], ids=["png", "jpeg"])
@pytest.mark.parametrize("size", [(200, 200), (300, 100), (90, 180), (33, 47)])
@pytest.mark.parametrize("focus", ["centre", "attention", "entropy"])
def test_a_cover_is_libvips(upload: bytes, size: tuple[int, int], focus: str) -> None:
    """Its pixels, as near as half a pixel lets them be: libvips crops between whole ones, after it has resized.

    What is looked at coarsely may lie a little beside.
    """
    interesting = {"centre": "centre"}.get(focus, focus)
    theirs = pyvips.Image.thumbnail_buffer(upload, size[0], height=size[1], crop=interesting).numpy()[..., :3]
    ours = pixels(output(upload, Cover(*size, focus=focus), format_name="png").data)[..., :3]
    assert ours.shape == theirs.shape
    if focus == "centre":
        assert np.abs(ours.astype(int) - theirs).mean() < 7
    else:
        assert np.abs(ours.astype(int).mean((0, 1)) - theirs.mean((0, 1))).max() < 16


@pytest.mark.parametrize("name", [name for name in UPLOADS if name not in ("a pixel", "a line")])
def test_a_cover_is_the_part_of_its_proportions_resized(name: str) -> None:
    """To a fraction of a pixel, whatever is decoded smaller, in planes, in bands or in 16 bits on the way."""
    for focus in ("north-west", "centre", "east"):
        ours = pixels(output(UPLOADS[name], Cover(30, 30, focus=focus), format_name="png").data)
        whole = pixels(UPLOADS[name])
        image = Image.fromarray(whole, "RGBA")
        side = min(image.size)
        left, top = ((image.width - side) * COMPASS[focus][0], (image.height - side) * COMPASS[focus][1])
        area = (left, top, left + side, top + side)
        expected = np.asarray(image.resize((30, 30), Image.Resampling.LANCZOS, area))
        on_white = [seen[..., :3] * (seen[..., 3:] / 255) + 255 - seen[..., 3:] for seen in (ours, expected)]
        assert np.abs(on_white[0] - on_white[1]).mean() < 4, focus


@pytest.mark.parametrize("name", UPLOADS)
def test_a_pad_crops_nothing_and_fills_the_rest(name: str) -> None:
    box = (150, 120)
    padded = pixels(output(UPLOADS[name], Pad(*box, background="#102030"), format_name="png").data)
    fitted = pixels(output(UPLOADS[name], Fit(*box), format_name="png").data)
    high, wide = fitted.shape[:2]
    left, top = round((150 - wide) / 2), round((120 - high) / 2)
    inner = padded[top : top + high, left : left + wide]
    background = np.array([0x10, 0x20, 0x30])
    share = fitted[..., 3:] / 255
    assert np.abs(inner[..., :3] - (fitted[..., :3] * share + background * (1 - share))).max() <= 3
    assert (padded[..., 3] == 255).all()
    outside = np.ones(padded.shape[:2], dtype=bool)
    outside[top : top + high, left : left + wide] = False
    assert (padded[outside][:, :3] == background).all()


def test_a_transparent_pad_is_transparent_where_it_can_be() -> None:
    kept = pixels(output(UPLOADS["png"], Pad(120, 120, background="transparent")).data)
    assert (kept[0, 0, 3], kept[60, 60, 3]) == (0, 255)
    flat = pixels(output(UPLOADS["png"], Pad(120, 120, background="transparent"), format_name="jpeg").data)
    assert flat[0, 0].tolist() == [255, 255, 255, 255]


@pytest.mark.parametrize("name", UPLOADS)
def test_for_a_model_it_is_rgb_of_one_size(name: str) -> None:
    made = Image.open(io.BytesIO(output(UPLOADS[name], Exact(20, 30, rgb=True), format_name="png").data))
    assert (made.mode, made.size) == ("RGB", (20, 30))


def test_sixteen_bits_stay_where_nothing_is_painted() -> None:
    for name in ("png of 16 bits", "png of 16 bits grey"):
        for step in (Cover(40, 40), Exact(40, 40)):
            assert pyvips.Image.new_from_buffer(output(UPLOADS[name], step).data, "").format == "ushort"


def test_a_turn_among_others_is_seen_by_those_after_it() -> None:
    first = output(UPLOADS["png"], Cover(40, 20, focus="north"), Turn(90))
    assert np.array_equal(
        pixels(first.data), np.rot90(pixels(output(UPLOADS["png"], Cover(40, 20, focus="north")).data), -1)
    )


def test_nothing_but_a_turn_stays_lossless_and_a_cover_of_its_own_size_is_the_upload() -> None:
    jpeg = UPLOADS["jpeg"]
    assert np.array_equal(pixels(output(output(jpeg, Turn(90)).data, Turn(270)).data), pixels(jpeg))
    assert np.array_equal(pixels(output(UPLOADS["png"], Cover(96, 64)).data), pixels(UPLOADS["png"]))


def test_sharpening_makes_edges_clearer_and_leaves_what_is_even() -> None:
    soft = scene(mode="RGB").resize((48, 32)).resize((96, 64))
    for upload in (file_of(soft, "png"), file_of(soft.convert("L"), "png")):
        before, after = pixels(upload).astype(int), pixels(output(upload, Sharpen(amount=1)).data).astype(int)
        assert np.abs(np.diff(after, axis=1)).mean() > 1.05 * np.abs(np.diff(before, axis=1)).mean()
    even = file_of(Image.new("RGBA", (30, 30), (10, 200, 90, 120)), "png")
    assert np.array_equal(pixels(output(even, Sharpen()).data), pixels(even))
    clear = output(UPLOADS["png with transparency"], Sharpen())
    assert np.array_equal(pixels(clear.data)[..., 3], pixels(UPLOADS["png with transparency"])[..., 3])


@pytest.mark.parametrize("where", COMPASS)
def test_a_mark_lies_where_it_should_and_nowhere_else(where: str) -> None:
    grey = file_of(Image.new("RGB", (200, 100), (90, 90, 90)), "png")
    seen = pixels(output(grey, mark(where, opacity=0.5, scale=0.2, margin=0.1)).data)[..., :3].astype(int)
    marked = np.argwhere((seen != 90).any(axis=2))
    (top, left), (bottom, right) = marked.min(axis=0), marked.max(axis=0) + 1
    assert (right - left, bottom - top) == (40, 20)
    x, y = COMPASS[where]
    assert (left, top) == (10 + round((200 - 40 - 20) * x), 10 + round((100 - 20 - 20) * y))
    middle = seen[top + 10, left + 20]
    assert np.abs(middle - [172, 45, 45]).max() <= 2


def test_a_mark_is_on_every_frame_and_on_transparent_ground() -> None:
    made = opened(output(UPLOADS["webp animation"], mark(opacity=1)).data)
    assert len(made.frames) == 5
    for frame in made.frames:
        assert frame[-4, -4].tolist()[0] > 230
        assert frame[-4, -4, 3] == 255


def test_a_mark_that_is_too_high_is_made_smaller() -> None:
    tall = Watermark("mark.png", scale=1, mark=file_of(Image.new("RGBA", (10, 400), (255, 0, 0, 255)), "png"))
    seen = pixels(output(UPLOADS["png"], tall).data)
    assert seen.shape[:2] == (64, 96)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("Cover(0, 10)", "width=0: it is a number of pixels"),
        ("Cover(10, 1.5)", "height=1.5"),
        ("Cover(10, 10, focus='centrum')", "focus='centrum'"),
        ("Cover(10, 10, focus='atention')", "Did you mean 'attention'?"),
        ("Cover(10, 10, focus=(0.5, 1.2))", "or a point like (0.5, 0.3)"),
        ("Cover(10, 10, fokus='centre')", "Did you mean 'focus'?"),
        ("Pad(10, 10, background='white')", 'it is a colour like "#ffffff"'),
        ("Exact(10)", "missing a required argument: 'height'"),
        ("Sharpen(radius=0)", "radius=0"),
        ("Sharpen(amount=60)", "amount=60"),
        ("Sharpen(threshold=-1)", "threshold=-1"),
        ("Watermark('missing.png')", "missing.png cannot be read (No such file or directory)"),
        ("Watermark('variant.py')", "variant.py is no PNG"),
        ("Watermark('mark.png', where='bottom')", "where='bottom'"),
        ("Watermark('mark.png', opacity=50)", "opacity=50"),
        ("Watermark('mark.png', margin=0.5)", "margin=0.5"),
        ("Croup(1, 2)", "there is no Croup in imagemachine"),
    ],
)
def test_what_is_not_right_is_one_sentence_with_file_and_line(tmp_path: Path, written: str, says: str) -> None:
    (tmp_path / "mark.png").write_bytes(UPLOADS["a pixel"])
    file = tmp_path / "variant.py"
    file.write_text(f"import imagemachine\nfrom imagemachine import *\n\nstep = imagemachine.{written}\n")
    with pytest.raises(ConfigurationError) as caught:
        exec(compile(file.read_text(), file, "exec"), {})  # noqa: S102 - as a variant's file is
    assert str(caught.value).startswith(f"{file}, line 4: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_mark_under_the_same_name_is_another_recipe() -> None:
    one, other = mark(), Watermark("mark.png", mark=UPLOADS["png"])
    assert Variant("proof", [one]).recipe != Variant("proof", [other]).recipe
    assert Variant("proof", [one]).recipe == Variant("proof", [mark()]).recipe


def test_an_upload_says_itself_where_to_look() -> None:
    assert Cover(10, 10).aimed((0.1, 0.9)).focus == (0.1, 0.9)
    assert Fit(10, 10).aimed((0.1, 0.9)) == Fit(10, 10)
