"""What an audit found, mended: work sent to the variants that lack it, orphans removed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Self

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.auditing import LOOKERS, Audit, Count, Judged, in_order
from controlplane.operating.bill import Measured, Work, batched, items, total
from controlplane.operating.listing import Listed
from controlplane.operating.meters import depths
from controlplane.operating.objects import head, listed
from controlplane.operating.prices import Prices
from controlplane.operating.results import State, Told
from controlplane.operating.sending import BATCH, Brake, Pace, send, work
from controlplane.operating.worklist import Entry, WorkList

RATE = 100.0
"""Messages a second, unless another is asked for."""
_BACKLOG_SECONDS = 10
"""A fresh upload waits behind no more than this much of what was sent."""
_SMALLEST_BACKLOG = 50

_QUIET_PATIENCE_SECONDS = 60.0
_EVERY_SECONDS = 1.0
_REMOVERS = 8

LACKING = frozenset({State.MISSING, State.STALE})

Heard = Callable[[int], None]
"""Hears how far something has come."""


@dataclass
class Survey:
    """What one pass over the uploads found."""

    counts: dict[str, Count]
    """By variant."""
    due: WorkList
    """The uploads to be made, each with the variant that lacks it."""
    orphans: WorkList
    uploads: int = 0
    looked: int = 0
    """Results that were looked at."""
    _open: ExitStack = field(default_factory=ExitStack, repr=False)

    def __enter__(self) -> Self:
        self._open.enter_context(self.due)
        self._open.enter_context(self.orphans)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def survey(audit: Audit, variants: Iterable[str], due: frozenset[State], heard: Heard = lambda _number: None) -> Survey:
    """Audit all, noting down the uploads whose state in a variant is one of `due`, and the orphans.

    `heard` is told the number of uploads now and then. The caller closes the survey. Raises Failure, ClientError.
    """
    found = Survey({name: Count() for name in variants}, WorkList(), WorkList())
    try:
        for judged in audit.judged():
            _note(found, judged, due)
            heard(audit.uploads)
    except BaseException:
        with found:
            raise
    found.uploads, found.looked = audit.uploads, audit.looked
    return found


def _note(found: Survey, judged: Judged, due: frozenset[State]) -> None:
    name = judged.variant.name
    found.counts[name].add(judged)
    if judged.upload is not None and judged.verdict.state in due:
        found.due.add(Entry(name, judged.upload, alone=False))
    for orphan in judged.verdict.orphans:
        found.orphans.add(Entry(name, orphan, alone=judged.upload is None))


def dollars(machine: Machine, results: Mapping[str, int]) -> float:
    """What it costs to make so many results of each variant, asked for together."""
    parameters = machine.parameters
    memory, batch = int(parameters.get("Memory", 1769)), int(parameters.get("BatchSize", 10))
    measured = Measured.load()
    whole = sum((batched(measured, name, memory, number, batch) for name, number in results.items()), Work())
    return total(items(whole, Prices.load(), parameters.get("Architecture", "x86_64")))


def wait_for_quiet(
    machine: Machine,
    variants: Iterable[DeployedVariant],
    heard: Heard,
    patience: float = _QUIET_PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Wait until the queues are empty, so that nothing that is under way is taken for missing; whether they are.

    Gives up when they have not become any emptier for `patience` seconds: uploads may come all the time.
    """
    chosen = list(variants)
    lowest, since = None, clock()
    while left := sum(sum(depths(machine.clients["sqs"], variant.queue_url)) for variant in chosen):
        if lowest is None or left < lowest:
            lowest, since = left, clock()
        if clock() - since > patience:
            return False
        heard(left)
        sleep(_EVERY_SECONDS)
    return True


def send_due(
    machine: Machine,
    due: WorkList,
    rate: float,
    sent: Heard = lambda _number: None,
    waiting: Callable[[str, int], None] = lambda _variant, _depth: None,
) -> None:
    """Send what is due to its variants' queues, at most `rate` messages a second.

    Each queue is kept so short that fresh uploads hardly wait. `sent` hears of each batch; `waiting` of a queue that
    is too full. Raises Failure, ClientError.
    """
    by_name = {variant.name: variant for variant in machine.variants}
    pace = Pace(rate)
    most = max(_SMALLEST_BACKLOG, int(rate * _BACKLOG_SECONDS))
    brake = Brake(lambda url: sum(depths(machine.clients["sqs"], url)), most)
    for name, some in _batches(due):
        variant = by_name[name]
        brake.wait(variant.queue_url, len(some), partial(waiting, name))
        pace.wait(len(some))
        bodies = [work(machine.source_bucket, machine.ingest_prefix + upload.path) for upload in some]
        send(machine.clients["sqs"], variant.queue_url, bodies)
        sent(len(some))


def _batches(due: WorkList) -> Iterator[tuple[str, list[Listed]]]:
    """Full batches as they come, then the rest of each variant."""
    open_: dict[str, list[Listed]] = {}
    for name, upload, _ in due:
        some = open_.setdefault(name, [])
        some.append(upload)
        if len(some) == BATCH:
            yield name, open_.pop(name)
    yield from open_.items()


class Origins(NamedTuple):
    """Where orphans come from."""

    ours: int
    """Results of uploads that are gone, or that another result has taken the place of."""
    foreign: int
    """Objects that the machine did not write."""
    examples: tuple[str, ...]
    """The keys of a few of those."""


def origins(machine: Machine, orphans: WorkList, shown: int = 5) -> Origins:
    """Look at each orphan. Raises ClientError."""
    ours = foreign = 0
    examples: list[str] = []
    with ThreadPoolExecutor(LOOKERS) as pool:
        for key, answer in in_order(pool, lambda entry: _look(machine, entry), orphans):
            if answer is None:
                continue
            if Told.read(answer["Metadata"]).ours:
                ours += 1
            else:
                foreign += 1
                examples += [key] if len(examples) < shown else []
    return Origins(ours, foreign, tuple(examples))


def remove(machine: Machine, orphans: WorkList, looked: Heard = lambda _number: None) -> int:
    """Delete the orphans that still are ones; how many. Raises ClientError.

    One that was written since, or that an upload stands for by now, stays. `looked` hears of each.
    """

    def one(entry: Entry) -> bool:
        key, answer = _look(machine, entry)
        if answer is None or not _same(listed(entry.listed.path, answer), entry.listed):
            return False
        if entry.alone and _has_come_back(machine, entry.listed, Told.read(answer["Metadata"])):
            return False
        machine.clients["s3"].delete_object(Bucket=machine.output_bucket, Key=key)
        return True

    number = 0
    with ThreadPoolExecutor(_REMOVERS) as pool:
        for gone in in_order(pool, one, orphans):
            number += gone
            looked(1)
    return number


def _look(machine: Machine, entry: Entry) -> tuple[str, dict[str, Any] | None]:
    key = machine.variant(entry.variant).output_prefix + entry.listed.path
    return key, head(machine.clients["s3"], machine.output_bucket, key)


def _has_come_back(machine: Machine, orphan: Listed, told: Told) -> bool:
    """Whether there is an upload by now that the orphan can be a result of."""
    paths = {orphan.path, orphan.path.rpartition(".")[0]} - {""}
    keys = {machine.ingest_prefix + path for path in paths} | ({told.source} if told.source else set())
    return any(head(machine.clients["s3"], machine.source_bucket, key) is not None for key in keys)


def _same(now: Listed, then: Listed) -> bool:
    """Whether nobody has written an object since; a HEAD tells whole seconds only."""
    return now.etag == then.etag and now.modified.replace(microsecond=0) == then.modified.replace(microsecond=0)
