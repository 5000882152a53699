"""The same uploads as one batch, as batches of one, through the codec alone, and as one batch without it, in turns.

Prints the times as JSON:

python -m benchmarks.peers.batches PICTURE COUNT DELAY ROUNDS
"""

import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.peers import messages
from benchmarks.peers.memory_s3 import MemoryS3
from imagemachine import bootstrap
from imagemachine.batch import Batch
from imagemachine.job import Job
from imagemachine.pictures.place import Point
from imagemachine.sandbox import Sandbox
from imagemachine.settings import Settings
from imagemachine.storage import Queue, Storage
from imagemachine.variant import Fit, Limits, Made, Variant


@dataclass(frozen=True)
class Times:
    """Seconds."""

    together: float
    """All pictures as one batch."""
    in_turn: float
    """Each as a batch of its own, one after the other."""
    codec: float
    """The codec's share, by itself."""
    io: float
    """All S3 calls, as if they were made one after the other."""
    parallel: int
    """The most S3 calls that were under way at once."""
    without: float
    """All pictures as one batch, with a codec that takes no time: S3's calls, as many at once as are made at once."""


class _NoTime:
    """A codec whose result was made before."""

    def __init__(self, made: Made) -> None:
        self._made = made

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        del data, seconds, focus
        return self._made


def measure(picture: bytes, count: int, delay: float, rounds: int) -> Times:
    """Medians of `rounds`; `delay` is what every S3 call takes, in seconds."""
    variant = Variant("mobile", [Fit(828, 828)])
    s3, other_s3 = MemoryS3(delay), MemoryS3(delay)
    bootstrap.__dict__["_client"] = lambda _: s3
    handler = bootstrap.function(variant)
    keys = [messages.key_of(picture, number) for number in range(count)]
    for key in keys:
        for store in (s3, other_s3):
            store.put_object(Bucket=messages.UPLOADS, Key=key, Body=picture)
    whole = messages.event(keys, [len(picture)] * count)
    single = [{"Records": [record]} for record in whole["Records"]]
    sandbox = Sandbox(variant, Limits(10**9, 10**9), max_memory=2**30)
    found: dict[str, list[float]] = {"together": [], "in_turn": [], "codec": [], "without": []}
    handler(whole, messages.Context())
    settings = Settings.load({}, variant.name)
    job = Job(variant, settings, Storage(other_s3, cache_control="x"), _NoTime(sandbox.run(picture, 60)))
    queue = Queue(lambda: None, url=None, dead_letter_url=None)
    without = Batch(variant, job, queue, retry_seconds=settings.retry_seconds)
    for _ in range(rounds):
        start = time.perf_counter()
        handler(whole, messages.Context())
        found["together"].append(time.perf_counter() - start)
        start, calls = time.perf_counter(), s3.calls
        for event in single:
            handler(event, messages.Context())
        found["in_turn"].append(time.perf_counter() - start)
        calls = s3.calls - calls
        start = time.perf_counter()
        for _ in range(count):
            sandbox.run(picture, 60)
        found["codec"].append(time.perf_counter() - start)
        start = time.perf_counter()
        without(whole, messages.Context())
        found["without"].append(time.perf_counter() - start)
    sandbox.close()
    medians = {name: statistics.median(times) for name, times in found.items()}
    return Times(**medians, io=calls * delay, parallel=s3.most_at_once)


if __name__ == "__main__":
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the machine's log goes there too
    path, pictures, seconds, times = sys.argv[1:]
    found_times = measure(Path(path).read_bytes(), int(pictures), float(seconds), int(times))
    os.write(out, json.dumps(asdict(found_times)).encode())
