"""Every upload against its results, variant by variant: several listings at once, each result looked at."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.letters import Look
from controlplane.operating.listing import Listed, objects
from controlplane.operating.objects import head, listed
from controlplane.operating.pairing import Pair, Pairing
from controlplane.operating.results import Prefixes, State, Told, Verdict, Wanted, by_listing, by_metadata

LOOKERS = 32
"""Results that are looked at at the same time."""
_AHEAD = 8 * LOOKERS
"""Pairs that are under way at a time: what memory holds of a bucket of any size."""

Given = TypeVar("Given")
Got = TypeVar("Got")


class Judged(NamedTuple):
    """A verdict on one pair in one variant."""

    variant: DeployedVariant
    upload: Listed | None
    verdict: Verdict


@dataclass
class Count:
    """How one variant stands."""

    states: Counter[State] = field(default_factory=Counter)
    orphaned: int = 0
    left_out: int = 0
    """Uploads that are none for this variant."""

    def add(self, judged: Judged) -> None:
        """Take note of one more."""
        self.orphaned += len(judged.verdict.orphans)
        if judged.verdict.state is not None:
            self.states[judged.verdict.state] += 1
        elif judged.upload is not None:
            self.left_out += 1


def rejected(machine: Machine, variants: Sequence[DeployedVariant]) -> dict[str, dict[str, datetime]]:
    """When the newest dead letter about each upload was written, by variant and key."""

    def read(variant: DeployedVariant) -> dict[str, datetime]:
        newest: dict[str, datetime] = {}
        with Look(machine.clients["sqs"], variant.dead_letter_url, variant.name) as look:
            for letter in look.letters():
                for notice in letter.notices:
                    if notice.bucket == machine.source_bucket:
                        newest[notice.key] = max(letter.since, newest.get(notice.key, letter.since))
        return newest

    with ThreadPoolExecutor(max(1, len(variants))) as pool:
        return dict(zip([variant.name for variant in variants], pool.map(read, variants), strict=True))


class Audit:
    """One pass over the uploads below a path and their results."""

    def __init__(
        self,
        machine: Machine,
        wanted: Mapping[str, Wanted],
        dead: Mapping[str, Mapping[str, datetime]],
        *,
        below: str = "",
        quick: bool = False,
    ) -> None:
        """`wanted` names the variants; `dead` is what `rejected` told; `quick` looks at no result, only lists."""
        self._machine = machine
        self._s3 = machine.clients["s3"]
        self._variants = [variant for variant in machine.variants if variant.name in wanted]
        self._wanted = wanted
        self._dead = dead
        self._below = below
        self._quick = quick
        self.uploads = 0
        """How many there were so far."""
        self.looked = 0
        """At how many results it looked so far."""

    def judged(self) -> Iterator[Judged]:
        """A verdict for each upload in each variant and for each object that no upload stands for, in order."""
        with ExitStack() as ended:
            pages = ended.enter_context(ThreadPoolExecutor(1 + len(self._variants)))
            lookers = ended.enter_context(ThreadPoolExecutor(LOOKERS))
            ended.callback(lookers.shutdown, wait=False, cancel_futures=True)
            yield from in_order(lookers, self._judge, self._pairs(pages), lambda pair: bool(pair[1].results))

    def _pairs(self, pages: Executor) -> Iterator[tuple[DeployedVariant, Pair]]:
        machine = self._machine
        list_ = partial(objects, self._s3, pages)
        prefixes = [machine.ingest_prefix, *(variant.output_prefix for variant in machine.variants)]
        pairings = []
        for variant in self._variants:
            # A prefix may lie within another one; what is under it is not the other's.
            inner = [other for other in prefixes if other != variant.output_prefix and _within(other, variant)]
            results = list_(machine.output_bucket, variant.output_prefix, self._below, inner)
            lookups = _Lookups(self, variant)
            pairings.append((variant, Pairing(results, variant.output_prefix, lookups, self._below)))
        for upload in list_(machine.source_bucket, machine.ingest_prefix, self._below):
            self.uploads += 1
            for variant, pairing in pairings:
                yield from ((variant, pair) for pair in pairing.upload(upload))
        for variant, pairing in pairings:
            yield from ((variant, pair) for pair in pairing.end())

    def _judge(self, item: tuple[DeployedVariant, Pair]) -> Judged:
        variant, pair = item
        wanted = self._wanted[variant.name]
        dead = self._dead.get(variant.name, {}).get(self._machine.ingest_prefix + pair.path)
        if self._quick or pair.upload is None:
            return Judged(variant, pair.upload, by_listing(pair, wanted, dead))
        told = {result.path: self.told(variant, result) for result in pair.results}
        prefixes = Prefixes(self._machine.ingest_prefix, variant.output_prefix)
        there = {path: one for path, one in told.items() if one is not None}
        return Judged(variant, pair.upload, by_metadata(pair, there, wanted, prefixes, dead))

    def told(self, variant: DeployedVariant, result: Listed) -> Told | None:
        """What a result's metadata says; None where it is gone by now."""
        self.looked += 1
        answer = head(self._s3, self._machine.output_bucket, variant.output_prefix + result.path)
        return None if answer is None else Told.read(answer["Metadata"])

    @property
    def machine(self) -> Machine:
        """The machine that is audited."""
        return self._machine


class _Lookups:
    """What two listings cannot tell, asked of S3."""

    def __init__(self, audit: Audit, variant: DeployedVariant) -> None:
        self._audit = audit
        self._variant = variant

    def source(self, result: Listed) -> str | None:
        told = self._audit.told(self._variant, result)
        prefix = self._audit.machine.ingest_prefix
        if told is None or told.source is None or not told.source.startswith(prefix):
            return None
        return told.source.removeprefix(prefix)

    def exists(self, path: str) -> bool:
        machine = self._audit.machine
        return head(machine.clients["s3"], machine.source_bucket, machine.ingest_prefix + path) is not None

    def found(self, keys: tuple[str, ...]) -> tuple[Listed, ...]:
        machine, prefix = self._audit.machine, self._variant.output_prefix
        answers = [(key, head(machine.clients["s3"], machine.output_bucket, key)) for key in keys]
        return tuple(listed(key.removeprefix(prefix), answer) for key, answer in answers if answer is not None)


def _within(prefix: str, variant: DeployedVariant) -> bool:
    return prefix.startswith(variant.output_prefix)


def in_order(
    pool: Executor,
    work: Callable[[Given], Got],
    things: Iterable[Given],
    takes_time: Callable[[Given], bool] = lambda _thing: True,
) -> Iterator[Got]:
    """`work` done on each of `things`, in their order: by the pool where it takes time, some ahead of whoever asks."""
    under_way: deque[Future[Got] | Got] = deque()
    for thing in things:
        under_way.append(pool.submit(work, thing) if takes_time(thing) else work(thing))
        if len(under_way) > _AHEAD:
            yield _done(under_way.popleft())
    while under_way:
        yield _done(under_way.popleft())


def _done(one: "Future[Got] | Got") -> Got:
    return one.result() if isinstance(one, Future) else one
