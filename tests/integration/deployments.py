"""Deployments without a Docker engine: an emulated account whose ECR has the images, and whose functions answer."""

import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from controlplane import cli
from controlplane.account import Account
from controlplane.deploying import images, variants
from controlplane.deploying.engine import Platform
from controlplane.local import aws
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from integration.strict.account import StrictAccount

STACK = "album"
UPLOADS = f"{STACK}-uploads-000000000000-{aws.REGION}"
RESULTS = f"{STACK}-results-000000000000-{aws.REGION}"
GOOD: Mapping[str, Any] = {"batchItemFailures": []}


@dataclass
class Functions:
    """What every function answers, by its name; those that are not named do their work."""

    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Whoever was invoked, in order."""
    url: str = ""

    def proxies(self, stack: str, names: Collection[str]) -> dict[str, str]:
        """What the emulator has to know for the functions of `stack` to be asked here."""
        return {f"MINISTACK_LAMBDA_PROXY_{stack}-{name}": f"{self.url}/{stack}-{name}" for name in names}

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer at `url` below the function's name."""
        functions = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                name = self.path.strip("/")
                functions.asked.append(name)
                body = json.dumps(functions.answers.get(name, GOOD)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            yield
            server.shutdown()
            thread.join()


@dataclass
class Deployer:
    """Somebody who types `./deploy.sh` at an emulated account."""

    endpoint: str
    functions: Functions
    capture: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        self.account = Account.emulated(self.endpoint)

    def __call__(self, *words: str, status: int = 0) -> str:
        """What the command says, which has to end with `status`."""
        self.capture.readouterr()
        ended = cli.main(words)
        told = "".join(self.capture.readouterr())
        assert ended == status, told
        return told

    def client(self, service: str) -> Any:
        return self.account.clients[service]

    def images_are_there(self, names: Sequence[str] = (), stack: str = STACK) -> None:
        """Put an image for each variant, as it is now, into ECR: a manifest that nobody will run."""
        if not images.exists(self.account, stack):
            images.prepare(self.account, stack)
        there = images.listing(self.account, stack)
        for name in names or variants.folders():
            tag = images.tag(name, Platform.chosen())
            if tag not in there:
                self.client("ecr").put_image(repositoryName=stack, imageTag=tag, imageManifest=_manifest(tag))

    def stack(self) -> dict[str, Any]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        found: dict[str, Any] = stack
        return found

    def parameters(self) -> dict[str, str]:
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in self.stack()["Parameters"]}

    def buckets(self) -> list[str]:
        return sorted(bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"])

    def announcements(self, bucket: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("s3").get_bucket_notification_configuration(Bucket=bucket)
        found.pop("ResponseMetadata")
        return found

    def state(self) -> Mapping[str, Any]:
        """Everything that two runs of `up` must agree on."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        resources = [entry for page in pages for entry in page["StackResourceSummaries"]]
        return {
            "resources": sorted((entry["LogicalResourceId"], entry["PhysicalResourceId"]) for entry in resources),
            "parameters": self.parameters(),
            "tags": sorted((tag["Key"], tag["Value"]) for tag in self.stack()["Tags"]),
            "buckets": {name: self.announcements(name) for name in self.buckets()},
        }


def _manifest(content: str) -> str:
    blob = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": "sha256:" + "0" * 64}
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": blob,
            "layers": [],
            "annotations": {"content": content},
        }
    )


@contextmanager
def deployer(
    workspace: Path,
    capture: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    names: Sequence[str] = (),
    concurrency: int = 1000,
    throttle: int = 0,
) -> Iterator[Deployer]:
    """Somebody at an empty account that is as strict as AWS.

    `names` are variants whose functions answer beside those of the project; see StrictAccount for the others.
    """
    functions = Functions()
    with functions.serving():
        proxies = functions.proxies(STACK, {*variants.folders(), *names})
        with (
            Family(workspace) as family,
            emulator(family, workspace, "127.0.0.1", proxies) as url,
            StrictAccount(url, concurrency=concurrency, throttle=throttle, seed=1) as account,
        ):
            address = {"AWS_REGION": aws.REGION, "AWS_ENDPOINT_URL": account.endpoint}
            for name, value in {**aws.CREDENTIALS, **address}.items():
                monkeypatch.setenv(name, value)
            yield Deployer(url, functions, capture)
