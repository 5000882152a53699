"""What the sandbox, the zygote and its children say to each other, one side of it at a time; the other is the test."""

import ctypes
import errno
import json
import math
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from imagemachine import sandbox as sandboxes
from imagemachine.errors import ConfigurationError, Reason, Rejected, Retryable
from imagemachine.sandbox import Sandbox
from imagemachine.steps import Cover
from imagemachine.variant import Fit, Limits, Made, Output, Variant
from imagemachine.worker import child, confinement, process, seccomp, stock
from imagemachine.worker.process import Worker, WorkerDied, WorkerMissing, WorkerUnused, Zygote, ZygoteDied
from imagemachine.worker.protocol import FRAME, MAX_NOTES, ORDER, PACKET_BYTES, REQUEST, TEXT_CHARACTERS, Task
from imagemachine.worker.stock import CannotStart, Stock

VARIANT = Variant("thumbnail", [Cover(20, 10)])
TASK = Task("module:function", VARIANT, Limits(max_bytes=1000, max_pixels=100), max_memory=3 << 20, max_output=100)


def soon() -> float:
    return time.monotonic() + 5


def framed(what: object) -> bytes:
    text = json.dumps(what).encode()
    return len(text).to_bytes(8, "little") + text


def made(variant: Variant, data: bytes, limits: Limits) -> Made:
    return Made(
        (Output(bytes(data), "bmp", 1, 2, 3), Output(b"12", "png", 4, 5, 6)), "e\n", ("a\tnote",), "#102030", "3E"
    )


# A child.


