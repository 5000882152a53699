"""How far it has come, in words."""

import io

import pytest

from controlplane.progress import Meter


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left() -> None:
    clock = Clock()
    meter = Meter("message", 3000, stream=io.StringIO(), clock=clock)
    assert meter.words() == "0 of 3,000 messages"
    clock.now += 10
    meter.number = 1000
    assert meter.words() == "1,000 of 3,000 messages, 100 a second, 20 s left"
    meter.remark("waiting for web")
    assert meter.words().endswith("20 s left, waiting for web")
    meter.reached(3000)
    assert meter.words() == "3,000 of 3,000 messages, 300 a second"


def test_the_rate_is_that_of_the_last_seconds_and_not_of_all() -> None:
    clock = Clock()
    meter = Meter("upload", stream=io.StringIO(), clock=clock)
    for _ in range(10):
        clock.now += 10
        meter.add(1000)
    assert "100 a second" in meter.words()
    for _ in range(10):
        clock.now += 10
        meter.add(50)
    assert meter.words() == "10,500 uploads, 5.0 a second"


@pytest.mark.parametrize(("number", "words"), [(1, "1 upload"), (2, "2 uploads")])
def test_where_there_may_be_any_number(number: int, words: str) -> None:
    meter = Meter("upload", stream=io.StringIO(), clock=Clock())
    meter.number = number
    assert meter.words() == words


def test_without_a_terminal_a_line_now_and_then() -> None:
    clock, stream = Clock(), io.StringIO()
    with Meter("upload", 100, stream=stream, clock=clock) as meter:
        for _ in range(25):
            clock.now += 1
            meter.add()
    assert stream.getvalue().splitlines() == [
        "10 of 100 uploads, 1.0 a second, 1 min 30 s left",
        "20 of 100 uploads, 1.0 a second, 1 min 20 s left",
    ]
