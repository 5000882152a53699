"""The Docker engine of this computer: builds, pushes and removes images."""

import base64
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controlplane.environment import PROJECT
from controlplane.errors import Failure, UsageError
from controlplane.signals import Stopped

DOCKER = "docker"
LAST_WORDS = 30
"""Lines of a failed build that are shown."""

_ARCHITECTURES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


@dataclass(frozen=True)
class Platform:
    """What images are built for."""

    architecture: str
    """As Lambda calls it: x86_64 or arm64."""

    @property
    def docker(self) -> str:
        """As Docker calls it: linux/amd64 or linux/arm64."""
        return _PLATFORMS[self.architecture]

    @classmethod
    def chosen(cls, environment: Mapping[str, str] = os.environ, machine: str = "") -> "Platform":
        """This computer's own unless PLATFORM names another: both run on Lambda. Raises UsageError."""
        wanted = environment.get("PLATFORM") or machine or platform.machine()
        architecture = _ARCHITECTURES.get(wanted.removeprefix("linux/"))
        if architecture is None:
            raise UsageError(f'PLATFORM is linux/amd64 or linux/arm64, not "{wanted}".')
        return cls(architecture)


def missing() -> str | None:
    """Why no image can be built here, in a sentence; None where one can."""
    if shutil.which(DOCKER) is None:
        return "Docker is not installed, and images have to be built: see https://docs.docker.com/engine/install/."
    if subprocess.run([DOCKER, "info"], capture_output=True, check=False).returncode != 0:
        return "No Docker engine answers, and images have to be built: start it, and see that you may use it."
    return None


def build_base(tag: str, target: Platform) -> None:
    """Build the image that every variant stands on. Raises Failure."""
    _quietly([PROJECT / "docker/base/build.sh", tag], {"PLATFORM": target.docker})


def build(tag: str, folder: Path, base: str, target: Platform) -> None:
    """Build the image of the variant in `folder`. Raises Failure."""
    words = ["--platform", target.docker, "--build-arg", f"BASE={base}", "--tag", tag, str(folder)]
    _quietly([PROJECT / "docker/base/engine.sh", "build", *words])


def push(tag: str) -> None:
    """Push an image to the registry that its tag names. Raises Failure."""
    _quietly([DOCKER, "push", tag])


def login(registry: str, token: str) -> None:
    """Let Docker push to `registry` with ECR's authorization token. Raises Failure."""
    user, _, password = base64.b64decode(token).decode().partition(":")
    command = [DOCKER, "login", "--username", user, "--password-stdin", registry]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise Failure(f"Docker cannot log in to {registry}. It says: {said[0].rstrip('.')}.")


def remove(names: Sequence[str]) -> list[str]:
    """Remove the images of these names from this computer, and return those that were there."""
    if shutil.which(DOCKER) is None:
        return []
    listed = subprocess.run(
        [DOCKER, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], capture_output=True, text=True, check=False
    )
    there = [image for image in listed.stdout.split() if image.rpartition(":")[0] in names]
    if there:
        subprocess.run([DOCKER, "rmi", *there], capture_output=True, check=False)
    return there


def _quietly(command: Sequence[str | Path], settings: Mapping[str, str] | None = None) -> None:
    """Run a command whose output matters only if it fails. Raises Failure."""
    with subprocess.Popen(
        command,
        env={**os.environ, **(settings or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    ) as child:
        try:
            said, _ = child.communicate()
        except Stopped as stopped:
            # What it has started itself would go on.
            os.killpg(child.pid, signal.SIGTERM)
            raise Failure("Stopped while images were built; what runs in AWS is as it was.", stopped.status) from None
    if child.returncode != 0:
        last = "\n".join(said.splitlines()[-LAST_WORDS:])
        name = " ".join(str(word) for word in command)
        raise Failure(f"{last}\nThis failed: {name}")