def served(sent: bytes, work: Callable[..., Made] = made) -> list[bytes]:
    """What a child says whom this is sent: that it is ready, and the rest."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)
        child.serve(TASK, work, theirs.detach(), ("a sentence",))
        said = b""
        while piece := ours.recv(65_536):
            said += piece
    ready = framed({"refused": ["a sentence"]})
    assert said.startswith(ready)
    return [ready, said[len(ready) :]]


def test_a_child_answers_with_what_was_made_and_then_gives_it() -> None:
    answer = ["made", [[7, "bmp", 1, 2, 3], [2, "png", 4, 5, 6]], "e ", ["a note"], ["#102030", "3E"]]
    assert served(REQUEST.pack(7, math.nan, math.nan) + b"picture and more")[1] == framed(answer) + b"picture12"


@pytest.mark.parametrize("sent", [b"", REQUEST.pack(7, math.nan, math.nan)[:-1], REQUEST.pack(7, 0.5, 0.5) + b"pictur"])
def test_a_child_whose_function_has_ended_says_nothing_more(sent: bytes) -> None:
    assert served(sent, work=lambda *_: pytest.fail("there is no upload"))[1] == b""


@pytest.mark.parametrize("focus", [None, (0.25, 0.75)])
def test_a_child_looks_where_the_upload_says(focus: tuple[float, float] | None) -> None:
    asked: list[tuple[Variant, bytes, Limits]] = []

    def work(variant: Variant, data: bytes, limits: Limits) -> Made:
        asked.append((variant, data, limits))
        return made(variant, data, limits)

    served(REQUEST.pack(3, *(focus or (math.nan, math.nan))) + b"abc", work)
    assert asked == [(VARIANT if focus is None else VARIANT.aimed(focus), b"abc", TASK.limits)]
    assert VARIANT.aimed((0.25, 0.75)) not in (VARIANT, VARIANT.aimed((0.75, 0.25)))


def answer_of(work: Callable[..., Made]) -> Any:
    return child._answer(TASK, work, VARIANT, b"")[0]


def raising(error: BaseException) -> Callable[..., Made]:
    def one() -> Made:
        raise error

    def two() -> Made:
        return one()

    def three(*_: object) -> Made:
        return two()

    return three


def test_whatever_happens_to_the_work_is_an_answer() -> None:
    assert answer_of(raising(Rejected(Reason.CORRUPT, "It\nends."))) == ["rejected", "corrupt", "It ends."]
    assert answer_of(raising(MemoryError())) == ["out-of-memory"]
    for error in (ValueError("bad\nluck"), SystemExit("bad\nluck"), KeyboardInterrupt("bad\nluck")):
        said, detail = answer_of(raising(error))
        assert said == "failed"
        kind, _, where = detail.partition(" (")
        assert kind == f"{type(error).__name__}: bad luck"
        first = raising.__code__.co_firstlineno
        assert where == f"test_worker.py:{first + 8} > test_worker.py:{first + 5} > test_worker.py:{first + 2})"


def test_so_much_may_be_made_and_no_byte_more() -> None:
    def several(*sizes: int) -> Any:
        outputs = tuple(Output(bytes(size), "bmp", 1, 1, 1) for size in sizes)
        return answer_of(lambda *_: Made(outputs, "e", ("n",) * 30))

    said = several(60, 40)
    assert (said[0], said[3]) == ("made", ["n"] * 20)
    assert several(60, 41) == ["rejected", "too-many-bytes", "Its result has 101 bytes; 100 is the most."]


def test_a_text_has_five_hundred_characters_that_can_be_printed() -> None:
    assert child.printable("é\x1b" * 400) == "é " * 250
    assert (TEXT_CHARACTERS, MAX_NOTES) == (500, 20)


# A worker, as the function sees it.


@dataclass
class Ends:
    """A zygote that says how a process has ended."""

    how: str = "it ended with status 7"
    ended: list[Worker] = field(default_factory=list)

    def end(self, worker: Worker) -> str:
        self.ended.append(worker)
        return self.how


@pytest.fixture
def pair() -> Iterator[tuple[Worker, socket.socket]]:
    """A worker and the other end of its socket."""
    ours, theirs = socket.socketpair()
    zygote: Any = Ends()
    with ours, theirs:
        yield Worker(zygote, 1, ours), theirs


def test_a_worker_is_asked_with_its_uploads_length_and_focus(pair: tuple[Worker, socket.socket]) -> None:
    worker, other = pair
    other.sendall(framed({"refused": ["no", 5]}) + framed(["an answer"]) * 2 + b"picture")
    assert worker.refused(soon()) == ["no", "5"]
    assert worker.refused(0) == ["no", "5"], "it is asked once"
    assert worker.ask(b"upload", (0.25, 0.5), soon()) == ["an answer"]
    assert other.recv(100) == REQUEST.pack(6, 0.25, 0.5) + b"upload"
    assert worker.ask(b"", None, soon()) == ["an answer"]
    length, *focus = REQUEST.unpack(other.recv(100))
    assert (length, [math.isnan(part) for part in focus]) == (0, [True, True])
    assert worker.output(4, soon()) == b"pict"
    assert worker.output(3, soon()) == b"ure"
    assert worker.output(0, soon()) == b""
    assert 0 <= worker.age < 60


@pytest.mark.parametrize("words", [[], {"refused": "x"}, {"refuses": []}, None])
def test_first_words_that_make_no_sense_are_its_end(pair: tuple[Worker, socket.socket], words: object) -> None:
    worker, other = pair
    other.sendall(framed(words))
    with pytest.raises(WorkerDied, match="its first words make no sense"):
        worker.refused(soon())


def test_an_answer_may_have_65536_bytes(pair: tuple[Worker, socket.socket]) -> None:
    worker, other = pair
    assert PACKET_BYTES == 1 << 16
    text = json.dumps("x" * 65_534).encode()
    other.sendall(FRAME.pack(65_536) + text)
    assert worker.ask(b"", None, soon()) == "x" * 65_534
    other.sendall(FRAME.pack(65_537))
    with pytest.raises(WorkerDied, match="its answer is too long"):
        worker.ask(b"", None, soon())
    other.sendall(FRAME.pack(2) + b"no")
    with pytest.raises(WorkerDied, match="its answer makes no sense"):
        worker.ask(b"", None, soon())


def test_a_worker_that_ends_is_asked_how_and_one_that_is_late_is_not_waited_for(
    pair: tuple[Worker, socket.socket],
) -> None:
    worker, other = pair
    for deadline in (0.0, time.monotonic(), time.monotonic() + 0.05):
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            worker.output(1, deadline)
        assert time.monotonic() - start < 2
    other.sendall(b"abc")
    other.close()
    with pytest.raises(WorkerDied, match="it ended with status 7"):
        worker.output(4, soon())
    assert worker.zygote.ended == [worker]  # type: ignore[attr-defined]
    with pytest.raises(WorkerUnused, match="it was ended while it waited"):
        worker.ask(b"upload", None, soon())


def test_a_worker_that_has_not_read_everything_was_not_used(pair: tuple[Worker, socket.socket]) -> None:
    worker, other = pair
    worker._socket.sendall(b"unread")
    other.close()
    with pytest.raises(WorkerUnused, match="it was ended while it waited"):
        worker.output(1, soon())


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0, "it ended with status 0"),
        (3, "it ended with status 3"),
        (-signal.SIGHUP, "it was ended by signal SIGHUP"),
        (-signal.SIGSEGV, "it was ended by signal SIGSEGV"),
        (-signal.SIGKILL, "it was ended by signal SIGKILL, as the system does where memory runs out"),
        (-99, "it was ended by signal 99"),
    ],
)
def test_how_a_process_ended_is_said_in_words(status: int, sentence: str) -> None:
    assert process._ended(status) == sentence


# A zygote, as the function sees it.


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Zygote, socket.socket]]:
    """A zygote whose side is played by the test, and its control socket."""
    others: list[socket.socket] = []

    def spawn(control: socket.socket) -> subprocess.Popen[bytes]:
        others.append(control.dup())
        return subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])

    monkeypatch.setattr(process, "_spawn", spawn)
    zygote = Zygote(TASK)
    with closing(zygote), others[0]:
        yield zygote, others[0]
    assert zygote._process.returncode == -signal.SIGKILL


def test_orders_have_numbers_and_what_they_take_the_place_of_is_closed_later(
    played: tuple[Zygote, socket.socket],
) -> None:
    zygote, other = played
    assert pickle.loads(other.recv(PACKET_BYTES)) == TASK  # noqa: S301 - our own words
    workers = [zygote.order()]
    workers.append(zygote.order(workers[0]))
    assert workers[0]._socket.fileno() >= 0, "closed now, it would wake up"
    workers.append(zygote.order(workers[1]))
    assert [worker._socket.fileno() >= 0 for worker in workers] == [False, True, True]
    orders = []
    for worker in workers:
        packet, fds, _, _ = socket.recv_fds(other, 100, 2)
        orders.append(ORDER.unpack(packet))
        with socket.socket(fileno=fds[0]) as theirs, suppress(BrokenPipeError):
            theirs.sendall(framed({"refused": [str(worker.number)]}))
        assert len(fds) == 1
    assert orders == [(1, 0), (2, 1), (3, 2)]
    assert [worker.number for worker in workers] == [1, 2, 3]
    assert workers[2].refused(soon()) == ["3"]
    other.send(json.dumps({"status": -11}).encode())
    assert zygote.end(workers[2]) == "it was ended by signal SIGSEGV"
    assert ORDER.unpack(other.recv(100)) == (0, 3)
    assert workers[2]._socket.fileno() == -1
    zygote.close()
    assert workers[1]._socket.fileno() == -1


def test_that_there_was_no_such_process_is_said_with_why(played: tuple[Zygote, socket.socket]) -> None:
    zygote, other = played
    other.send(json.dumps({"error": "No room."}).encode())
    with pytest.raises(WorkerMissing, match=r"^No room\.$"):
        zygote.end(zygote.order())


@pytest.mark.parametrize("report", [b"null", b"{}", b'{"status": "x"}', b"nonsense"])
def test_a_zygote_that_makes_no_sense_is_ended(played: tuple[Zygote, socket.socket], report: bytes) -> None:
    zygote, other = played
    other.send(report)
    start = time.monotonic()
    with pytest.raises(ZygoteDied, match="it stopped listening"):
        zygote.end(zygote.order())
    assert 0.4 < time.monotonic() - start < 4
    assert zygote._process.wait(5) == -signal.SIGKILL


def test_a_zygote_has_five_seconds_to_end_a_process(played: tuple[Zygote, socket.socket]) -> None:
    zygote, _ = played
    assert zygote._control.gettimeout() == 5.0
    zygote._control.settimeout(0.05)
    with pytest.raises(ZygoteDied, match="it stopped listening"):
        zygote.end(zygote.order())


def test_a_zygote_that_has_ended_takes_no_orders(played: tuple[Zygote, socket.socket]) -> None:
    zygote, other = played
    zygote._process.kill()
    other.close()
    with pytest.raises(ZygoteDied, match="it was ended by signal SIGKILL"):
        zygote.order()
    with pytest.raises(ZygoteDied, match="it was ended by signal SIGKILL"):
        zygote.end(Worker(zygote, 1, socket.socket()))


# Processes that wait.


class Waiting:
    """A worker that says at once that it is ready, or whatever the test wants."""

    def __init__(self, zygote: "Zygotes", number: int) -> None:
        self.zygote, self.number = zygote, number
        self.age = 0.0
        self.closed = False

    def refused(self, _: float) -> list[str]:
        if self.zygote.troubles:
            raise self.zygote.troubles.pop(0)
        return [str(self.number)]

    def close(self) -> None:
        self.closed = True


class Zygotes:
    """One of the zygotes; what is ordered of all of them is noted."""

    made: list["Zygotes"]
    troubles: list[Exception]
    orders: list[tuple[int, int | None]]
    failing: list[Exception]

    def __init__(self, task: Task) -> None:
        assert task is TASK
        if self.failing and isinstance(self.failing[0], OSError):
            raise self.failing.pop(0)
        self.made.append(self)
        self.name, self.closed = len(self.made), False
        self.ended: list[int] = []

    def order(self, instead_of: Waiting | None = None) -> Waiting:
        if self.failing:
            raise self.failing.pop(0)
        self.orders.append((self.name, instead_of.number if instead_of else None))
        return Waiting(self, len(self.orders))

    def end(self, worker: Waiting) -> str:
        self.ended.append(worker.number)
        return "ended"

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def zygotes(monkeypatch: pytest.MonkeyPatch) -> type[Zygotes]:
    class Fresh(Zygotes):
        made: list[Zygotes] = []  # noqa: RUF012
        troubles: list[Exception] = []  # noqa: RUF012
        orders: list[tuple[int, int | None]] = []  # noqa: RUF012
        failing: list[Exception] = []  # noqa: RUF012

    monkeypatch.setattr(stock, "Zygote", Fresh)
    return Fresh


def waiting(found: Stock) -> list[int]:
    return [worker.number for worker in found._waiting]


def test_so_many_wait_or_work_and_each_is_replaced_by_the_last(zygotes: type[Zygotes]) -> None:
    found = Stock(TASK, 3)
    assert waiting(found) == [1, 2, 3]
    with found.one(0) as first:
        assert (first.number, waiting(found)) == (1, [2, 3])
        with found.one(0) as second:
            assert (second.number, waiting(found)) == (2, [3])
        assert waiting(found) == [3, 4]
    assert waiting(found) == [3, 4, 5]
    assert found.refused(0) == ["3"]
    assert waiting(found) == [3, 4, 5]
    assert zygotes.orders == [(1, None), (1, None), (1, None), (1, 2), (1, 1)]
    found.close()
    assert zygotes.made[0].closed
    assert waiting(found) == []


def test_three_may_be_found_ended(zygotes: type[Zygotes]) -> None:
    found = Stock(TASK, 2)
    zygotes.troubles[:] = [WorkerDied("one"), ZygoteDied("two")]
    with found.one(0) as worker:
        assert worker.number == 3
    zygotes.troubles[:] = [WorkerDied("one"), WorkerDied("two"), WorkerDied("three"), WorkerDied("four")]
    with pytest.raises(CannotStart, match=r"^three$"), found.one(0):
        pytest.fail("none is ready")
    assert len(zygotes.troubles) == 1
    assert found._at_work == 0
    assert len(waiting(found)) == 2


@pytest.mark.parametrize(
    ("trouble", "why"), [(WorkerMissing("No room."), "No room."), (TimeoutError(), "it took too long")]
)
def test_one_that_cannot_be_is_not_tried_again(zygotes: type[Zygotes], trouble: Exception, why: str) -> None:
    found = Stock(TASK, 2)
    zygotes.troubles[:] = [trouble]
    with pytest.raises(CannotStart, match=f"^{why}$"):
        found.refused(0)
    assert (found._at_work, waiting(found)) == (0, [2, 3])
    assert not zygotes.made[0].closed


@pytest.mark.parametrize(("age", "hangs"), [(60.0, False), (60.1, True)])
def test_one_that_is_not_ready_after_a_minute_hangs_with_its_zygote(
    zygotes: type[Zygotes], age: float, hangs: bool
) -> None:
    found = Stock(TASK, 1)
    found._waiting[0].age = age  # type: ignore[misc]
    zygotes.troubles[:] = [TimeoutError()]
    with pytest.raises(CannotStart, match="it took too long"):
        found.refused(0)
    assert zygotes.made[0].closed == hangs


def test_a_zygote_that_has_died_is_replaced_and_its_workers_with_it(zygotes: type[Zygotes]) -> None:
    found = Stock(TASK, 3)
    with found.one(0) as worker:
        others = list(found._waiting)
        zygotes.failing[:] = [ZygoteDied("dead")]
        with found.one(0):
            pass
    assert zygotes.made[0].closed
    assert all(other.closed for other in others[1:])  # type: ignore[attr-defined]
    assert worker.closed  # type: ignore[attr-defined]
    assert [zygote.name for zygote in zygotes.made] == [1, 2]
    assert [worker.zygote.name for worker in found._waiting] == [2, 2, 2]  # type: ignore[attr-defined]
    assert (2, 1) not in zygotes.orders


def test_none_can_be_started_and_later_one_can(zygotes: type[Zygotes]) -> None:
    zygotes.failing[:] = [OSError("no memory"), OSError("no memory"), ZygoteDied("dead"), ZygoteDied("dead")]
    found = Stock(TASK, 1)
    assert waiting(found) == []
    with pytest.raises(CannotStart, match="no memory"):
        found.refused(0)
    with pytest.raises(CannotStart, match="dead"):
        found.refused(0)
    assert found._at_work == 0


def test_a_stock_at_its_end_starts_nothing_and_ends_what_comes_back(zygotes: type[Zygotes]) -> None:
    found = Stock(TASK, 2)
    with found.one(0) as worker:
        found.close()
    assert zygotes.made[0].ended == [worker.number]
    with pytest.raises(CannotStart, match="its function is at an end"):
        found.refused(0)
    assert len(zygotes.orders) == 2


# What a child gives up.


def in_a_fork(act: Callable[[], object]) -> Any:
    """What `act` gives in a fork of this process, and how that ended."""
    out, into = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.write(into, json.dumps(act()).encode())
            os._exit(3)
        finally:
            os._exit(4)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        told = pipe.read()
    return json.loads(told or b"null"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


GET_PDEATHSIG, GET_DUMPABLE, GET_NO_NEW_PRIVS = 2, 3, 39
"""Of linux/prctl.h; what is set there is asked for by other numbers."""


def test_a_child_gives_up_all_but_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the filter, which would not let it tell."""
    parent, most = os.getpid(), confinement.address_space() + (1 << 30)
    monkeypatch.setattr(seccomp, "confine", lambda: None)

    def tried() -> list[object]:
        libc = confinement._libc
        signals = ctypes.c_int()
        refused = confinement.confine(parent, most)
        libc.prctl(GET_PDEATHSIG, ctypes.byref(signals))
        kinds = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
        limits = [resource.getrlimit(kind) for kind in kinds]
        return [refused, signals.value, libc.prctl(GET_DUMPABLE), libc.prctl(GET_NO_NEW_PRIVS, 0, 0, 0, 0), limits]

    assert in_a_fork(tried) == ([[], 9, 0, 1, [[0, 0], [0, 0], [0, 0], [most, most]]], 3)


