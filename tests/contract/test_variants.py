"""What every folder of `images/` must hold to; a sixth variant is tested by existing."""

import ast
import importlib.util
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from imagemachine.batch import Batch
from imagemachine.formats import FORMATS
from imagemachine.render import render
from imagemachine.settings import Settings
from imagemachine.steps import chain
from imagemachine.variant import Fit, Limits, Turn, Variant

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "images").glob("*/app.py"))
PHOTOGRAPHS = sorted(path for path in (ROOT / "tests" / "pictures").iterdir() if path.suffix in {".png", ".jpg"})
LIMITS = Limits(max_bytes=Settings.max_bytes, max_pixels=Settings.max_pixels)
CONTRACT = {
    "clockwise": (Turn(90),),
    "counterclockwise": (Turn(270),),
    "thumbnail": (Fit(320, 320),),
    "web": (Fit(1920, 1920),),
    "mobile": (Fit(828, 828),),
}

every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@cache
def handler(folder: Path) -> Batch:
    """The folder's function, as Lambda starts it."""
    spec = importlib.util.spec_from_file_location(f"app_{folder.name}", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started: Batch = module.handler
    return started


@pytest.fixture(scope="module", autouse=True)
def functions_end_with_the_tests() -> Iterator[None]:
    """On AWS a function ends with its machine; here its worker has to be ended."""
    yield
    for folder in FOLDERS:
        handler(folder)._job._codec.close()  # type: ignore[attr-defined]


@pytest.fixture
def variant(folder: Path) -> Variant:
    return handler(folder).variant


def test_the_five_of_the_contract_are_there() -> None:
    made = {folder.name: handler(folder).variant.steps for folder in FOLDERS}
    assert {name: made.get(name) for name in CONTRACT} == CONTRACT


def test_no_two_variants_share_a_name_or_a_recipe() -> None:
    variants = [handler(folder).variant for folder in FOLDERS]
    assert len({variant.name for variant in variants}) == len(variants)
    assert len({variant.recipe for variant in variants}) == len(variants)


@every_folder
def test_the_folder_is_a_dockerfile_and_a_few_lines(folder: Path, variant: Variant) -> None:
    files = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    assert files == {"app.py", "Dockerfile"}
    source = (folder / "app.py").read_text()
    assert len(source.splitlines()) <= 20
    assert variant.name == folder.name
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)], (
        "pixels are worked on in the library, where the sandbox is"
    )


@every_folder
def test_the_dockerfile_serves_any_variant(folder: Path) -> None:
    dockerfile = (folder / "Dockerfile").read_text()
    assert folder.name not in dockerfile
    assert dockerfile == (ROOT / "images" / "thumbnail" / "Dockerfile").read_text()


@every_folder
@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_a_photograph_comes_out_in_the_size_that_the_variant_says(
    folder: Path, variant: Variant, photograph: Path
) -> None:
    with Image.open(photograph) as upload:
        size, format_ = upload.size, str(upload.format).lower()
    made = render(variant, photograph.read_bytes(), LIMITS)
    with Image.open(io.BytesIO(made.data)) as result:
        result.load()
        assert result.size == (made.width, made.height) == chain.size(variant.steps, size)
        assert str(result.format).lower() == made.format
    assert made.format == (format_ if variant.formats[0] == "keep" else variant.formats[0])
    assert made.frames == 1


@every_folder
def test_the_eight_orientations_of_one_scene_give_one_size(folder: Path, variant: Variant) -> None:
    with Image.open(ROOT / "tests" / "pictures" / "rocket.jpg") as upload:
        scene = upload.resize((320, 208))
    for orientation in range(1, 9):
        stored = scene if orientation < 5 else scene.transpose(Image.Transpose.TRANSPOSE)
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = io.BytesIO()
        stored.save(data, "jpeg", exif=exif)
        made = render(variant, data.getvalue(), LIMITS)
        assert (made.width, made.height) == chain.size(variant.steps, (320, 208)), f"orientation {orientation}"
        with Image.open(io.BytesIO(made.data)) as result:
            assert result.getexif().get(0x0112, 1) == 1


@every_folder
def test_the_result_can_be_stored(folder: Path, variant: Variant) -> None:
    assert all(name == "keep" or FORMATS[name].writable for name in variant.formats)


def readme_rows() -> dict[str, str]:
    """The README's table of variants: name to what it says of it."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return dict(rows)


def test_the_readme_lists_every_variant_of_the_contract_and_none_that_is_not_there() -> None:
    rows = set(readme_rows())
    assert set(CONTRACT) <= rows <= {folder.name for folder in FOLDERS}


@every_folder
def test_the_readme_says_what_the_variant_does(folder: Path, variant: Variant) -> None:
    row = readme_rows().get(folder.name)
    if row is None:
        pytest.skip(f"{folder.name} is not in the README's table yet")
    for step in variant.steps:
        match step:
            case Fit(width, height):
                assert f"{width} x {height}" in row
                assert f"quality {variant.quality}" in row
            case Turn(90):
                assert "quarter turn clockwise" in row
            case Turn():
                assert "quarter turn counter-clockwise" in row
