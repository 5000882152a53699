"""Which image a folder stands for, and which images may go."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.account import Account
from controlplane.deploying import images
from controlplane.deploying.engine import Platform
from controlplane.deploying.fingerprint import fingerprint as of
from controlplane.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/one.py").write_text("1")
    (tmp_path / "a/b/two.py").write_text("2")
    return tmp_path


def fingerprint(folder: Path, text: str = "linux/amd64") -> str:
    return of(text, ["a"], folder)


def test_a_fingerprint_is_of_names_and_contents_alone(folder: Path) -> None:
    before = fingerprint(folder)
    os.utime(folder / "a/one.py", (0, 0))
    (folder / "a/one.py").chmod(0o600)
    (folder / "a/__pycache__").mkdir()
    (folder / "a/__pycache__/one.cpython-313.pyc").write_text("x")
    assert fingerprint(folder) == before
    assert len(before) == 16


@pytest.mark.parametrize("how", ["content", "name", "more", "less", "text", "moved"])
def test_a_fingerprint_notices_every_change(folder: Path, how: str) -> None:
    before, text = fingerprint(folder), "linux/amd64"
    match how:
        case "content":
            (folder / "a/one.py").write_text("3")
        case "name":
            (folder / "a/one.py").rename(folder / "a/three.py")
        case "more":
            (folder / "a/empty").touch()
        case "less":
            (folder / "a/one.py").unlink()
        case "text":
            text = "linux/arm64"
        case "moved":
            (folder / "a/one.py").rename(folder / "a/b/one.py")
    assert fingerprint(folder, text) != before


@given(count=st.integers(0, 60), running=st.sets(st.integers(0, 59)), order=st.randoms())
def test_images_that_run_are_never_superfluous_and_the_oldest_go_first(
    count: int, running: set[int], order: st.DataObject
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    details = [
        {"imageDigest": f"sha256:{number:064x}", "imagePushedAt": begin + timedelta(minutes=number)}
        for number in range(count)
    ]
    order.shuffle(details)  # type: ignore[attr-defined]
    gone = images.superfluous(details, {f"{number:064x}" for number in running})
    numbers = [int(digest.removeprefix("sha256:"), 16) for digest in gone]
    assert not running & set(numbers)
    idle = sorted(set(range(count)) - running)
    assert numbers == idle[: max(0, len(idle) - images.KEPT)]


@pytest.mark.parametrize(
    ("environment", "machine", "architecture", "docker"),
    [
        ({}, "x86_64", "x86_64", "linux/amd64"),
        ({}, "aarch64", "arm64", "linux/arm64"),
        ({"PLATFORM": "linux/arm64"}, "x86_64", "arm64", "linux/arm64"),
        ({"PLATFORM": ""}, "arm64", "arm64", "linux/arm64"),
    ],
)
def test_what_images_are_built_for(environment: dict[str, str], machine: str, architecture: str, docker: str) -> None:
    target = Platform.chosen(environment, machine)
    assert (target.architecture, target.docker) == (architecture, docker)


def test_a_platform_that_lambda_does_not_have() -> None:
    with pytest.raises(UsageError, match="riscv64"):
        Platform.chosen({"PLATFORM": "linux/riscv64"})


def test_a_repository_goes_once(endpoint: str) -> None:
    account, name = Account.emulated(endpoint), f"repository-{uuid4().hex[:12]}"
    assert not images.exists(account, name)
    account.clients["ecr"].create_repository(repositoryName=name)
    assert images.exists(account, name)
    assert images.delete(account, name)
    assert not images.exists(account, name)
    assert not images.delete(account, name)


@pytest.mark.parametrize("surplus", [0, 1, 100, 101, 250])
def test_ecr_is_asked_to_delete_a_hundred_at_a_time(surplus: int) -> None:
    """More than its emulator holds; https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html"""
    entries = [
        {
            "imageDigest": f"sha256:{number:064x}",
            "imagePushedAt": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        }
        for number in range(surplus + images.KEPT)
    ]
    calls: list[list[str]] = []

    def delete(*, repositoryName: str, imageIds: list[dict[str, str]]) -> None:  # noqa: N803 - boto3's own
        assert repositoryName == "shop"
        calls.append([entry["imageDigest"] for entry in imageIds])

    pages = SimpleNamespace(paginate=lambda **_: [{"imageDetails": entries[:7]}, {"imageDetails": entries[7:]}])
    ecr = SimpleNamespace(get_paginator=lambda _: pages, batch_delete_image=delete)
    account: Any = SimpleNamespace(clients={"ecr": ecr})
    images.prune(account, "shop", [])
    assert [digest for call in calls for digest in call] == [entry["imageDigest"] for entry in entries[:surplus]]
    assert [len(call) for call in calls] == [100] * (surplus // 100) + [surplus % 100] * bool(surplus % 100)