def test_a_child_whose_parent_has_ended_ends() -> None:
    assert in_a_fork(lambda: confinement._end_with(1 << 22)) == (None, 0)


def test_what_is_refused_is_said_and_the_rest_is_given_up_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EPERM, "no")

    def too_large() -> None:
        raise ValueError("too large")

    monkeypatch.setattr(confinement, "hide_memory", refuse)
    monkeypatch.setattr(seccomp, "confine", too_large)
    parent = os.getpid()

    def tried() -> list[object]:
        refused = confinement.confine(parent, 1 << 40)
        return [refused, resource.getrlimit(resource.RLIMIT_NOFILE)]

    sentences = [
        "The kernel refused to hide the worker's memory: [Errno 1] no.",
        "The kernel refused to filter the worker's system calls: too large.",
    ]
    assert in_a_fork(tried)[0] == [sentences, [0, 0]]


@pytest.mark.parametrize(("hard", "most", "bound"), [(-1, 100, 100), (200, 100, 100), (100, 200, 100), (100, 100, 100)])
def test_a_limit_is_lowered_and_never_raised(hard: int, most: int, bound: int) -> None:
    def tried() -> object:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        confinement._bound(resource.RLIMIT_CORE, most)
        return resource.getrlimit(resource.RLIMIT_CORE)

    if hard == -1 and resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("there is a limit here already")
    assert in_a_fork(tried)[0] == [bound, bound]


