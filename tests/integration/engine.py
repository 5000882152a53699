"""A Docker engine for tests, where there is one."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from controlplane.local import aws

ROOT = Path(__file__).parents[2]
BASE = "image-machine-base"


@cache
def missing() -> str | None:
    """Why there is no engine, or None."""
    if shutil.which("docker") is None:
        return "Docker is not installed"
    answer = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    return None if answer.returncode == 0 else "no Docker engine answers"


def marks() -> list[pytest.MarkDecorator]:
    """What a module that needs the engine is marked with."""
    return [pytest.mark.docker, pytest.mark.skipif(missing() is not None, reason=f"{missing()}")]


def run(
    *command: str | Path, folder: Path = ROOT, settings: Mapping[str, str] = {}, status: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Run to the end; what it prints is shown where it does not end with `status`."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **aws.PROXIES, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def docker(*words: str | Path) -> str:
    """The output of a docker command."""
    return run("docker", *words).stdout


@cache
def base() -> str:
    """The base image, built from what is here."""
    run("docker/base/build.sh", BASE)
    return BASE


@cache
def variant(name: str) -> str:
    """A variant's image, built as the README builds it."""
    base()
    tag = f"image-machine-{name}"
    docker("build", "--tag", tag, f"images/{name}")
    return tag
