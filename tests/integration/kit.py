"""The whole machine for tests: real functions, on the emulated account, behind a wire that can be troubled."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from controlplane.local import aws
from controlplane.local import machine as local
from controlplane.local.hosts import Site, Stack
from controlplane.local.processes import Processes
from integration.trouble import Proxy

ROOT = Path(__file__).parents[2]


@dataclass
class Machine:
    """The running machine, with what a user and an operator can do and see."""

    stack: Stack
    proxy: Proxy
    processes: Processes
    variants: tuple[str, ...]
    lines: list[dict[str, Any]] = field(default_factory=list)
    """The outcome lines of all functions so far."""
    said: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.s3 = aws.client("s3", self.stack.endpoint)
        self.sqs = aws.client("sqs", self.stack.endpoint)

    def upload(self, key: str, body: bytes) -> str:
        """Put an upload; its etag."""
        return str(self.s3.put_object(Bucket=self.stack.source_bucket, Key=key, Body=body)["ETag"]).strip('"')

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.stack.source_bucket, Key=key)

    def send(self, variant: str, body: str) -> None:
        """Put a message into a variant's queue."""
        self.sqs.send_message(QueueUrl=self.stack.queues[variant], MessageBody=body)

    def outcomes(self, key: str | None, variant: str | None = None) -> list[dict[str, Any]]:
        """The outcomes of an upload so far, oldest first."""
        with self.changed:
            return [
                line for line in self.lines if line["key"] == key and (variant is None or line["variant"] == variant)
            ]

    def wait(self, what: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `what` is true after some outcome."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not what():
                assert self.changed.wait(deadline - time.monotonic()), f"after {seconds} s: {self.lines[-5:]}"

    def wait_for(self, key: str, outcome: str, variants: Sequence[str] = (), times: int = 1) -> None:
        """Wait until an upload has had an outcome `times` times in each of `variants`, or in all."""

        def there() -> bool:
            return all(
                sum(line["outcome"] == outcome for line in self.outcomes(key, variant)) >= times
                for variant in variants or self.variants
            )

        self.wait(there)

    def results(self, prefix: str = "") -> dict[str, str]:
        """Key and source etag of every result below `prefix`."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.output_bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: self.head(key)["Metadata"]["source-etag"] for key in keys}

    def head(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.head_object(Bucket=self.stack.output_bucket, Key=key)
        return answer

    def result(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.stack.output_bucket, Key=key)["Body"].read()
        return body

    def dead_letters(self, variant: str, about: str = "", seconds: float = 60) -> list[dict[str, Any]]:
        """Take the messages that hold `about` out of a variant's dead-letter queue, waiting for the first."""
        url = self.stack.dead_letters[variant]
        deadline = time.monotonic() + seconds
        taken: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            messages = self.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                VisibilityTimeout=5,  # What is not taken is there for others soon.
                WaitTimeSeconds=0 if taken else 1,
            ).get("Messages", [])
            wanted = [message for message in messages if about in message["Body"]]
            for message in wanted:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken += wanted
            if taken and not messages:
                break
        return taken

    def left(self, variant: str) -> int:
        """How many messages a variant's queue holds, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.stack.queues[variant], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


@contextmanager
def running(
    folder: Path, variants: Sequence[str] = (), project: Path | None = None, **parameters: str
) -> Iterator[Machine]:
    """The machine with these variants, or with all, and these parameters of its stack.

    `folder` is for its files, `project` another one than this.
    """
    project = project or (_project(folder, variants) if variants else ROOT)
    early: list[tuple[str, str]] = []
    machines: list[Machine] = []

    def report_line(variant: str, line: str) -> None:
        if not machines:
            early.append((variant, line))
            return
        try:
            parsed = json.loads(line)
        except ValueError:
            return
        if "outcome" in parsed:
            with machines[0].changed:
                machines[0].lines.append(parsed)
                machines[0].changed.notify_all()

    class Troubled(Processes):
        """Functions that reach their account through the proxy."""

        proxy: Proxy

        def __init__(self, site: Site) -> None:
            super().__init__(site)
            hosts.append(self)
            self.variants = site.variants

        def stack_parameters(self, endpoint: str) -> Mapping[str, str]:
            return {**super().stack_parameters(endpoint), **parameters}

        def start(self, stack: Stack) -> None:
            self.proxy = Proxy(stack.endpoint)
            self.proxy.__enter__()
            super().start(replace(stack, endpoint=self.proxy.endpoint))

        def stop(self) -> None:
            super().stop()
            if hasattr(self, "proxy"):
                self.proxy.__exit__()
                del self.proxy

    hosts: list[Troubled] = []
    said: list[str] = []
    with local.machine(project, Troubled, report_line, said.append) as (stack, _):
        (host,) = hosts
        machines.append(Machine(stack, host.proxy, host, host.variants, said=said))
        for variant, line in early:
            report_line(variant, line)
        yield machines[0]


def _project(folder: Path, variants: Sequence[str]) -> Path:
    """A project with these variants only."""
    project = folder / "project"
    (project / "images").mkdir(parents=True)
    (project / "shared").symlink_to(ROOT / "shared")
    for variant in variants:
        shutil.copytree(ROOT / "images" / variant, project / "images" / variant)
    return project


def kill(what: str, how: signal.Signals) -> int:
    """Send a signal to this process's descendants whose command line holds `what`; how many there were."""
    victims = [pid for pid in _descendants(os.getpid()) if what in _command(pid)]
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
    return len(victims)


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                yield child
                yield from _descendants(child)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
