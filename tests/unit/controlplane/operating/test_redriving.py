"""Dead letters back to their queues, on the emulated SQS."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.errors import Failure
from controlplane.operating import redriving
from controlplane.operating.redriving import redrive
from controlplane.operating.sending import send
from unit.controlplane.operating.conftest import Emulated


def keys(emulated: Emulated, variant: str = "web") -> list[str]:
    return sorted(json.loads(body)["key"] for body in emulated.waiting(variant))


def test_by_reason_to_their_own_queue_and_out_of_the_dead_letters(emulated: Emulated) -> None:
    for number in range(23):
        emulated.reject("web", f"{number:02}.jpg", "corrupt" if number % 2 else "too-slow")
    emulated.reject("thumbnail", "other.jpg")
    heard: list[int] = []
    done = redrive(emulated.machine, emulated.variant("web"), lambda letter: letter.reason == "too-slow", heard.append)
    assert done == {"too-slow": 12}
    assert sum(heard) == 12
    assert keys(emulated) == [f"ingest/{number:02}.jpg" for number in range(0, 23, 2)]
    assert emulated.dead("web") == 11
    assert emulated.dead("thumbnail") == 1
    assert keys(emulated, "thumbnail") == []


def test_what_is_rejected_again_is_not_sent_again(emulated: Emulated) -> None:
    """A function that rejects everything at once, while the letters are still being sent."""
    for number in range(30):
        emulated.reject("web", f"{number:02}.jpg")
    ended = threading.Event()
    came: list[str] = []

    def function() -> None:
        while not ended.is_set():
            for key in keys(emulated):
                came.append(key)
                emulated.reject("web", key.removeprefix("ingest/"))
            time.sleep(0.02)

    thread = threading.Thread(target=function)
    thread.start()
    try:
        assert redrive(emulated.machine, emulated.variant("web"), lambda _letter: True) == {"corrupt": 30}
    finally:
        time.sleep(0.3)
        ended.set()
        thread.join()
    assert sorted(came) == [f"ingest/{number:02}.jpg" for number in range(30)]
    assert emulated.dead("web") == 30


def test_killed_between_sending_and_taking_out_loses_none(emulated: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(25):
        emulated.reject("web", f"{number:02}.jpg")
    calls = 0

    def killed(sqs: Any, url: str, bodies: list[str]) -> None:
        nonlocal calls
        calls += 1
        send(sqs, url, bodies)
        if calls == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(redriving, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        redrive(emulated.machine, emulated.variant("web"), lambda _letter: True)
    assert emulated.dead("web") == 15
    first = keys(emulated)
    assert len(first) == 20
    monkeypatch.undo()
    redrive(emulated.machine, emulated.variant("web"), lambda _letter: True)
    again = keys(emulated)
    assert set(first) | set(again) == {f"ingest/{number:02}.jpg" for number in range(25)}
    assert len(first) + len(again) == 25 + 10  # Those that were sent and not yet taken out.
    assert emulated.dead("web") == 0


def test_what_cannot_be_sent_stays(emulated: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    emulated.reject("web", "a.jpg")

    def refused(*_: object) -> None:
        raise Failure("SQS did not take it.")

    monkeypatch.setattr(redriving, "send", refused)
    with pytest.raises(Failure):
        redrive(emulated.machine, emulated.variant("web"), lambda _letter: True)
    assert emulated.dead("web") == 1


def test_the_clock_is_sqs_s(emulated: Emulated) -> None:
    told = redriving._now(emulated["sqs"], emulated.variant("web").queue_url)
    assert abs((told - datetime.now(UTC)).total_seconds()) < 5


def test_what_is_written_after_the_start_is_left_alone(emulated: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    emulated.reject("web", "a.jpg")
    earlier = datetime.now(UTC) - timedelta(hours=1)
    monkeypatch.setattr(redriving, "_now", lambda _sqs, _url: earlier)
    assert redrive(emulated.machine, emulated.variant("web"), lambda _letter: True) == {}
    assert keys(emulated) == []
    assert emulated.dead("web") == 1
