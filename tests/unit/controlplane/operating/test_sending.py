"""Sending at a bounded rate, behind fresh uploads, and nothing lost when SQS takes only some."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.errors import Failure
from controlplane.operating.sending import Brake, Pace, send, work
from imagemachine.envelopes import Notice, parse


class Time:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Flaky:
    """An SQS of which each request is answered as the script says: which entries it does not take."""

    def __init__(self, refuses: Callable[[str], dict[str, Any] | None]) -> None:
        self.refuses = refuses
        self.taken: list[str] = []
        self.sizes: list[tuple[int, int]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        failed = []
        self.sizes.append((len(Entries), sum(len(entry["MessageBody"].encode()) for entry in Entries)))
        for entry in Entries:
            refusal = self.refuses(entry["MessageBody"])
            if refusal is None:
                self.taken.append(entry["MessageBody"])
            else:
                failed.append({"Id": entry["Id"], **refusal})
        return {"Failed": failed}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.operating.sending.time.sleep", lambda _seconds: None)


@given(st.lists(st.text(min_size=1, max_size=300), max_size=30))
def test_a_key_arrives_as_it_is(keys: list[str]) -> None:
    for key in keys:
        if key.encode(errors="ignore").decode() == key:
            assert list(parse(work("bucket", key))) == [Notice("bucket", key)]


def test_what_is_not_taken_at_once_is_sent_again() -> None:
    tries: dict[str, int] = {}

    def refuses(body: str) -> dict[str, Any] | None:
        tries[body] = tries.get(body, 0) + 1
        return {"SenderFault": False, "Code": "InternalError"} if tries[body] <= int(body) % 3 else None

    queue = Flaky(refuses)
    send(queue, "http://sqs/1/web", [str(number) for number in range(10)])
    assert sorted(queue.taken) == [str(number) for number in range(10)]


def test_what_is_not_taken_at_all_is_a_failure() -> None:
    with pytest.raises(Failure, match="did not take 1 of 2 messages for web"):
        send(Flaky(lambda body: {"SenderFault": False, "Code": "X"} if body == "b" else None), "http://sqs/1/web", "ab")
    with pytest.raises(Failure, match="refused a message for web: too long"):
        send(Flaky(lambda _body: {"SenderFault": True, "Code": "X", "Message": "too long"}), "http://sqs/1/web", ["a"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([1, 1000, 90_000, 200_000, 256 * 1024]), max_size=10))
def test_a_request_is_never_larger_than_sqs_takes(sizes: list[int]) -> None:
    queue = Flaky(lambda _body: None)
    send(queue, "u", ["x" * size for size in sizes])
    assert sorted(map(len, queue.taken)) == sorted(sizes)
    assert all(number <= 10 and size <= 256 * 1024 for number, size in queue.sizes)


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [
        ([1000] * 10, [10]),
        ([256 * 1024], [1]),
        ([200_000, 62_144], [2]),
        ([200_000, 62_145], [1, 1]),
        ([262_144] * 3, [1] * 3),
    ],
)
def test_a_request_holds_as_many_as_it_can(sizes: list[int], requests: list[int]) -> None:
    queue = Flaky(lambda _body: None)
    send(queue, "u", ["x" * size for size in sizes])
    assert [number for number, _ in queue.sizes] == requests


def test_each_attempt_waits_twice_as_long_and_the_first_one_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("controlplane.operating.sending.time.sleep", slept.append)
    send(Flaky(lambda _body: None), "u", ["a"])
    assert slept == []
    with pytest.raises(Failure):
        send(Flaky(lambda _body: {"Code": "X"}), "u", ["a"])
    assert slept == pytest.approx([0.4, 0.8, 1.6, 3.2])


@given(st.floats(0.5, 500), st.lists(st.tuples(st.integers(1, 10), st.floats(0, 20)), min_size=1, max_size=40))
def test_no_faster_than_the_rate_whatever_the_pauses(rate: float, steps: list[tuple[int, float]]) -> None:
    time = Time()
    pace = Pace(rate, time.clock, time.sleep)
    sent: list[tuple[float, int]] = []
    for number, pause in steps:
        time.sleep(pause)
        pace.wait(number)
        sent.append((time.now, number))
    for start, (first, _) in enumerate(sent):
        # Between any two moments: the rate, and what may come at once at either end.
        for end in range(start, len(sent)):
            number = sum(count for _, count in sent[start : end + 1])
            assert number <= rate * (sent[end][0] - first) + 20 + 1e-6


def test_at_full_speed_it_is_the_rate() -> None:
    time = Time()
    pace = Pace(50, time.clock, time.sleep)
    for _ in range(100):
        pace.wait(10)
    assert time.now - 1000 == pytest.approx(1000 / 50, rel=0.02)


@given(st.integers(10, 500), st.floats(1, 300), st.lists(st.integers(0, 40), max_size=30))
def test_a_queue_is_never_fuller_than_it_may_be(most: int, worked_off: float, arrivals: list[int]) -> None:
    """Whatever comes from elsewhere: what this adds never takes it over the limit."""
    time = Time()
    depth = {"q": 0.0}
    last = time.now

    def drained() -> None:
        nonlocal last
        depth["q"] = max(0.0, depth["q"] - worked_off * (time.now - last))
        last = time.now

    def count(url: str) -> int:
        drained()
        return math.ceil(depth[url])  # A message that is half worked off is in flight.

    brake = Brake(count, most, time.clock, time.sleep)
    for fresh in arrivals:
        brake.wait("q", 10)
        drained()
        depth["q"] += 10
        assert depth["q"] <= most + sum(arrivals)
        depth["q"] += fresh
        time.sleep(0.1)


def test_it_tells_what_it_waits_for() -> None:
    time = Time()
    depths = iter([95, 93, 40])
    heard: list[int] = []
    Brake(lambda _url: next(depths), 100, time.clock, time.sleep).wait("q", 10, heard.append)
    assert heard == [95, 93]
