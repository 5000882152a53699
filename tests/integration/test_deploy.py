"""`./deploy.sh up`, `push` and `destroy` with real images, on the emulated account with IAM enforced."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controlplane.local import aws
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from integration.deployments import Functions
from integration.engine import ROOT, docker, marks, run
from real import copy_of_the_project

# The base image may have to be built, and its codecs compiled.
pytestmark = [*marks(), pytest.mark.timeout(3600)]

STACK = "pictures"
VARIANTS = sorted(path.parent.name for path in (ROOT / "images").glob("*/app.py"))
UPLOADS = f"{STACK}-uploads-000000000000-{aws.REGION}"
RESULTS = f"{STACK}-results-000000000000-{aws.REGION}"


@dataclass(frozen=True)
class Account:
    """An emulated account, and a copy of the project to deploy to it from."""

    endpoint: str
    project: Path

    def settings(self) -> dict[str, str]:
        return {**aws.CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def deploy(self, *words: str, status: int = 0) -> str:
        """What `./deploy.sh` says."""
        done = run("./deploy.sh", *words, folder=self.project, settings=self.settings(), status=status)
        return done.stdout + done.stderr

    def client(self, service: str) -> Any:
        return aws.client(service, self.endpoint)

    def stack(self) -> dict[str, Any]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        found: dict[str, Any] = stack
        return found

    def images(self) -> dict[str, str]:
        """What each function runs."""
        functions = self.client("lambda")
        return {name: functions.get_function(FunctionName=f"{STACK}-{name}")["Code"]["ImageUri"] for name in VARIANTS}

    def state(self) -> Mapping[str, Any]:
        """Everything that two runs of `up` must agree on."""
        resources = self.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        return {
            "status": self.stack()["StackStatus"].removeprefix("CREATE_").removeprefix("UPDATE_"),
            "resources": sorted((entry["LogicalResourceId"], entry["ResourceType"]) for entry in resources),
            "parameters": sorted(
                (entry["ParameterKey"], entry["ParameterValue"]) for entry in self.stack()["Parameters"]
            ),
            "images": self.images(),
            "buckets": sorted(bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]),
        }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy whose files may be changed; it shares the environment of the original."""
    return copy_of_the_project(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module", autouse=True)
def no_traces() -> Iterator[None]:
    yield
    names = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    ours = [name for name in names if name.startswith(f"{STACK}-base:") or f"/{STACK}:" in name]
    if ours:
        docker("rmi", *ours)


@pytest.fixture
def account(project: Path, tmp_path: Path) -> Iterator[Account]:
    """An empty account that enforces IAM, and whose functions answer without being run."""
    functions = Functions()
    with functions.serving(), Family(tmp_path) as family:
        settings = {**functions.proxies(STACK, VARIANTS), "AUTH": "true"}
        with emulator(family, tmp_path, "127.0.0.1", settings) as url:
            yield Account(url, project)


def test_up_twice_then_one_function_then_away(account: Account) -> None:
    """One long story, for every chapter needs the one before."""
    told = account.deploy("up", "--stack", STACK)
    assert f"{STACK} is up." in told
    assert f"s3://{UPLOADS}/ingest/" in told
    first = account.state()
    assert first["status"] == "COMPLETE"
    address = account.endpoint.removeprefix("http://") + f"/{STACK}@sha256:"
    assert all(image.startswith(address) for image in first["images"].values())
    assert len(set(first["images"].values())) == len(VARIANTS)

    the_repository_keeps_what_runs(account)

    told = account.deploy("up", "--stack", STACK)
    assert f"Nothing changed: {STACK} is up to date." in told
    assert "Building" not in told
    assert account.state() == first

    app = account.project / "images/thumbnail/app.py"
    app.write_text(app.read_text() + "# changed\n")
    assert "Updated: thumbnail." in account.deploy("push", "--stack", STACK, "thumbnail")
    second = account.images()
    assert [name for name in VARIANTS if second[name] != first["images"][name]] == ["thumbnail"]
    assert "Nothing changed" in account.deploy("push", "--stack", STACK, "thumbnail", "web")

    assert f"{STACK} is gone." in account.deploy("destroy", "--stack", STACK, "--yes")
    assert account.client("ecr").describe_repositories()["repositories"] == []
    left = docker("image", "ls", "--format", "{{.Repository}}").split()
    assert not [name for name in left if name == f"{STACK}-base" or name.endswith(f"/{STACK}")]


def the_repository_keeps_what_runs(account: Account) -> None:
    ecr = account.client("ecr")
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"]["scanOnPush"] is True
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName=STACK)["lifecyclePolicyText"])
    assert [rule["selection"]["tagStatus"] for rule in policy["rules"]] == ["untagged"]
    tagged = ecr.describe_images(repositoryName=STACK)["imageDetails"]
    digests = {image.partition("@")[2] for image in account.images().values()}
    assert digests <= {image["imageDigest"] for image in tagged if image.get("imageTags")}


def test_what_killed_runs_leave_is_finished_by_the_next(account: Account) -> None:
    chance = random.Random(20261120)
    for _ in range(4):
        running = subprocess.Popen(
            ["./deploy.sh", "up", "--stack", STACK],
            cwd=account.project,
            env={**os.environ, **aws.PROXIES, **account.settings()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.uniform(1, 12))
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    account.deploy("up", "--stack", STACK)
    repaired = account.state()
    assert repaired["status"] == "COMPLETE"
    assert "Nothing changed" in account.deploy("up", "--stack", STACK)
    assert account.state() == repaired
