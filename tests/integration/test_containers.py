"""The images as they are shipped, and the machine on them."""

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eye.table import kinds, sample
from integration.engine import ROOT, docker, marks, run, variant
from integration.engine import base as built_base

pytestmark = marks()

PICTURES = ROOT / "tests/pictures"
VARIANTS = sorted(path.parent.name for path in (ROOT / "images").glob("*/app.py"))


@pytest.fixture(scope="module")
def base() -> str:
    return built_base()


@pytest.fixture(scope="module")
def thumbnail(base: str) -> str:
    del base
    return variant("thumbnail")


@pytest.fixture(scope="module")
def listing(thumbnail: str) -> Iterator[dict[str, tarfile.TarInfo]]:
    """Every file of the image."""
    container = docker("create", thumbnail).strip()
    try:
        exported = subprocess.run(["docker", "export", container], capture_output=True, check=True).stdout
    finally:
        docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        yield {member.name: member for member in archive}


def test_an_image_is_small_when_it_travels(thumbnail: str) -> None:
    saved = subprocess.run(["docker", "save", thumbnail], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        layers = [archive.extractfile(member) for member in archive if member.name.endswith("layer.tar")]
        travels = sum(len(gzip.compress(layer.read(), 6)) for layer in layers if layer is not None)
    assert 20e6 < travels <= 60e6


def test_an_image_says_which_version_it_is(thumbnail: str) -> None:
    labels = json.loads(docker("image", "inspect", thumbnail))[0]["Config"]["Labels"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert labels["org.opencontainers.image.version"] == version
    assert f"## {version}" in (ROOT / ".github/CHANGELOG.md").read_text()


def test_the_variants_share_all_layers_but_one(base: str) -> None:
    def layers(image: str) -> list[str]:
        found: list[str] = json.loads(docker("image", "inspect", image))[0]["RootFS"]["Layers"]
        return found

    for name in VARIANTS:
        assert layers(variant(name))[:-1] == layers(base)


def test_it_is_ready_for_lambda(thumbnail: str) -> None:
    (image,) = json.loads(docker("image", "inspect", thumbnail))
    assert image["Config"]["User"] == "1000"
    assert image["Config"]["Cmd"] == ["app.handler"]
    assert image["Config"]["WorkingDir"] == "/var/task"
    assert not [line for line in image["Config"]["Env"] if re.search("proxy|secret|token", line, re.IGNORECASE)]


def test_nothing_is_in_it_that_a_function_does_not_need(listing: dict[str, tarfile.TarInfo]) -> None:
    programs = {name.rsplit("/", 1)[-1] for name in listing if re.match(r"(usr/)?(local/)?s?bin/", name)}
    assert not programs & {"gcc", "cc", "pip", "pip3", "apt", "apt-get", "dpkg", "perl", "bash", "curl", "make"}
    assert not [name for name in listing if re.search(r"/pip/|/site-packages/pip|/include/python", name)]
    assert not [name for name in listing if name.startswith(("var/cache/apt", "var/lib/apt", "usr/share/locale/"))]
    data = "usr/local/lib/python3.13/dist-packages/botocore/data/"
    services = {name.removeprefix(data).split("/")[0] for name in listing if re.match(f"{data}[^/]+/", name)}
    assert services == {"dynamodb", "s3", "sns", "sqs"}


def test_everybody_may_read_it_and_nothing_is_run_as_somebody_else(listing: dict[str, tarfile.TarInfo]) -> None:
    kept = {name: member for name, member in listing.items() if re.match("usr/|var/task/", name) and not member.issym()}
    assert len(kept) > 1000
    assert not [name for name, member in kept.items() if not member.mode & 0o004]
    assert not [name for name, member in listing.items() if member.isfile() and member.mode & 0o6000]


def test_the_licences_and_the_package_list_are_in_it(listing: dict[str, tarfile.TarInfo]) -> None:
    assert [name for name in listing if name.endswith("libjpeg62-turbo/copyright")]
    assert [name for name in listing if name.endswith("dpkg/status.d/libjpeg62-turbo")]
    assert "usr/share/image-machine/build.json" in listing


def test_the_commands_of_the_document_make_a_variant(base: str, tmp_path: Path) -> None:
    """Typed as they stand, in a folder with a photo.jpg, but for where the project is."""
    del base
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", (ROOT / "docker/README.md").read_text(), re.MULTILINE)
    (block,) = [block for block in blocks if "--publish 9000:8080" in block]
    typed = "\n".join(line[4:] for line in block.splitlines())
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((PICTURES / "rocket.jpg").read_bytes())
    made = tmp_path / "thumbnail.jpg"
    typed = typed.replace("-T photo.jpg", f"-T {photo}").replace("-o thumbnail.jpg", f"-o {made}")
    tidy = "trap 'docker rm --force thumbnail; kill %1' EXIT\n"
    run("bash", "-euo", "pipefail", "-c", tidy + typed, status=None)
    with Image.open(made) as result:
        assert result.size == (320, 214)


@pytest.fixture(scope="module")
def with_tests(base: str) -> str:
    """The image with the tests beside it."""
    del base
    run("docker/base/build.sh", "image-machine-test", settings={"TARGET": "test"})
    return "image-machine-test"


_CONFINED = ("run", "--rm", "--init", "--read-only", "--tmpfs", "/tmp")  # noqa: S108


def test_another_library_sees_in_its_results_what_it_should(with_tests: str, tmp_path: Path) -> None:
    """Rendered in the image, which has no libvips; looked at here."""
    uploads, results = tmp_path / "uploads", tmp_path / "results"
    uploads.mkdir()
    results.mkdir()
    tmp_path.chmod(0o755)  # The image has a user of its own.
    results.chmod(0o777)
    for kind in kinds():
        made = sample(kind)
        if not isinstance(made, str):
            (uploads / str(kind)).write_bytes(made.data)
    python = ("--env", "PYTHONPATH=/opt/tests:tests", "--entrypoint", "python3", with_tests, "-m", "eye.render_all")
    docker(*_CONFINED, "--volume", f"{tmp_path}:/eye", *python, "/eye/uploads", "/eye/results")
    run(sys.executable, "-m", "pytest", "--quiet", "--numprocesses", "2", "tests/eye/test_eye.py", "--results", results)


def test_unit_and_contract_tests_pass_inside(with_tests: str) -> None:
    told = docker(*_CONFINED, with_tests)
    assert re.search(r"\d{3,} passed", told)
    assert "Not tested here" not in told


def names() -> set[str]:
    """The repositories that the engine has images of."""
    return set(docker("image", "ls", "--format", "{{.Repository}}").split())


def test_containers_give_what_processes_give(tmp_path: Path) -> None:
    """Same sizes, same way round; and where nothing is lost in writing, the same pixels within a level or two."""
    opaque = tmp_path / "pictures/two words/été.png"
    opaque.parent.mkdir(parents=True)
    with Image.open(PICTURES / "coffee.png") as picture:
        picture.convert("RGB").save(opaque)
    before = names()
    reports = {}
    for how in ("processes", "containers"):
        out = tmp_path / how
        run("./deploy.sh", "local", opaque.parents[1], PICTURES / "rocket.jpg", f"--{how}", "--out", out)
        reports[how] = {
            (row["source"], row["variant"]): row for row in json.loads((out / "report.json").read_text())["results"]
        }
    assert reports["processes"].keys() == reports["containers"].keys()
    assert len(reports["containers"]) == 2 * len(VARIANTS)
    for key, row in reports["containers"].items():
        assert row["outcome"] == "made"
        other = reports["processes"][key]
        assert (row["width"], row["height"], row["frames"]) == (other["width"], other["height"], other["frames"])
        with (
            Image.open(tmp_path / "containers" / row["output"]) as a,
            Image.open(tmp_path / "processes" / other["output"]) as b,
        ):
            far = np.abs(np.asarray(a.convert("RGB"), int) - np.asarray(b.convert("RGB"), int))
        assert far.max() <= 2 if row["output"].endswith(".png") else far.mean() < 2
    assert docker("ps", "--quiet", "--filter", "name=image-machine-").split() == []
    assert not [name for name in names() - before if name.startswith("127.0.0.1:")]