def test_what_the_kernel_does_not_know_is_an_error() -> None:
    with pytest.raises(OSError, match="Invalid argument") as caught:
        confinement._prctl(9999, 0)
    assert caught.value.errno == errno.EINVAL


def test_address_space_is_what_the_system_says_in_other_words() -> None:
    status = Path("/proc/self/status").read_text()
    kibibytes = int(status.partition("VmSize:")[2].split()[0])
    assert abs(confinement.address_space() - kibibytes * 1024) < 16 << 20


# The sandbox, and what it believes.


class Answering:
    """A stock whose workers give one answer after the other, or raise it."""

    def __init__(self, *answers: object, refused: Sequence[str] = ()) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[bytes, object]] = []
        self.sentences = refused
        self.outputs = b"BM" * 1000

    @contextmanager
    def one(self, deadline: float) -> Iterator["Answering"]:
        assert 0 < deadline - time.monotonic() <= 5
        yield self

    def refused(self, deadline: float) -> Sequence[str]:
        assert 0 < deadline - time.monotonic() <= 60
        return self.sentences

    def ask(self, data: bytes, focus: object, _: float) -> object:
        self.asked.append((data, focus))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def output(self, length: int, deadline: float) -> bytes:
        assert deadline > 0
        return self.outputs[:length]


