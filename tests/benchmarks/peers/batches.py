"""The same uploads as one batch, as batches of one, and through the codec alone, in turns: prints the times as JSON.

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
from imagemachine.sandbox import Sandbox
from imagemachine.variant import Fit, Limits, Variant


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


def measure(picture: bytes, count: int, delay: float, rounds: int) -> Times:
    """Medians of `rounds`; `delay` is what every S3 call takes, in seconds."""
    variant = Variant("mobile", Fit(828, 828))
    s3 = MemoryS3(delay)
    bootstrap.__dict__["_client"] = lambda _: s3
    handler = bootstrap.function(variant)
    keys = [messages.key_of(picture, number) for number in range(count)]
    for key in keys:
        s3.put_object(Bucket=messages.UPLOADS, Key=key, Body=picture)
    whole = messages.event(keys, [len(picture)] * count)
    single = [{"Records": [record]} for record in whole["Records"]]
    sandbox = Sandbox(variant, Limits(10**9, 10**9), max_memory=2**30)
    found: dict[str, list[float]] = {"together": [], "in_turn": [], "codec": []}
    handler(whole, messages.Context())
    sandbox.run(picture, 60)
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
    sandbox.close()
    medians = {name: statistics.median(times) for name, times in found.items()}
    return Times(**medians, io=calls * delay, parallel=s3.most_at_once)


if __name__ == "__main__":
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the machine's log goes there too
    path, pictures, seconds, times = sys.argv[1:]
    found_times = measure(Path(path).read_bytes(), int(pictures), float(seconds), int(times))
    os.write(out, json.dumps(asdict(found_times)).encode())
