"""A variant is data: its geometry is exact, and its recipe tells any two apart."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imagemachine
from imagemachine import engine as engines
from imagemachine import policy
from imagemachine import variant as variants
from imagemachine.engine import engine
from imagemachine.errors import ConfigurationError
from imagemachine.formats import CHOICES
from imagemachine.settings import Settings
from imagemachine.variant import Fit, Made, Output, Turn, Variant

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


def test_what_is_left_out_is_no_part_of_the_recipe() -> None:
    """Nor is the name: the same done under another name is the same."""
    variant = Variant("some", [Fit(320, 320)])
    assert replace(variant, name="other", only=["a/*"], never=["b/*"]).recipe == variant.recipe


def test_another_engine_or_policy_is_another_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images built with pillow-simd or without, and a process that has neither, make results of their own."""
    recipes = {Variant("some", [Fit(320, 320)]).recipe}
    for build in ('{"variant": "simd"}', '{"variant": "stock"}'):
        monkeypatch.setattr(variants, "engine", lambda build=build: build)
        recipes.add(Variant("some", [Fit(320, 320)]).recipe)
    monkeypatch.setattr(policy, "JPEG_FINE_FROM", 91)
    recipes.add(Variant("some", [Fit(320, 320)]).recipe)
    assert len(recipes) == 4


def test_an_engine_names_its_build_and_its_pillow() -> None:
    """In an image what its self-test has found, in a process without one what pip has left."""
    import PIL

    assert PIL.__version__ in engine()
    assert engine().startswith("{") == Path("/usr/share/image-machine/build.json").exists()


def test_without_an_image_the_packages_that_decide_about_pixels_are_the_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, names in ((here, ["pillow-13.0.0", "numpy-2.0"]), (there, ["PyTurboJPEG-2.0", "Pillow-13.0.0"])):
        for name in names:
            (folder / f"{name}.dist-info").mkdir(parents=True)
    (here / "pillow.libs").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(engines, "_BUILD", str(tmp_path / "build.json"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "not there"), "", str(there)])
    asked = engines.engine.__wrapped__
    assert asked() == "process Pillow-13.0.0 PyTurboJPEG-2.0 pillow-13.0.0"
    (tmp_path / "build.json").write_text('{"b": 1, "a": 2}')
    assert asked() == '{"a": 2, "b": 1}'


@pytest.mark.parametrize("name", [*imagemachine.__all__, "Coverr", "cover"])
def test_all_that_a_variants_file_takes_is_there_and_nothing_else(name: str) -> None:
    if name in imagemachine.__all__:
        assert getattr(imagemachine, name).__name__ == name
    else:
        with pytest.raises(ConfigurationError if name[0].isupper() else AttributeError, match=name):
            getattr(imagemachine, name)
    with pytest.raises(AttributeError):
        getattr(imagemachine, "")


def test_one_quality_or_one_for_each_format() -> None:
    each = Variant("some", [Fit(1, 1)], quality={"webp": 70, "avif": 50})
    assert [each.quality_in(name) for name in ("webp", "avif", "jpeg")] == [70, 50, policy.QUALITY]
    assert Variant("some", [Turn(90)]).quality_in("jpeg") == policy.TURN_QUALITY
    assert Variant("some", [Fit(1, 1)], quality=33).quality_in("webp") == 33


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda: Fit(widht=3, height=4), "Fit has no 'widht'; it takes width, height. Did you mean 'width'?"),  # type: ignore[call-arg]
        (lambda: Fit(3), "Fit: missing a required argument: 'height'; it takes width, height."),  # type: ignore[call-arg]
        (lambda: Fit(0, 5), "Fit: width=0: it is a number of pixels, 1 at least."),
        (lambda: Fit("wide", 5), "Fit: width='wide': it is a number of pixels, 1 at least."),  # type: ignore[arg-type]
        (lambda: Turn(45), "A Turn is by 90 or 270 degrees clockwise, not by 45."),
        (lambda: imagemachine.Coverr, "there is no Coverr in imagemachine. Did you mean 'Cover'?"),
        (lambda: imagemachine.Fitt, "there is no Fitt in imagemachine. Did you mean 'Fit'?"),
        (lambda: Variant("web", Fit(1, 1)), "steps is a list, as in steps=[...]; Fit(width=1, height=1) is none."),  # type: ignore[arg-type]
        (lambda: Variant("web", [Fit]), "Fit without its arguments is no step: steps are made like"),  # type: ignore[list-item]
        (lambda: Variant("web", ["fit"]), "'fit' is no step: steps are made like"),  # type: ignore[list-item]
        (lambda: Variant("web", [Fit(1, 1)], 850), "quality is a whole number from 1 to 100, not 850."),
        (lambda: Variant("web", [Fit(1, 1)], True), "quality is a whole number from 1 to 100, not True."),
        (lambda: Variant("web", [Fit(1, 1)], {"jpg": 80}), "'jpg' is no format that a result can have"),
        (lambda: Variant("web", [Fit(1, 1)], formats=["jpg"]), "gif are. Did you mean 'jpeg'?"),
        (lambda: Variant("web", [Fit(1, 1)], formats=["heic"]), "'heic' is no format that a result can have"),
        (lambda: Variant("web", [Fit(1, 1)], formats=[]), "formats names at least one format, and none twice"),
        (lambda: Variant("web", [Fit(1, 1)], formats=["keep", "keep"]), "and none twice, unlike ['keep', 'keep']."),
        (lambda: Variant("Web", [Fit(1, 1)]), "A variant cannot be called 'Web'"),
        (lambda: Variant("web", [Fit(1, 1)], qualty=3), "Variant has no 'qualty'"),  # type: ignore[call-arg]
    ],
)
def test_what_cannot_be_is_said_where_it_is_written(write: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        write()
    assert str(caught.value).startswith(f"{__file__}, line {write.__code__.co_firstlineno}: ")
    assert sentence.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)