def sandbox(monkeypatch: pytest.MonkeyPatch, answering: Answering, **more: Any) -> Sandbox:
    def made(task: Task, size: int) -> Answering:
        answering.task, answering.size = task, size  # type: ignore[attr-defined]
        return answering

    monkeypatch.setattr(sandboxes, "Stock", made)
    monkeypatch.setattr(sandboxes, "hide_memory", lambda: None)
    variant = Variant("thumbnail", [Fit(20, 10)], formats=["png", "keep"])
    return Sandbox(variant, TASK.limits, max_memory=3 << 20, **more)


def said(*files: object, engine: object = "e", notes: object = (), seen: object = ("", "")) -> list[object]:
    return ["made", list(files), engine, list(notes) if isinstance(notes, tuple) else notes, list(seen)]  # type: ignore[call-overload]


def outcome(monkeypatch: pytest.MonkeyPatch, answer: object, **more: Any) -> Made | Rejected:
    try:
        return sandbox(monkeypatch, Answering(answer), **more).run(b"x", 5)
    except Rejected as rejected:
        return rejected


@pytest.mark.parametrize(
    ("answer", "believed"),
    [
        (said([2, "bmp", 20, 5, 1]), True),
        (said([2, "bmp", 20, 6, 1]), False),
        (said([2, "bmp", 10, 10, 1]), True),
        (said([2, "bmp", 10, 11, 1]), False),
        (said([2, "bmp", 21, 1, 1]), False),
        (said([2, "bmp", 5, 4, 5]), True),
        (said([2, "bmp", 5, 4, 6]), False),
        (said([2, "bmp", 1, 1, 0]), False),
        (said([2, "bmp", 0, 1, 1]), False),
        (said([2, "bmp", 1, 0, 1]), False),
        (said([0, "bmp", 1, 1, 1]), False),
        (said([2, "bmp", True, 1, 1]), False),
        (said([2, "bmp", 1, True, 1]), False),
        (said([2, "bmp", 1, 1, True]), False),
        (said([1000, "bmp", 1, 1, 1]), True),
        (said([1001, "bmp", 1, 1, 1]), False),
        (said([500, "bmp", 1, 1, 1], [500, "bmp", 1, 1, 1]), True),
        (said([500, "bmp", 1, 1, 1], [501, "bmp", 1, 1, 1]), False),
        (said(*[[2, "bmp", 1, 1, 1]] * 3), False),
        (said(), False),
        (said([2, "png", 1, 1, 1]), False),
        (said([2, "heic", 1, 1, 1]), False),
        (said([2, "exe", 1, 1, 1]), False),
        (said([2, "bmp", 1, 1, 1], engine="x" * 500, notes=("n" * 500,) * 20), True),
        (said([2, "bmp", 1, 1, 1], engine="x" * 501), False),
        (said([2, "bmp", 1, 1, 1], notes=("n",) * 21), False),
        (said([2, "bmp", 1, 1, 1], notes=("n" * 501,)), False),
        (said([2, "bmp", 1, 1, 1], notes=("\n",)), False),
        (said([2, "bmp", 1, 1, 1], notes=(5,)), False),
        (said([2, "bmp", 1, 1, 1], seen=("#102030", "A" * 36)), True),
        (said([2, "bmp", 1, 1, 1], seen=("#102030", "")), False),
        (said([2, "bmp", 1, 1, 1], seen=("red", "")), False),
        (["out-of-memory", 1], False),
        (None, False),
    ],
)
def test_an_answer_is_believed_up_to_what_can_be(
    monkeypatch: pytest.MonkeyPatch, answer: object, believed: bool
) -> None:
    found = outcome(monkeypatch, answer, max_output=1000)
    assert isinstance(found, Made) == believed
    if isinstance(found, Rejected):
        sentence = "The process that worked on it gave an answer that makes no sense."
        assert (found.reason, found.detail) == (Reason.CRASHED, sentence)


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (["rejected", "corrupt", "It ends."], Reason.CORRUPT, "It ends."),
        (["rejected", "corrupt", "x" * 500], Reason.CORRUPT, "x" * 500),
        (["rejected", "corrupt", "x" * 501], Reason.CRASHED, "The process that worked on it gave an answer"),
        (["rejected", "no-reason", "x"], Reason.CRASHED, "The process that worked on it gave an answer"),
        (["out-of-memory"], Reason.TOO_MANY_PIXELS, "It takes more than 3 MiB of memory."),
        (["failed", "A bug."], Reason.CRASHED, "The codec failed on it: A bug."),
        (["failed", "A\nbug."], Reason.CRASHED, "The process that worked on it gave an answer"),
        (WorkerDied("it ended"), Reason.CRASHED, "The process that worked on it died: it ended."),
        (TimeoutError(), Reason.TOO_SLOW, "It was not done within 5.0 seconds."),
    ],
)
def test_each_end_is_a_rejection_in_words(
    monkeypatch: pytest.MonkeyPatch, answer: object, reason: Reason, detail: str
) -> None:
    found = outcome(monkeypatch, answer)
    assert isinstance(found, Rejected)
    assert (found.reason, found.detail[: len(detail)]) == (reason, detail)


