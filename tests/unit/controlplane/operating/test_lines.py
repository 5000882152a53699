"""Log lines, read back from the emulated account."""

import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from controlplane.operating.lines import Line, Wish, follow, read
from unit.controlplane.operating.conftest import Emulated

NOW = datetime.now(UTC).replace(microsecond=0)
MADE = {
    "_aws": {"CloudWatchMetrics": []},
    "level": "INFO",
    "variant": "web",
    "outcome": "made",
    "key": "ingest/a.jpg",
    "output": "web/a.jpg",
    "width": 1920,
    "height": 1280,
    "bytes_out": 312_000,
    "milliseconds": 31.4,
}
REJECTED = {
    "level": "WARNING",
    "variant": "web",
    "outcome": "rejected",
    "key": "ingest/b é.jpg",
    "reason": "corrupt",
    "detail": "It ends in the middle.",
}


def write(emulated: Emulated, variant: str, *lines: str | dict[str, Any], ago: float = 0) -> None:
    """Write lines a second apart, the first so many seconds ago."""
    logs, group = emulated["logs"], emulated.variant(variant).log_group
    stream = f"stream-{time.monotonic_ns()}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    start = int((NOW - timedelta(seconds=ago)).timestamp() * 1000)
    events = [
        {"timestamp": start + 1000 * number, "message": line if isinstance(line, str) else json.dumps(line)}
        for number, line in enumerate(lines)
    ]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def texts(emulated: Emulated, wish: Wish, minutes: float = 10) -> list[str]:
    lines = read(emulated.machine, emulated.machine.variants, wish, NOW - timedelta(minutes=minutes))
    return [f"{line.variant} {line.outcome or line.text}" for line in lines]


def test_all_variants_in_the_order_of_their_times(emulated: Emulated) -> None:
    write(emulated, "web", "START RequestId: 1", MADE, "plain", "END RequestId: 1", ago=40)
    write(emulated, "thumbnail", {**MADE, "variant": "thumbnail"}, ago=38.5)
    write(emulated, "web", "long ago", ago=3600)
    assert texts(emulated, Wish()) == ["web made", "thumbnail made", "web plain"]
    assert texts(emulated, Wish(), minutes=100)[0] == "web long ago"


def test_only_what_did_not_go_well(emulated: Emulated) -> None:
    report = "REPORT RequestId: 1\tDuration: 120000.00 ms\tStatus: timeout"
    platform = {"type": "platform.report", "record": {"status": "error", "errorType": "it died"}}
    bad: list[str | dict[str, Any]] = [
        REJECTED,
        "[ERROR] ValueError: no",
        report,
        platform,
        {"level": "ERROR", "traceback": "..."},
    ]
    good: list[str | dict[str, Any]] = [
        MADE,
        "REPORT RequestId: 2\tDuration: 12.00 ms",
        {"type": "platform.report", "record": {"status": "success"}},
    ]
    write(emulated, "web", *bad, ago=60)
    write(emulated, "web", *good, "fine", ago=59)
    lines = list(read(emulated.machine, emulated.machine.variants, Wish(errors=True), NOW - timedelta(minutes=10)))
    assert [line.text for line in lines] == [line if isinstance(line, str) else json.dumps(line) for line in bad]


@pytest.mark.parametrize("key", ["ingest/a.jpg", "ingest/b é.jpg", 'ingest/"quoted".jpg', "ingest/a*.jpg"])
def test_one_upload_s_lines_are_found_whatever_its_key(emulated: Emulated, key: str) -> None:
    others = ["ingest/a.jpg", "ingest/ab.jpg", "ingest/b é.jpg", 'ingest/"quoted".jpg', "ingest/a*.jpg"]
    write(emulated, "web", *({**MADE, "key": other} for other in others), f"about {key}", ago=60)
    lines = list(read(emulated.machine, emulated.machine.variants, Wish(key=key), NOW - timedelta(minutes=10)))
    assert [line.said["key"] for line in lines] == [key]


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("ingest/a b.jpg", '{ $.key = "ingest/a b.jpg" }'),
        ("ingest/é.jpg", '{ $.key = "ingest/*" }'),
        ('ingest/a".jpg', '{ $.key = "ingest/a*" }'),
        ("ingest/a*.jpg", '{ $.key = "ingest/a*" }'),
        ("é", '{ $.key = "*" }'),
    ],
)
def test_what_is_asked_for_never_leaves_the_key_out(key: str, pattern: str) -> None:
    """On AWS the pattern decides what comes at all: what has a meaning of its own in there is not part of it."""
    assert Wish(key=key).patterns() == [pattern]


def test_more_lines_than_one_answer_holds(emulated: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator gives no token for the rest: what comes next begins where the answer ended."""
    logs = emulated["logs"]
    monkeypatch.setattr(logs, "filter_log_events", partial(logs.filter_log_events, limit=20))
    monkeypatch.setattr("controlplane.operating.lines._PAGE", 20)
    for number in range(55):
        write(emulated, "web", {**MADE, "key": f"ingest/{number}.jpg"}, ago=60 - number // 7)
    lines = read(emulated.machine, [emulated.variant("web")], Wish(), NOW - timedelta(hours=1))
    assert {line.said["key"] for line in lines} == {f"ingest/{number}.jpg" for number in range(55)}


def test_following_tells_each_line_once_also_a_late_one(emulated: Emulated) -> None:
    write(emulated, "web", "one", ago=20)
    rounds = itertools.count()

    def sleep(_seconds: float) -> None:
        match next(rounds):
            case 0:
                write(emulated, "web", "two", ago=10)
                write(emulated, "thumbnail", "late", ago=15)
            case 1:
                write(emulated, "web", "three", ago=5)
            case 4:
                write(emulated, "web", "four")
            case 9:
                pytest.fail("it waits for ever")

    lines = follow(emulated.machine, emulated.machine.variants, Wish(), NOW - timedelta(minutes=1), sleep)
    assert [line.text for line in itertools.islice(lines, 5)] == ["one", "late", "two", "three", "four"]


def test_a_function_that_never_wrote_anything_has_no_lines(emulated: Emulated) -> None:
    emulated["logs"].delete_log_group(logGroupName=emulated.variant("web").log_group)
    try:
        assert texts(emulated, Wish()) == []
    finally:
        emulated["logs"].create_log_group(logGroupName=emulated.variant("web").log_group)


def test_a_line_as_a_person_reads_it() -> None:
    def told(message: dict[str, Any] | str) -> str:
        text = message if isinstance(message, str) else json.dumps(message)
        return str(Line.read("web", {"message": text, "timestamp": 0})).partition("  ")[2]

    assert told(MADE) == "web  ingest/a.jpg  made web/a.jpg, 1920x1280, 312 kB, 31 ms"
    assert told(REJECTED) == "web  ingest/b é.jpg  rejected: corrupt. It ends in the middle."
    assert told({**REJECTED, "outcome": "removed", "reason": None, "detail": None}) == "web  ingest/b é.jpg  removed."
    assert told("a\x1b[31mb") == "web  a\\x1b[31mb"
    assert Line.read("web", {"message": json.dumps(MADE), "timestamp": 0}).as_json() == {
        "variant": "web",
        "at": "1970-01-01T00:00:00+00:00",
        "said": {name: value for name, value in MADE.items() if name != "_aws"},
    }
