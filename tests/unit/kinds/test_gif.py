"""GIFs as encoders write them and viewers show them: every disposal, frames beyond the screen, transparency."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gif_kit import NOTHING, Patch, filled, gif, shown
from imagemachine.errors import Reason, Rejected
from pictures_kit import REPORTS, as_seen_by, far, rendered, turn_of, variants

every_variant = pytest.mark.parametrize("name", variants())
every_eye = pytest.mark.parametrize("eye", ["pillow", "libvips"])
some = settings(max_examples=12, deadline=None)


def frames(data: bytes, name: str, eye: str) -> list[Image.Image]:
    """Every frame of a result as one of two decoders shows it, turned back where the variant turns."""
    return [frame.rotate(turn_of(name), expand=True) for frame in as_seen_by(eye, data)]


def patches(screen: tuple[int, int], *, from_disposal: int = 0) -> st.SearchStrategy[list[Patch]]:
    """A first frame that fills the screen, and more that lie on it, with holes or without."""
    width, height = screen

    def patch(numbers: tuple[int, int, int, int, int, int, bool]) -> Patch:
        left, top, wide, high, index, disposal, holes = numbers
        wide, high = min(wide, width - left), min(high, height - top)
        rows = [[NOTHING if holes and (x + y) % 3 == 0 else index for x in range(wide)] for y in range(high)]
        # Where a frame clears and has no transparency, decoders do not agree on what to.
        return Patch(left, top, rows, disposal, transparent=holes or disposal == 2)

    later = st.tuples(
        st.integers(0, width - 4),
        st.integers(0, height - 4),
        st.integers(3, width),
        st.integers(3, height),
        st.integers(0, 6),
        st.integers(from_disposal, 7),
        st.booleans(),
    ).map(patch)
    background = st.integers(0, 6).map(lambda index: filled(0, 0, width, height, index, 1))
    return st.tuples(background, st.lists(later, min_size=1, max_size=4)).map(lambda pair: [pair[0], *pair[1]])


@every_variant
@some
@given(drawn=patches((60, 40)))
def test_every_disposal_is_followed(name: str, drawn: list[Patch]) -> None:
    """Seen by libvips alone: what Pillow makes of frames that clear or restore is not always what is specified."""
    made = frames(rendered(gif((60, 40), drawn), name).data, name, "libvips")
    for one, wanted in zip(made, shown((60, 40), drawn), strict=True):
        assert far(one, wanted) <= 2


@every_eye
@settings(max_examples=8, deadline=None)
@given(drawn=patches((60, 40)), times=st.integers(6, 16))
def test_every_disposal_is_followed_when_frames_are_made_smaller(eye: str, drawn: list[Patch], times: int) -> None:
    """In thumbnails: to a larger box the smallest of these would stay as they came, of which Pillow is no judge."""
    large = [
        Patch(
            patch.left * times,
            patch.top * times,
            [[index for index in row for _ in range(times)] for row in patch.rows for _ in range(times)],
            patch.disposal,
            patch.transparent,
        )
        for patch in drawn
    ]
    made = frames(rendered(gif((60 * times, 40 * times), large), "thumbnail").data, "thumbnail", eye)
    # Half transparent is one or the other in a GIF, so edges may be off by as much.
    for one, wanted in zip(made, shown((60, 40), drawn), strict=True):
        assert far(one, wanted) <= 25


@every_variant
@some
@given(
    screen=st.tuples(st.integers(10, 60), st.integers(10, 60)),
    beyond=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_a_first_frame_beyond_the_screen_makes_it_larger(
    name: str, screen: tuple[int, int], beyond: tuple[int, int]
) -> None:
    whole = (screen[0] + beyond[0], screen[1] + beyond[1])
    first = filled(0, 0, *whole, 3, 1)
    drawn = [first, filled(whole[0] - 8, whole[1] - 8, 8, 8, 5, 1)]
    made = rendered(gif(screen, drawn), name)
    assert (made.width, made.height) == (whole[::-1] if turn_of(name) else whole)
    for one, wanted in zip(frames(made.data, name, "pillow"), shown(whole, drawn), strict=True):
        assert far(one, wanted) <= 2


@every_variant
@settings(max_examples=25, deadline=None)
@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 22), st.integers(0, 14), st.integers(1, 9), st.integers(1, 9), st.integers(0, 6)),
        min_size=1,
        max_size=4,
    )
)
def test_of_later_frames_only_what_is_on_the_screen_is_seen(
    name: str, boxes: list[tuple[int, int, int, int, int]]
) -> None:
    """They begin on it, at its very end, or beyond it."""
    drawn = [filled(0, 0, 20, 12, 3, 1), *(filled(*box, 1) for box in boxes)]
    made = frames(rendered(gif((20, 12), drawn), name).data, name, "libvips")
    for one, wanted in zip(made, shown((20, 12), drawn), strict=True):
        assert far(one, wanted) <= 2


@every_variant
def test_the_reported_first_frame_has_its_size(name: str) -> None:
    made = rendered((REPORTS / "first-frame-beyond-screen.gif").read_bytes(), name)
    size = {"thumbnail": (320, 213), "mobile": (828, 552), "web": (900, 600)}.get(name, (600, 900))
    assert (made.width, made.height) == size
    assert Image.open(io.BytesIO(made.data)).size == size


@every_eye
@every_variant
def test_the_reported_frames_leave_no_trail(name: str, eye: str) -> None:
    upload = (REPORTS / "disposal4.gif").read_bytes()
    wanted = as_seen_by("pillow", upload)  # It takes 4 for 3.
    for one, other in zip(frames(rendered(upload, name).data, name, eye), wanted, strict=True):
        assert far(one, other) <= 3


@every_eye
@every_variant
def test_the_reported_lower_half_is_transparent(name: str, eye: str) -> None:
    (made,) = frames(rendered((REPORTS / "half-transparent.gif").read_bytes(), name).data, name, eye)
    alpha = made.getchannel("A").resize((8, 8), Image.Resampling.BOX).tobytes()
    assert set(alpha[:32]) == {255}
    assert set(alpha[32:]) == {0}


@every_eye
@every_variant
@some
@given(
    box=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(100, 200), st.integers(100, 200)),
    animated=st.booleans(),
    size=st.sampled_from([(240, 240), (480, 240), (900, 500)]),
)
def test_around_an_opaque_rectangle_everything_is_transparent(
    name: str, eye: str, box: tuple[int, int, int, int], animated: bool, size: tuple[int, int]
) -> None:
    left, top, width, height = box
    outside = [NOTHING] * size[0]
    across = [*outside[:left], *[4] * min(width, size[0] - left), *outside[left + width :]]
    inside = [across if top <= y < top + height else outside for y in range(size[1])]
    drawn = [Patch(0, 0, inside, 1, transparent=True)]
    if animated:
        drawn.append(filled(left + 5, top + 5, 20, 20, 2, 1))
    made = frames(rendered(gif(size, drawn), name).data, name, eye)
    for one, wanted in zip(made, shown(size, drawn), strict=True):
        assert far(one, wanted) <= 3


@every_variant
@pytest.mark.parametrize("after", [b"", b"rubbish", bytes(300)])
def test_a_missing_trailer_and_rubbish_behind_it_cost_nothing(name: str, after: bytes) -> None:
    drawn = [filled(0, 0, 60, 40, 3, 1), filled(10, 10, 20, 20, 5, 1)]
    whole = gif((60, 40), drawn)
    for data in (whole[:-1] + after, whole + after):
        made = frames(rendered(data, name).data, name, "pillow")
        for one, wanted in zip(made, shown((60, 40), drawn), strict=True):
            assert far(one, wanted) <= 2


@every_variant
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_gif_without_some_of_its_pixels_is_damaged(name: str, part: float) -> None:
    whole = gif((60, 40), [filled(0, 0, 60, 40, 3, 1), filled(10, 10, 50, 30, 5, 1)])
    with pytest.raises(Rejected) as caught:
        rendered(whole[: int(len(whole) * part)], name)
    assert caught.value.reason is Reason.CORRUPT
