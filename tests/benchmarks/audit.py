"""Audit and backfill of many keys on the emulated account: how fast, and with how much memory.

tests/benchmarks/run.sh audit --uploads 20000 --variants 4

Generates uploads and results straight in the emulator's memory, as large as a listing needs them to be; takes a
hundredth of the results away and makes another hundredth stale; then times an audit that only lists, one that looks at
each result, and the list of work that a backfill would send, each in a process of its own, of which it reports the
peak memory.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from controlplane.account import Account
from controlplane.local.aws import forget_the_users_account
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.auditing import Audit
from controlplane.operating.repairing import LACKING, survey
from controlplane.operating.results import State, Wanted

UPLOADS, RESULTS = "uploads", "results"
RECIPE = "0123456789ab"
_AT_ONCE = 8
_LACKING_EVERY = 100
_ALBUM = "album-0000/"
"""Of a thousand uploads."""


def machine(endpoint: str, variants: Sequence[str]) -> Machine:
    """A machine without functions and queues: an audit asks neither."""
    account = Account.emulated(endpoint)
    deployed = tuple(DeployedVariant(name, name, "", "", "", f"{name}/", "") for name in variants)
    return Machine(
        name="benchmark",
        region=account.region,
        account=account.number,
        source_bucket=UPLOADS,
        ingest_prefix="ingest/",
        output_bucket=RESULTS,
        topic="",
        variants=deployed,
        parameters={},
        outputs={},
        clients=account.clients,
    )


def fill(endpoint: str, uploads: int, variants: Sequence[str]) -> None:
    """Put them all, with what is missing and stale among them."""
    s3 = Account.emulated(endpoint).clients["s3"]
    for bucket in (UPLOADS, RESULTS):
        s3.create_bucket(Bucket=bucket)

    def one(number: int) -> None:
        path = f"album-{number // 1000:04}/IMG_{number:07}.jpg"
        etag = s3.put_object(Bucket=UPLOADS, Key=f"ingest/{path}", Body=b"x")["ETag"].strip('"')
        for offset, variant in enumerate(variants):
            remainder = (number + offset) % _LACKING_EVERY
            if remainder == 0:
                continue
            metadata = {"source-key": f"ingest/{path}", "source-etag": etag, "recipe": RECIPE}
            metadata |= {"recipe": "older"} if remainder == 1 else {}
            s3.put_object(Bucket=RESULTS, Key=f"{variant}/{path}", Body=b"x", Metadata=metadata)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(one, range(uploads)), 1):
            if number % 5000 == 0:
                print(f"  {number:,} uploads put", file=sys.stderr, flush=True)


def audited(endpoint: str, variants: Sequence[str], below: str, *, quick: bool) -> dict[str, Any]:
    """One audit: its counts, seconds and peak memory."""
    forget_the_users_account()
    found = machine(endpoint, variants)
    wanted = dict.fromkeys(variants, Wanted(RECIPE))
    # A first small one loads what is loaded when it is needed.
    with survey(Audit(found, wanted, {}, below=f"{_ALBUM}IMG_000000", quick=quick), variants, LACKING):
        before = _megabytes()
    audit = Audit(found, wanted, {}, below=below, quick=quick)
    started, cpu = time.monotonic(), time.process_time()
    with survey(audit, variants, LACKING) as told:
        seconds = time.monotonic() - started
        states = [count.states for count in told.counts.values()]
        return {
            "keys": told.uploads + sum(each.total() - each[State.MISSING] for each in states),
            "due": len(told.due),
            "seconds": seconds,
            "cpu_seconds": time.process_time() - cpu,
            "megabytes_before": before,
            "megabytes_peak": _megabytes(),
        }


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Done in a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments, options)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(prog="run.sh audit", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--uploads", type=int, default=20_000)
    parser.add_argument("--variants", type=int, default=4)
    options = parser.parse_args(arguments)
    variants = [f"variant{chr(ord('a') + number)}" for number in range(options.variants)]
    forget_the_users_account()
    with (
        tempfile.TemporaryDirectory() as folder,
        Family(Path(folder)) as family,
        emulator(family, Path(folder), "127.0.0.1", {}) as endpoint,
    ):
        fill(endpoint, options.uploads, variants)
        print("| audit | keys | seconds | keys a second | CPU, µs a key | memory before, MB | at its peak, MB | due |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
        for quick, how in ((True, "only listed"), (False, "each result looked at")):
            for below, what in ((_ALBUM, "a thousand uploads"), ("", "all")):
                run = apart(audited, endpoint, variants, below, quick=quick)
                print(row(f"{what}, {how}", run), flush=True)


def row(name: str, run: dict[str, Any]) -> str:
    """A line of the table."""
    keys, seconds = run["keys"], run["seconds"]
    return (
        f"| {name} | {keys:,} | {seconds:.1f} | {keys / seconds:,.0f} | {run['cpu_seconds'] / keys * 1e6:.0f} "
        f"| {run['megabytes_before']:.0f} | {run['megabytes_peak']:.0f} | {run['due']:,} |"
    )


if __name__ == "__main__":
    main()