def test_what_was_made_is_handed_on_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = said([4, "bmp", 3, 2, 1], [2, "bmp", 5, 4, 3], notes=("one", "two"), seen=("#102030", "3EgKFYhp"))
    found = outcome(monkeypatch, answer)
    outputs = (Output(b"BMBM", "bmp", 3, 2, 1), Output(b"BM", "bmp", 5, 4, 3))
    assert found == Made(outputs, "e", ("one", "two"), "#102030", "3EgKFYhp")


def test_an_upload_is_tried_three_times_where_nobody_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    unused, answer = WorkerUnused("it was ended while it waited"), said([2, "bmp", 1, 1, 1])
    for count in range(3):
        answering = Answering(*[unused] * count, answer)
        assert isinstance(sandbox(monkeypatch, answering).run(b"x" * 1000, 5, (0.5, 0.5)), Made)
        assert answering.asked == [(b"x" * 1000, (0.5, 0.5))] * (count + 1)
    answering = Answering(*[unused] * 4)
    with pytest.raises(Retryable, match=r"^3 of the codec's processes were ended before they had read the upload\.$"):
        sandbox(monkeypatch, answering).run(b"x", 5)
    with pytest.raises(Rejected, match="It has 1,001 bytes; 1,000 is the most"):
        sandbox(monkeypatch, answering).run(b"x" * 1001, 5)
    assert len(answering.asked) == 3


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (ZygoteDied("it ended"), "The process that the codec's processes come from died: it ended."),
        (CannotStart("no room"), "The codec's process could not be started: no room."),
    ],
)
def test_what_no_upload_is_to_blame_for_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception, sentence: str
) -> None:
    with pytest.raises(Retryable) as caught:
        sandbox(monkeypatch, Answering(trouble)).run(b"x", 5)
    assert str(caught.value) == sentence


