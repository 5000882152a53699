"""A batch's pictures overlap: fetched ahead, stored behind, looked at again; and few of them are held at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, ClassVar

import pytest

from imagemachine.envelopes import Notice
from imagemachine.job import Job, Outcome, Report
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.storage import Storage
from imagemachine.variant import Fit, Made, Output, Variant

VARIANT = Variant("thumbnail", [Fit(320, 320)])
PICTURES = 10


class Pixels(bytes):
    """Bytes that are counted as long as somebody holds them."""

    held: ClassVar[Counter[type]] = Counter()
    most: ClassVar[Counter[type]] = Counter()

    def __init__(self, _: object) -> None:
        kind = type(self)
        self.held[kind] += 1
        self.most[kind] = max(self.most[kind], self.held[kind])

    def __del__(self) -> None:
        self.held[type(self)] -= 1


class Fetched(Pixels):
    """An upload's."""


class Stored(Pixels):
    """A result's."""


class Line:
    """Both S3 and the codec; each step waits as long as a test wants."""

    def __init__(self) -> None:
        self.gates = {step: threading.Event() for step in ("get", "codec", "put", "head")}
        self.at: Counter[str] = Counter()
        """How many pictures are in a step."""
        self.through: Counter[str] = Counter()
        self.changed = threading.Condition()

    @contextmanager
    def _step(self, step: str) -> Iterator[None]:
        self._count(step, 1)
        assert self.gates[step].wait(10)
        yield
        self._count(step, -1)

    def _count(self, step: str, change: int) -> None:
        with self.changed:
            self.at[step] += change
            self.through[step] += change < 0
            self.changed.notify_all()

    def wait(self, what: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(what, 10), (self.at, self.through)

    def get_object(self, **_: str) -> dict[str, Any]:
        with self._step("get"):
            return {"ETag": "e", "ContentLength": 3, "Body": _Body()}

    def run(self, data: bytes, _: float, focus: Point | None = None) -> Made:
        with self._step("codec"):
            assert isinstance(data, Fetched)
            return Made((Output(Stored(b"made"), "jpeg", 1, 1, 1),), "double")

    def put_object(self, **request: Any) -> None:
        with self._step("put"):
            assert request["Body"] == b"made"

    def head_object(self, **_: str) -> dict[str, Any]:
        with self._step("head"):
            return {"ETag": "e"}


class _Body(BytesIO):
    def read(self, *_: Any) -> bytes:
        return Fetched(b"abc")


@pytest.fixture
def line() -> Iterator[Line]:
    Pixels.held.clear()
    Pixels.most.clear()
    line = Line()
    yield line
    for gate in line.gates.values():
        gate.set()


@contextmanager
def running(line: Line, codecs: int = 1) -> Iterator[list[Report]]:
    """A job with a thread for each picture; its reports once all are done."""
    job = Job(VARIANT, Settings.load({}, "thumbnail"), Storage(line, cache_control="x"), line, at_once=codecs)
    reports: list[Report] = []

    def work(number: int) -> None:
        reports.append(job.run(Notice("bucket", f"ingest/{number}.jpg"), lambda: 60))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(PICTURES)]
    for thread in threads:
        thread.start()
    yield reports
    for gate in line.gates.values():
        gate.set()
    for thread in threads:
        thread.join()
    assert [report.outcome for report in reports] == [Outcome.MADE] * PICTURES
    assert {report.bytes_out for report in reports} == {4}


def test_two_are_fetched_while_one_is_made_and_no_more(line: Line) -> None:
    with running(line):
        line.wait(lambda: line.at["get"] == 3)
        line.gates["get"].set()
        line.wait(lambda: line.through["get"] == 3 and line.at["codec"] == 1)
        time.sleep(0.1)
        assert (line.through["get"], line.at["get"], Pixels.held[Fetched]) == (3, 0, 3)


def test_two_are_stored_and_the_codec_waits_with_the_third(line: Line) -> None:
    with running(line):
        line.gates["get"].set()
        line.gates["codec"].set()
        line.wait(lambda: line.at["put"] == 2 and line.through["codec"] == 3)
        time.sleep(0.1)
        assert (line.at["put"], line.through["codec"], Pixels.held[Stored]) == (2, 3, 3)


def test_with_two_codecs_two_more_are_held_and_no_more_wait(line: Line) -> None:
    with running(line, codecs=2):
        line.wait(lambda: line.at["get"] == 4)
        line.gates["get"].set()
        line.wait(lambda: line.through["get"] == 4 and line.at["codec"] == 2)
        time.sleep(0.1)
        assert (line.through["get"], line.at["get"], Pixels.held[Fetched]) == (4, 0, 4)
        line.gates["codec"].set()
        line.wait(lambda: line.at["put"] == 2 and line.through["codec"] == 4)
        time.sleep(0.1)
        assert (line.at["put"], line.through["codec"], Pixels.held[Stored]) == (2, 4, 4)


def test_pictures_that_are_looked_at_again_hold_nothing_and_nobody_up(line: Line) -> None:
    with running(line):
        for step in ("get", "codec", "put"):
            line.gates[step].set()
        line.wait(lambda: line.at["head"] == PICTURES)
        time.sleep(0.1)
        assert Pixels.held == {Fetched: 0, Stored: 0}
    assert Pixels.most[Fetched] <= 3
    assert Pixels.most[Stored] <= 3