def test_a_variant_is_called_as_its_folder_is(tmp_path: Path) -> None:
    app = tmp_path / "images" / "avatar" / "app.py"
    app.parent.mkdir(parents=True)
    for name in ("avatar", "web"):
        app.write_text(f"from imagemachine import Fit, Variant\n\nVariant(\n    name={name!r}, steps=[Fit(1, 1)]\n)\n")
        done = subprocess.run(
            [sys.executable, str(app)],
            env={"PYTHONPATH": str(Path(imagemachine.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == (name == "avatar")
    assert f"{app}, line 3: The variant is called 'web', but its folder 'avatar'" in done.stderr


def test_a_name_is_what_the_template_takes() -> None:
    template = (Path(__file__).parents[2] / "shared" / "stack.yaml").read_text()
    assert f'AllowedPattern: "{variants.NAME}"' in template


def test_steps_say_what_their_results_can_be() -> None:
    bounds = Variant("some", [Fit(300, 200), Turn(90)]).bounds
    assert bounds.hold(200, 300)
    assert not bounds.hold(300, 200)
    assert Variant("some", [Turn(90)]).bounds.hold(60_000, 1)
    assert Variant("some", [Turn(90)]).bounds == ((1, 1), (2**31, 2**31))


def test_what_is_not_said_of_a_variant_is_the_plain_case() -> None:
    plain = Variant("some", [Fit(1, 1)])
    assert plain == Variant("some", [Fit(1, 1)], None, ["keep"], (255, 255, 255), False, False, [], [])
    assert (bytes(plain.background).hex(), plain.keep_metadata, plain.manifest) == ("ffffff", False, False)
    assert (plain.steps, plain.formats, plain.only) == ((Fit(1, 1),), ("keep",), ())
    assert (plain.turns, Variant("some", [Turn(90), Turn(270)]).turns) == (False, True)
    assert not Variant("some", [Turn(90), Fit(1, 1)]).turns


def test_a_recipe_is_twelve_digits_of_all_that_decides() -> None:
    variant = Variant("some", [Fit(320, 240)], quality={"webp": 70}, formats=["webp"], manifest=True)
    described = {
        "steps": [step.described() for step in variant.steps],
        "formats": ["webp"],
        "quality": {name: 70 if name == "webp" else policy.QUALITY for name in CHOICES},
        "background": [255, 255, 255],
        "keep_metadata": False,
        "manifest": True,
        "policy": policy.numbers(),
        "engine": engine(),
    }
    assert variant.recipe == sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


def test_quality_is_a_whole_number_from_1_to_100() -> None:
    for quality in (1, 100):
        assert Variant("some", [Fit(1, 1)], quality).quality_in("jpeg") == quality
        assert Variant("some", [Fit(1, 1)], {"webp": quality, "keep": 50}).quality_in("jpeg") == 50
    bad: Any
    for bad in (0, 101, 1.0, "1"):
        with pytest.raises(ConfigurationError, match="quality is a whole number from 1 to 100, not "):
            Variant("some", [Fit(1, 1)], bad)
        with pytest.raises(ConfigurationError, match="quality is a whole number from 1 to 100, not "):
            Variant("some", [Fit(1, 1)], {"webp": bad})
    unset = Settings.load({"FORMATS": "webp"}, "a")
    assert Variant("some", [Fit(1, 1)], 33).configured(unset) == Variant("some", [Fit(1, 1)], 33, ["webp"])
    assert Variant("some", [Fit(1, 1)], formats=["png"]).configured(Settings.load({}, "a")).formats == ("png",)


def test_a_result_is_its_first_file() -> None:
    made = Made((Output(b"one", "jpeg", 4, 3, 2), Output(b"other", "webp", 8, 6, 1)), "double")
    assert (made.data, made.format, made.width, made.height, made.frames) == (b"one", "jpeg", 4, 3, 2)
    light = made.without_data()
    assert light == Made((Output(b"", "jpeg", 4, 3, 2), Output(b"", "webp", 8, 6, 1)), "double")


def test_the_environment_overrides_a_resizing_variant_only() -> None:
    settings = Settings.load({"WIDTH": "100", "FORMAT": "webp", "QUALITY": "50", "BACKGROUND": "#000000"}, "a")
    resized = Variant("some", [Fit(320, 240)]).configured(settings)
    assert resized == Variant("some", [Fit(100, 240)], quality=50, formats=["webp"], background=(0, 0, 0))
    turned = Variant("some", [Turn(90)]).configured(settings)
    assert turned == Variant("some", [Turn(90)], background=(0, 0, 0))


def test_numbers_of_the_policy_change_on_purpose_only() -> None:
    """Each makes every earlier result stale, which costs whoever repairs them; who means it writes new digits here."""
    assert sha256(json.dumps(policy.numbers(), sort_keys=True).encode()).hexdigest()[:12] == "13f0eeddcfb1"