def test_what_is_refused_is_said_once_and_ends_a_function_that_requires_all(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, ...]] = []
    answers = [said([2, "bmp", 1, 1, 1])] * 3
    lenient = sandbox(monkeypatch, Answering(*answers, refused=["No."]), started=heard.append)
    assert isinstance(lenient.run(b"x", 5), Made)
    assert isinstance(lenient.run(b"x", 5), Made)
    assert (lenient.notes, heard) == (("No.",), [("No.",)])
    strict = sandbox(monkeypatch, Answering(*answers, refused=["No."]), require=True)
    with pytest.raises(ConfigurationError, match=r"has only a part of the sandbox: No\. REQUIRE_SANDBOX=0 does"):
        strict.run(b"x", 5)
    assert sandbox(monkeypatch, Answering(), require=True).notes == ()
    assert isinstance(sandbox(monkeypatch, Answering(*answers), require=True).run(b"x", 5), Made)


def test_that_none_can_be_started_is_trouble_for_whoever_asks_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoRoom(Answering):
        def refused(self, deadline: float) -> Sequence[str]:
            raise CannotStart("no room")

    with pytest.raises(Retryable, match=r"^The codec's process could not be started: no room\.$"):
        _ = sandbox(monkeypatch, NoRoom()).notes


def test_that_its_own_memory_is_not_hidden_is_said_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EPERM, "no")

    sandbox(monkeypatch, Answering())
    monkeypatch.setattr(sandboxes, "hide_memory", refuse)
    assert Sandbox(VARIANT, TASK.limits, max_memory=1).notes == (
        "The kernel refused to hide the function's memory: [Errno 1] no.",
    )


def test_one_more_process_waits_than_there_are_pictures_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answering: Any = Answering()
    sandbox(monkeypatch, answering)
    assert (answering.size, answering.task.max_output, answering.task.max_memory) == (2, 256 << 20, 3 << 20)
    sandbox(monkeypatch, answering, at_once=4)
    assert answering.size == 5
