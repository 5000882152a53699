"""A burst of uploads through the machine, step by step: S3's events, the queues, their pollers, the functions.

A discrete-time model in whole messages. In every step uploads arrive in each variant's queue, invocations that are
through leave, pollers receive what they have room for, and of that as many invocations start as the account allows.
What does not start is throttled: its poller keeps it and tries again until the messages' visibility ends; then they are
back in the queue, and after too many receives they are dead letters. Who is next of those in pollers' hands is chance.
Only what AWS documents is modelled; what it does not (by how much a throttled mapping backs off, jitter, S3 splitting a
hot prefix by itself) is left out. A mapping that does not back off is the worst case for receives.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

from benchmarks.aws import Rules
from controlplane.operating.bill import READS

STEP = 0.05
"""Seconds; well below the shortest invocation."""

_LONGEST = 14 * 24 * 3600.0
"""SQS keeps no message longer."""


@dataclass(frozen=True)
class Work:
    """What a variant's pictures cost, and the function that makes them."""

    variant: str
    codec_seconds: float
    """For one picture, on one whole vCPU."""
    io_seconds: float = 0.060
    """For one picture, all its S3 calls in turn."""
    memory: int = 1769
    """In MB."""
    batch: int = 10
    parallel: int = 5
    """Pictures of a batch that may wait for S3 at once."""

    def seconds(self, pictures: int, rules: Rules) -> float:
        """How long an invocation takes: I/O goes on beside the codec, but for the first fetch and the last store."""
        codec = self.codec_seconds * max(1.0, rules.megabytes_per_cpu / self.memory)
        return self.io_seconds + max(pictures * codec, pictures / self.parallel * self.io_seconds)


@dataclass(frozen=True)
class Polling:
    """How a queue's event source mapping scales its concurrent invocations."""

    name: str
    start: int
    per_minute: int
    most: int
    messages_per_second_and_invocation: float = 1e9
    """The default: no limit is documented."""


def standard(rules: Rules, maximum_concurrency: int = 0) -> Polling:
    """The default; `maximum_concurrency` 0 sets none."""
    most = min(rules.standard_most, maximum_concurrency or rules.standard_most)
    name = f"polling for at most {most} invocations a queue" if maximum_concurrency else "polling without a limit"
    return Polling(name, min(rules.standard_start, most), rules.standard_per_minute, most)


def provisioned(rules: Rules, least: int, most: int) -> Polling:
    """With event pollers of one's own, from `least` to `most` of them."""
    each = rules.invocations_per_poller
    rate = rules.polls_per_second_and_poller * rules.messages_per_request / each
    return Polling("provisioned polling", least * each, rules.provisioned_per_minute, most * each, rate)


@dataclass(frozen=True)
class Scene:
    """Everything that decides how a burst goes."""

    uploads: int
    seconds: float
    """The uploads come evenly over these."""
    works: tuple[Work, ...]
    polling: Polling
    rules: Rules
    quota: int
    """The account's concurrency."""
    prefixes: int = 1
    """Over which S3 has spread the uploads' keys."""
    init_seconds: float = 0.5
    """An execution environment's start."""
    visibility_seconds: float = 1800.0
    """After which a message that was received and not deleted is there again."""
    receives: int = 10
    """After so many in vain a message is a dead letter."""


@dataclass
class Moment:
    """How things stand at the end of a second."""

    second: int
    arrived: int
    waiting: int
    running: int
    done: int


@dataclass
class Course:
    """How the burst went."""

    timeline: list[Moment] = field(default_factory=list)
    upload_seconds: float = 0.0
    """Until the last upload was taken."""
    drain_seconds: float = 0.0
    """Until the last result was stored, from the first upload on."""
    peak_concurrency: int = 0
    environments: int = 0
    invocations: int = 0
    results: int = 0
    billed_seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By variant, starts included."""
    poller_seconds: float = 0.0
    binding: Counter[str] = field(default_factory=Counter)
    """What held messages back, in messages times steps."""
    throttled: int = 0
    """Invocations that could not start when their messages had been received."""
    received_again: int = 0
    """Messages whose visibility ended before their invocation could start, each time counted."""
    most_receives: int = 0
    dead_letters: int = 0


_BIN = 10.0
"""Seconds: those that are held are told apart no finer than that by how long."""


@dataclass(frozen=True)
class _Batch:
    """Alike batches in pollers' hands."""

    received: int
    """In bins, from the first upload on."""
    receives: int
    size: int


