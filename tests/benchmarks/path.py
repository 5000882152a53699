"""What the machine does around the codec, in CPU time per picture: the codec itself is left out.

    tests/benchmarks/run.sh path [--rounds 200] [--pictures 10] [PICTURE]

Three machines work on the same batches in turns: one without sandbox and network, one with the sandbox, one with the
sandbox and a real S3 client that talks to a server in another process. The differences are the parts. The worker does
not decode: it answers with a result of a fixed size, so that all copies are made.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import contenders, pictures
from benchmarks.peers import messages
from benchmarks.peers.child import cpu_seconds
from benchmarks.peers.memory_s3 import MemoryS3
from benchmarks.peers.stub import stub
from imagemachine import bootstrap
from imagemachine.batch import Batch
from imagemachine.pictures.place import Point
from imagemachine.sandbox import Sandbox
from imagemachine.variant import Fit, Limits, Made, Variant

_VARIANT = Variant("benchmark", [Fit(828, 828)])
_STUB = "benchmarks.peers.stub:stub"
_TARGET = 2.0
"""Milliseconds."""


class InProcess:
    """The place of the sandbox, without one."""

    notes = ()

    def __init__(self, variant: Variant, limits: Limits, **_: object) -> None:
        self._variant = variant
        self._limits = limits

    def run(self, data: bytes, _: float, focus: Point | None = None) -> Made:
        """The stub's answer, at once."""
        return stub(self._variant, memoryview(data), self._limits)


def measure(picture: bytes, pictures_in_batch: int, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds of a picture in each round, by the machine's name."""
    keys = [messages.key_of(picture, number) for number in range(pictures_in_batch)]
    event = messages.event(keys, [len(picture)] * len(keys))
    with _s3_server() as (endpoint, server):
        os.environ |= {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_REGION": "us-east-1",
        }
        machines = _machines()
        for s3, _ in machines.values():
            for key in keys:
                s3.put_object(Bucket=messages.UPLOADS, Key=key, Body=picture)
        found: dict[str, list[float]] = {name: [] for name in machines}
        for _ in range(rounds + 3):
            for name, (_, handler) in machines.items():
                before = cpu_seconds(server)
                answer = handler(event, messages.Context())
                found[name].append((cpu_seconds(server) - before) * 1000 / len(keys))
                assert not answer["batchItemFailures"]
    return {name: times[3:] for name, times in found.items()}


def _machines() -> dict[str, tuple[Any, Batch]]:
    real = bootstrap._client
    memory = MemoryS3()
    sandboxed = partial(Sandbox, work=_STUB)
    ways: dict[str, tuple[Any, Any]] = {
        "message, limits, log": (memory, InProcess),
        "sandbox and copies": (memory, sandboxed),
        "S3 client": (real("s3"), sandboxed),
    }
    machines = {}
    for name, (s3, sandbox) in ways.items():
        bootstrap._client = partial(lambda s3, _: s3, s3)
        bootstrap.__dict__["Sandbox"] = sandbox
        machines[name] = s3, bootstrap.function(_VARIANT)
    return machines


@contextlib.contextmanager
def _s3_server() -> Iterator[tuple[str, int]]:
    """Its endpoint and its process."""
    command = [sys.executable, "-m", "benchmarks.peers.s3_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}", server.pid
        server.communicate()


def report(found: dict[str, list[float]]) -> str:
    """Each machine adds a part to the one before it."""
    lines = ["| part | CPU ms per picture |", "|---|---:|"]
    before = 0.0
    for name, times in found.items():
        mean = statistics.fmean(times)  # Of pictures' processes the system tells hundredths of a second.
        lines.append(f"| {name} | {mean - before:.2f} |")
        before = mean
    met = "met" if before <= _TARGET else "not met"
    lines.append(f"| **all that is not the codec** | **{before:.2f}** (target {_TARGET:.0f}: {met}) |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="run.sh path", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("picture", type=Path, nargs="?", help="a JPEG; the benchmark's of 2 megapixels unless given")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=10, help="in a batch")
    options = parser.parse_args(arguments)
    picture = options.picture or pictures.two_megapixels(contenders.PHOTOGRAPHS, contenders.PICTURES)
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the machine's log: written, as on Lambda, but not read
    found = measure(picture.read_bytes(), options.pictures, options.rounds)
    os.dup2(out, 1)
    sys.stdout.write(report(found))


if __name__ == "__main__":
    main()
