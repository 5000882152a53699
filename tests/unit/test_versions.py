"""The base image and the local machine name their versions in files of their own; here they are held together."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^\"?(?:[A-Z_]+=\")?([a-z0-9-]+)==(\S+)((?:\s*\\?\s*--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


def pins(file: str) -> dict[str, tuple[str, set[str]]]:
    """Version and checksums of every package that a file pins."""
    found = PIN.findall((ROOT / file).read_text())
    return {name: (version, set(re.findall("[0-9a-f]{64}", hashes))) for name, version, hashes in found}


IMAGE = pins("docker/base/versions.env")
LOCAL = {**pins("shared/controlplane/requirements.txt"), **pins("shared/controlplane/rie.txt")}
BUILT_FROM_SOURCE = {"pillow", "pillow-heif"}


def test_everything_in_the_image_is_pinned_with_a_checksum() -> None:
    text = (ROOT / "docker/base/versions.env").read_text()
    assert len(IMAGE) == len(re.findall("==", text)) >= 15
    assert re.search(r"^DEBIAN=debian:[a-z]+-slim\nDEBIAN_DIGEST=sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert re.search(r"^LIBJPEG_TURBO=[0-9.]+\nLIBJPEG_TURBO_SHA256=[0-9a-f]{64}$", text, re.MULTILINE)


def test_the_dockerfile_names_no_version() -> None:
    text = (ROOT / "docker/base/Dockerfile").read_text()
    assert "==" not in text.replace("!=", "")
    assert [line for line in text.splitlines() if line.startswith("FROM") and ":" in line] == []


@pytest.mark.parametrize("name", sorted(IMAGE.keys() & LOCAL.keys()))
def test_image_and_processes_run_the_same_version(name: str) -> None:
    assert IMAGE[name][0] == LOCAL[name][0]
    if name not in BUILT_FROM_SOURCE:
        assert IMAGE[name][1] <= LOCAL[name][1]


def test_the_runtime_is_compared() -> None:
    assert {"awslambdaric", "boto3", "botocore", "pillow", "pillow-heif", "aws-sam-cli"} <= IMAGE.keys() & LOCAL.keys()
