"""`tests/run.sh aws` asks before it touches anything; and what it wants to see of pictures is to be seen here."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import real
from controlplane.account import Account
from controlplane.local import aws
from integration.kit import ROOT, Machine, running


def test_it_says_what_it_will_make_and_asks(endpoint: str) -> None:
    asked = subprocess.run(
        [sys.executable, "tests/real.py"],
        cwd=ROOT,
        env={"PYTHONPATH": "tests:shared", "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": aws.REGION, **aws.CREDENTIALS},
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "In account 000000000000, region us-east-1, this will make and take away again" in asked.stdout
    assert "less than one US dollar" in asked.stdout
    assert asked.stdout.endswith("Nothing was touched.\n")
    assert asked.returncode == 1


@dataclass
class Here:
    """The machine on this computer, as a place where a stack lives."""

    machine: Machine
    stack: str = "image-machine"
    account: str = "000000000000"
    region: str = aws.REGION

    def deploy(self, *words: str, status: int = 0) -> str:
        raise NotImplementedError

    def client(self, service: str) -> Any:
        return aws.client(service, self.machine.stack.endpoint)

    def change(self, variant: str) -> None:
        raise NotImplementedError


def test_what_is_to_be_seen_of_pictures(tmp_path: Path) -> None:
    with running(tmp_path, ["thumbnail", "web"]) as machine:
        real.it_makes_pictures(Here(machine))


def test_a_copy_can_be_changed_without_the_original(tmp_path: Path, endpoint: str) -> None:
    before = (ROOT / "images/web/app.py").read_text()
    place = real.RealPlace("s", Account.emulated(endpoint), real.copy_of_the_project(tmp_path))
    place.change("web")
    assert (place.project / "images/web/app.py").read_text() == before + "# changed\n"
    assert (ROOT / "images/web/app.py").read_text() == before
    assert "local" in place.deploy("--help")
    needed = re.findall(r'"\$root/([^"]+)"', (ROOT / "docker/base/build.sh").read_text())
    assert needed
    assert [name for name in needed if not (place.project / name).exists()] == []