class _Function:
    """One variant: its queue, its pollers, its running invocations."""

    def __init__(self, work: Work, scene: Scene) -> None:
        self.work = work
        self._scene = scene
        self._queue: Counter[int] = Counter()
        """Messages by how often they have been received in vain."""
        self._hands: Counter[_Batch] = Counter()
        self.held = 0
        """Batches in pollers' hands that are not being worked on."""
        self.waiting = 0
        """Messages that nobody works on, in the queue and in pollers' hands."""
        self.running = 0
        self.environments = 0
        self._allowed = float(scene.polling.start)
        self._polled = _Bucket()
        self._new = _Bucket(float(scene.rules.environments_per_10_seconds))
        self._ending: Counter[int] = Counter()
        self._making: Counter[int] = Counter()
        self._owed = 0.0
        self._chance = random.Random(work.variant)

    @property
    def allowed(self) -> int:
        """Batches that the pollers hold or work on now, at most."""
        return min(int(self._allowed), self._scene.rules.in_flight // self.work.batch)

    def arrive(self, messages: int, step: int) -> int:
        """Take new messages and let ended invocations go; how many results those made."""
        if messages:
            self._queue[0] += messages
            self.waiting += messages
        polling, rules = self._scene.polling, self._scene.rules
        if self.waiting:
            self._allowed = min(polling.most, self._allowed + polling.per_minute / 60 * STEP)
        self._polled.fill(self._allowed * polling.messages_per_second_and_invocation)
        self._new.fill(rules.environments_per_10_seconds / 10, most=rules.environments_per_10_seconds)
        self.running -= self._ending.pop(step, 0)
        return self._making.pop(step, 0)

    def expire(self, step: int, course: Course) -> None:
        """Bring back what has been held until its visibility ended."""
        if step % round(_BIN / STEP):
            return
        oldest = (step * STEP - self._scene.visibility_seconds) / _BIN
        for batch in [batch for batch in self._hands if batch.received < oldest]:
            count = self._hands.pop(batch)
            self.held -= count
            if batch.receives < self._scene.receives:
                self._queue[batch.receives] += batch.size * count
                course.received_again += batch.size * count
            else:
                self.waiting -= batch.size * count
                course.dead_letters += batch.size * count

    def wanted(self) -> tuple[int, str]:
        """How many batches it would receive now if it were alone, and what keeps it from more."""
        full = ceil(self._queue.total() / self.work.batch)
        limits = {
            "nothing": full,
            "pollers": self.allowed - self.running - self.held,
            "polls a second": int(self._polled.level // self.work.batch),
        }
        least = min(limits, key=lambda name: limits[name])
        return max(0, limits[least]), least

    def receive(self, batches: int, step: int, course: Course) -> int:
        """Take so many batches into hand; how many messages those are. Of one kind each, whichever comes first."""
        taken = 0
        for before in sorted(self._queue):
            while batches and self._queue[before]:
                size = min(self.work.batch, self._queue[before])
                alike = min(batches, self._queue[before] // size)
                self._hands[_Batch(int(step * STEP / _BIN), before + 1, size)] += alike
                self.held += alike
                self._queue[before] -= alike * size
                self._polled.level -= alike * size
                batches -= alike
                taken += alike * size
                course.most_receives = max(course.most_receives, before + 1)
        self._queue += Counter()  # Without what is at zero.
        return taken

    def ready(self) -> tuple[int, str]:
        """How many of the batches in hand could start now if it were alone, and what keeps it from more."""
        environments = self.environments - self.running + int(self._new.level)
        return (self.held, "pollers") if self.held <= environments else (max(0, environments), "new environments")

    def start(self, invocations: int, step: int) -> float:
        """Start so many of the batches in hand; the seconds that are billed for them."""
        billed = 0.0
        for batch, alike in self._drawn(invocations):
            cold = max(0, min(alike, self.running + alike - self.environments))
            seconds = self.work.seconds(batch.size, self._scene.rules)
            self._run(alike - cold, batch.size, seconds, step)
            self._run(cold, batch.size, seconds + self._scene.init_seconds, step)
            self.environments += cold
            self._new.level -= cold
            self.waiting -= alike * batch.size
            billed += alike * seconds + cold * self._scene.init_seconds
        return billed

    def _drawn(self, count: int) -> Iterator[tuple[_Batch, int]]:
        """So many batches out of those in hand, at random: nobody knows whose next try comes first."""
        left, self.held = self.held, self.held - count
        for batch in list(self._hands) if count else ():
            alike = self._hands[batch]
            if count == left:
                drawn = alike
            else:
                share = alike * count / left
                drawn = min(alike, count, int(share) + (self._chance.random() < share % 1))
                drawn = max(drawn, count - (left - alike))
            left -= alike
            count -= drawn
            if drawn:
                self._hands[batch] -= drawn
                if drawn == alike:
                    del self._hands[batch]
                yield batch, drawn
            if not count:
                return

    def _run(self, alike: int, size: int, seconds: float, step: int) -> None:
        """Their ends fall on whole steps; what rounding owes is carried over, so that the mean is exact."""
        steps = seconds / STEP
        whole = max(1, int(steps))
        self._owed += alike * max(0.0, steps - whole)
        later = min(alike, int(self._owed))
        self._owed -= later
        for end, count in ((step + whole, alike - later), (step + whole + 1, later)):
            self._ending[end] += count
            self._making[end] += count * size
        self.running += alike


class _Bucket:
    """A token bucket: a rate per second of which at most a second's worth, or `most`, is saved up."""

    def __init__(self, level: float = 0.0) -> None:
        self.level = level

    def fill(self, rate: float, most: float | None = None) -> None:
        self.level = min(max(rate if most is None else most, 1.0), self.level + rate * STEP)


def simulate(scene: Scene) -> Course:
    """Run the burst until every queue is empty."""
    course = Course()
    functions = [_Function(work, scene) for work in scene.works]
    arrivals = _arrivals(scene)
    requests, reads = _Bucket(), _Bucket()
    arrived, step = 0, 0
    while arrived < scene.uploads or any(function.waiting or function.running for function in functions):
        new = next(arrivals)
        arrived += new
        if new:
            course.upload_seconds = (step + 1) * STEP
        for function in functions:
            course.results += function.arrive(new, step)
            function.expire(step, course)
        requests.fill(scene.quota * scene.rules.requests_per_concurrency)
        reads.fill(scene.rules.gets_per_second * scene.prefixes)
        received = _receive(functions, course, reads, step)
        _start(functions, scene, course, requests, received, step)
        running = sum(function.running for function in functions)
        course.peak_concurrency = max(course.peak_concurrency, running)
        pollers = sum(function.allowed for function in functions) / scene.rules.invocations_per_poller
        course.poller_seconds += pollers * STEP
        step += 1
        if step % round(1 / STEP) == 0:
            waiting = sum(function.waiting for function in functions)
            course.timeline.append(Moment(round(step * STEP), arrived, waiting, running, course.results))
        if step * STEP > _LONGEST:
            raise ValueError("The queues would not be empty before SQS drops messages, after 14 days.")
    course.drain_seconds = step * STEP
    course.environments = sum(function.environments for function in functions)
    return course


def _arrivals(scene: Scene) -> Iterator[int]:
    """New uploads in each step: as they come, but no faster than S3 takes them and SNS passes them on."""
    fastest = min(scene.rules.puts_per_second * scene.prefixes, scene.rules.publishes_per_second)
    rate = min(scene.uploads / max(scene.seconds, STEP), fastest)
    sent, step = 0, 0
    while True:
        step += 1
        due = min(scene.uploads, round(rate * STEP * step))
        yield due - sent
        sent = due


def _receive(functions: list[_Function], course: Course, reads: _Bucket, step: int) -> list[tuple[int, str]]:
    """Receive what the pollers have room for and S3 has reads for, which is shared out evenly.

    How many batches each function received, and what kept it from more.
    """
    wishes = [function.wanted() for function in functions]
    batch = max(function.work.batch for function in functions)
    room = int(reads.level / READS // batch)
    shares = _even([count for count, _ in wishes], [function.running for function in functions], max(0, room))
    for function, share in zip(functions, shares, strict=True):
        reads.level -= function.receive(share, step, course) * READS
    return [
        (share, own if share == count else "S3 reads a second")
        for (count, own), share in zip(wishes, shares, strict=True)
    ]


def _start(
    functions: list[_Function],
    scene: Scene,
    course: Course,
    requests: _Bucket,
    received: list[tuple[int, str]],
    step: int,
) -> None:
    """Start what the account allows of what was received, shared out evenly; what does not start is throttled."""
    wishes = [function.ready() for function in functions]
    running = [function.running for function in functions]
    shared = {
        "account concurrency": scene.quota - sum(running),
        "invocations a second": int(requests.level),
    }
    scarce = min(shared, key=lambda name: shared[name])
    shares = _even([count for count, _ in wishes], running, max(0, shared[scarce]))
    for function, (count, own), share, (new, cause) in zip(functions, wishes, shares, received, strict=True):
        course.billed_seconds[function.work.variant] += function.start(share, step)
        requests.level -= share
        course.invocations += share
        course.throttled += max(0, new - share)
        if function.waiting:
            held = scarce if share < count else own
            course.binding[held if function.held else cause] += function.waiting


def _even(wishes: list[int], running: list[int], room: int) -> list[int]:
    """Shares of `room` as even as the wishes let them be; an odd one goes to whoever runs least."""
    shares = [0] * len(wishes)
    open_ = sorted((index for index, wish in enumerate(wishes) if wish), key=lambda index: running[index])
    while room and open_:
        each = max(1, room // len(open_))
        for index in list(open_):
            given = min(each, wishes[index] - shares[index], room)
            shares[index] += given
            room -= given
            if shares[index] == wishes[index]:
                open_.remove(index)
    return shares
