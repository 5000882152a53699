"""A variant is data: its geometry is exact, and its recipe tells any two apart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemachine.errors import ConfigurationError
from imagemachine.settings import Settings
from imagemachine.variant import Fit, Turn, Variant

SIDES = st.integers(1, 70_000)


@given(SIDES, SIDES, st.integers(1, 4000), st.integers(1, 4000))
def test_a_fitted_box_is_never_exceeded_never_enlarged_and_keeps_proportions(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    made = Fit(box_width, box_height).size(width, height)
    assert 1 <= made[0] <= min(width, box_width)
    assert 1 <= made[1] <= min(height, box_height)
    if (width, height) != made:
        assert made[0] == box_width or made[1] == box_height
        scale = min(box_width / width, box_height / height)
        assert abs(made[0] - max(1, width * scale)) <= 0.5 + 1e-9
        assert abs(made[1] - max(1, height * scale)) <= 0.5 + 1e-9


def test_a_strip_keeps_a_pixel() -> None:
    assert Fit(320, 320).size(10_000, 1) == (320, 1)
    assert Fit(320, 320).size(1, 10_000) == (1, 320)


@pytest.mark.parametrize("degrees", [0, 45, 180, -90, 360])
def test_only_quarter_turns_are_turns(degrees: int) -> None:
    with pytest.raises(ConfigurationError, match="degrees clockwise"):
        Turn(degrees)


def test_everything_that_decides_the_result_changes_the_recipe() -> None:
    variant = Variant("some", [Fit(320, 320)])
    others = [
        replace(variant, steps=[Fit(320, 321)]),
        replace(variant, steps=[Turn(90)]),
        replace(variant, steps=[Turn(270)]),
        replace(variant, quality=81),
        replace(variant, formats=["webp"]),
        replace(variant, background=(0, 0, 0)),
        replace(variant, keep_metadata=True),
    ]
    assert len({variant.recipe, *(other.recipe for other in others)}) == 1 + len(others)
    assert replace(variant).recipe == variant.recipe


def test_the_environment_overrides_a_resizing_variant_only() -> None:
    settings = Settings.load({"WIDTH": "100", "FORMAT": "webp", "QUALITY": "50", "BACKGROUND": "#000000"}, "a")
    resized = Variant("some", [Fit(320, 240)]).configured(settings)
    assert resized == Variant("some", [Fit(100, 240)], quality=50, formats=["webp"], background=(0, 0, 0))
    turned = Variant("some", [Turn(90)]).configured(settings)
    assert turned == Variant("some", [Turn(90)], background=(0, 0, 0))
