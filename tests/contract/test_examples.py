"""The examples that the documents show: each is a variant that may be copied into `images/`, and does what it says."""

import json
import runpy
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from imagemachine.render import render
from imagemachine.settings import Settings
from imagemachine.variant import Limits, Made, Variant
from integration.kit import running

pyvips = pytest.importorskip("pyvips")

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests/examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/app.py"))
PHOTOGRAPHS = sorted(path for path in (ROOT / "tests/pictures").iterdir() if path.suffix in {".png", ".jpg"})
LIMITS = Limits(max_bytes=Settings.max_bytes, max_pixels=Settings.max_pixels)


def example(name: str) -> Variant:
    with patch("imagemachine.bootstrap.function", lambda variant: variant):
        variant: Variant = runpy.run_path(str(EXAMPLES / name / "app.py"))["handler"]
    return variant


def made(name: str, photograph: Path) -> Made:
    return render(example(name), photograph.read_bytes(), LIMITS)


def seen(data: bytes) -> Any:
    return pyvips.Image.new_from_buffer(data, "")


def test_they_are_those_that_the_documents_show() -> None:
    shown = (ROOT / "shared/imagemachine/steps/README.md").read_text()
    for name in NAMES:
        code = (EXAMPLES / name / "app.py").read_text().split('"""\n\n')[1]
        assert code.strip() in shown, f"{name} is not shown as it is"


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_and_can_be_copied_as_it_is(name: str) -> None:
    assert example(name).name == name
    assert len((EXAMPLES / name / "app.py").read_text().splitlines()) <= 16
    copied = (EXAMPLES / name / "Dockerfile").read_text().split("COPY ")[1].split()[:-1]
    assert sorted(copied) == sorted(path.name for path in (EXAMPLES / name).iterdir() if path.name != "Dockerfile")


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda path: path.name)
def test_what_they_make_is_what_they_say(photograph: Path) -> None:
    avatar = seen(made("avatar", photograph).data)
    assert (avatar.width, avatar.height) == (200, 200)

    product = seen(made("product", photograph).data)
    assert (product.width, product.height, product.get("vips-loader")) == (800, 800, "jpegload_buffer")
    assert min(product(0, 0)) >= 254

    plain = seen(render(Variant("web", [example("proof").steps[0]], quality=70), photograph.read_bytes(), LIMITS).data)
    proof = seen(made("proof", photograph).data)
    difference = np.abs(proof.numpy().astype(int) - plain.numpy()).mean(axis=2)
    high, wide = difference.shape
    assert difference[high * 2 // 5 : high * 3 // 5, wide // 4 : wide * 3 // 4].mean() > 5
    assert difference[: high // 5].mean() < 2

    hero = made("hero", photograph)
    sizes = {(output.width, output.height) for output in hero.outputs}
    assert len(hero.outputs) == 3
    assert len(sizes) == 1
    width, height = sizes.pop()
    assert abs(width / height - 1600 / 600) < 0.02
    for output in hero.outputs:
        assert (seen(output.data).width, seen(output.data).height) == (width, height)

    model = seen(made("model", photograph).data)
    assert (model.width, model.height, model.bands, model.get("vips-loader")) == (224, 224, 3, "pngload_buffer")


def test_the_machine_runs_them(tmp_path: Path) -> None:
    """As real functions on the emulated account; their files lie where the documents say."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "shared").symlink_to(ROOT / "shared")
    shutil.copytree(EXAMPLES, project / "images")
    photograph = (ROOT / "tests/pictures/chelsea.png").read_bytes()
    with running(tmp_path, NAMES, project=project) as machine:
        machine.upload("ingest/cat.png", photograph)
        machine.upload("ingest/profiles/cat.png", photograph)
        machine.wait_for("ingest/cat.png", "made", [name for name in NAMES if name != "avatar"])
        machine.wait_for("ingest/cat.png", "skipped", ["avatar"])
        machine.wait_for("ingest/profiles/cat.png", "made")
        assert {"hero/cat.png", "hero/cat.png.webp", "hero/cat.png.avif"} <= set(machine.results("hero/cat"))
        said = json.loads(machine.result("hero/cat.png.json"))
        assert {source["type"] for source in said["sources"]} == {"image/png", "image/webp", "image/avif"}
        assert said["colour"] == machine.head("hero/cat.png.avif")["Metadata"]["colour"]
        assert said["placeholder"]
        assert set(machine.results("avatar/")) == {"avatar/profiles/cat.png"}
        assert set(machine.results("product/")) == {"product/cat.png.jpg", "product/profiles/cat.png.jpg"}
        assert seen(machine.result("proof/cat.png")).width == 451
