"""The process that those for pictures come from, in a fork of this one: the test is the function that orders."""

import json
import math
import os
import pickle
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from imagemachine.variant import Fit, Limits, Variant
from imagemachine.worker import memory, zygote
from imagemachine.worker.confinement import address_space
from imagemachine.worker.protocol import FRAME, ORDER, REQUEST, Task
from unit import sandbox_work

WORK = sandbox_work.__name__
TASK = Task(
    work=f"{WORK}:tried",
    variant=Variant("thumbnail", [Fit(10, 10)]),
    limits=Limits(1000, 1000),
    max_memory=64 << 20,
    max_output=1000,
    rehearsal=f"{WORK}:trials",
    preload=("no.such.module", "colorsys"),
)


@dataclass
class Played:
    """A zygote at its orders."""

    control: socket.socket
    pid: int
    result: int
    """What it tells at its end comes from here."""

    def order(self, wanted: int, ended: int = 0) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        with theirs:
            socket.send_fds(self.control, [ORDER.pack(wanted, ended)], [theirs.fileno()])
        return ours

    def end(self, number: int) -> dict[str, Any]:
        self.control.send(ORDER.pack(0, number))
        report: dict[str, Any] = json.loads(self.control.recv(10_000))
        return report

    def told(self) -> dict[str, Any]:
        """What it was like in there, once it has returned."""
        self.control.close()
        with os.fdopen(self.result, "rb") as pipe:
            text = pipe.read()
        assert os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) == 0
        told: dict[str, Any] = json.loads(text)
        return told


@contextmanager
def played(task: Task) -> Iterator[Played]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    out, into = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.dup2(theirs.fileno(), 0)
            slept: list[float] = []
            zygote.time.sleep = slept.append  # type: ignore[attr-defined]
            ours.close()
            zygote.main()
            told = {
                "slept": slept,
                "environment": dict(os.environ),
                "oom": oom(),
                "earlier": len(sandbox_work._earlier),
            }
            os.write(into, json.dumps(told).encode())
            os._exit(0)
        finally:
            os._exit(1)
    theirs.close()
    os.close(into)
    ours.settimeout(20)
    ours.send(pickle.dumps(task))
    with closing(ours):
        yield Played(ours, pid, out)


def oom() -> str:
    return Path("/proc/self/oom_score_adj").read_text().strip()


def heard(worker: socket.socket) -> Any:
    """The next thing that a child says."""
    (length,) = FRAME.unpack(worker.recv(FRAME.size, socket.MSG_WAITALL))
    return json.loads(worker.recv(length, socket.MSG_WAITALL))


def asked(worker: socket.socket, data: bytes) -> bytes:
    """What a child makes of it."""
    worker.sendall(REQUEST.pack(len(data), math.nan, math.nan) + data)
    answer = heard(worker)
    assert answer[0] == "made", answer
    return worker.recv(answer[1][0][0], socket.MSG_WAITALL)


def asked_when_ready(worker: socket.socket) -> bytes:
    assert heard(worker) == {"refused": []}
    return asked(worker, b"x")


@pytest.mark.usefixtures("visible_memory")
def test_children_come_go_and_are_told_of_as_ordered() -> None:
    with played(TASK) as found:
        first = found.order(1)
        assert heard(first) == {"refused": []}
        assert os.sched_getscheduler(found.pid) == os.SCHED_BATCH
        os.kill(found.pid, signal.SIGINT)
        second = found.order(2)
        assert heard(second) == {"refused": []}
        assert asked(first, b"x") == b"BM1"
        third = found.order(3, ended=1)
        assert heard(third) == {"refused": []}
        assert first.recv(1) == b"", "it has ended"
        assert asked(second, b"x") == b"BM1", "it was there before anything was tried"
        assert asked(third, b"x") == b"BM4", "three files were tried, of which one breaks"
        fourth = found.order(4, ended=3)
        assert heard(fourth) == {"refused": []}
        assert asked(fourth, b"x") == b"BM4", "they are tried once"
        assert found.end(2) == {"status": -signal.SIGKILL}
        assert found.end(2) == found.end(1) == found.end(9) == {"error": "there is no such process"}
        assert found.end(4) == {"status": -signal.SIGKILL}
        told = found.told()
    assert told == {"slept": [0.003, 0.003], "environment": {}, "oom": "1000", "earlier": 3}
    for worker in (first, second, third, fourth):
        worker.close()


def test_one_without_its_work_says_why_and_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with played(replace(TASK, work=f"{WORK}:nothing")) as found:
        worker = found.order(1)
        assert worker.recv(1) == b""
        worker.close()
        report = found.end(1)
        assert report["error"].startswith("AttributeError: module 'unit.sandbox_work' has no attribute 'nothing' (")
        told = found.told()
    assert told["slept"] == []
    assert "Traceback" in capfd.readouterr().err


def test_without_files_of_our_own_nothing_is_tried() -> None:
    with played(replace(TASK, rehearsal="")) as found:
        with found.order(1) as first:
            assert asked_when_ready(first) == b"BM1"
            with found.order(2, ended=1) as second:
                assert asked_when_ready(second) == b"BM1"
        assert found.told()["earlier"] == 0


@pytest.mark.usefixtures("visible_memory")
def test_a_child_has_the_memory_of_its_task_beside_what_is_in_use_and_half_of_it_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both of them say so in the place of what the kernel refuses."""
    touched: list[tuple[int, int]] = []

    def touch(used: memory.Used, reserve: int) -> None:
        touched.append((sum(map(len, used.written)), reserve))

    def confine(parent: int, most: int) -> list[str]:
        ((written, reserve),) = touched
        return [str(number) for number in (parent - os.getppid(), most - address_space(), written, reserve)]

    monkeypatch.setattr(memory, "touch", touch)
    monkeypatch.setattr(zygote, "confine", confine)
    with played(TASK) as found, found.order(1) as first:
        before = list(map(int, heard(first)["refused"]))
        with found.order(2, ended=1) as second:
            after = list(map(int, heard(second)["refused"]))
        found.told()
    for parent, room, written, reserve in (before, after):
        assert (parent, reserve) == (0, 32 << 20)
        assert abs(room - (64 << 20)) < 4 << 20
        assert (written > 0) == (after == [parent, room, written, reserve])


def test_a_child_that_nobody_needs_ends_by_itself() -> None:
    with played(TASK) as found, found.order(1) as worker:
        assert heard(worker) == {"refused": []}
        (pid,) = Path(f"/proc/{found.pid}/task/{found.pid}/children").read_text().split()
        worker.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert found.end(1)["status"] >= 0, "nobody had to end it"
        found.told()
