"""Messages of a batch, each with its own outcome: what is logged, announced, set aside and asked back, exactly."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from imagemachine import batch as batches
from imagemachine import telemetry
from imagemachine.announcements import Complete, Note
from imagemachine.batch import DESCRIBE, Batch, retry_delay
from imagemachine.envelopes import Notice
from imagemachine.errors import OutOfTime, Reason, Rejected, Retryable
from imagemachine.job import Outcome, Remaining, Report
from imagemachine.storage import Revision
from imagemachine.variant import Fit, Made, Output, Variant

VARIANT = Variant("thumbnail", [Fit(320, 320)])
KEY = "ingest/a.jpg"
MADE = Made((Output(b"", "jpeg", 3, 2, 1), Output(b"", "webp", 3, 2, 1)), "double", ("a note",))
REPORT = Report(
    Outcome.MADE,
    revision=Revision("e", "v1"),
    output="t/a.jpg",
    outputs=("t/a.jpg", "t/a.jpg.webp"),
    sizes=(5, 4),
    bytes_in=7,
    bytes_out=9,
    made=MADE,
    times={"fetch": 0.12344, "codec": 1.00006, "store": 0.5},
)


class Context:
    aws_request_id = "c6af"

    def get_remaining_time_in_millis(self) -> int:
        return 61_500


class Nameless:
    """The context of a caller that is not Lambda."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Job:
    """Reports, or raises, what the test has said of a key."""

    outcomes: Mapping[str, Report | Exception | Callable[[], Report]] = field(default_factory=dict)
    seen: list[tuple[Notice, float]] = field(default_factory=list)

    def run(self, notice: Notice, remaining: Remaining) -> Report:
        self.seen.append((notice, remaining()))
        outcome = self.outcomes.get(notice.key, REPORT)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome if isinstance(outcome, Report) else outcome()

    def description(self) -> dict[str, Any]:
        return {"variant": "described"}


@dataclass
class Queue:
    """Notes what is set aside and postponed; raises what the test has said."""

    there_is_one: bool = True
    trouble: Exception | None = None
    aside: list[tuple[str, Reason, str, str, str]] = field(default_factory=list)
    postponed: list[tuple[str, int]] = field(default_factory=list)

    def set_aside(self, body: str, rejected: Rejected, *, variant: str, source: str) -> bool:
        if self.trouble:
            raise self.trouble
        self.aside.append((body, rejected.reason, rejected.detail, variant, source))
        return self.there_is_one

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        if self.trouble:
            raise self.trouble
        self.postponed.append((receipt_handle, seconds))


@dataclass
class Announcer:
    trouble: Exception | None = None
    events: list[Mapping[str, Any]] = field(default_factory=list)

    def publish(self, event: Mapping[str, Any]) -> None:
        if self.trouble:
            raise self.trouble
        self.events.append(event)


def batch(
    outcomes: Mapping[str, Report | Exception | Callable[[], Report]] | None = None,
    queue: Queue | None = None,
    announcer: Announcer | None = None,
) -> Any:
    job: Any = Job(outcomes or {})
    a_queue: Any = queue or Queue()
    an_announcer: Any = announcer
    return Batch(VARIANT, job, a_queue, retry_seconds=10, stack="pictures", announcer=an_announcer)


def message(*keys: str, receives: int | None = None, name: str = "1") -> dict[str, Any]:
    """A message that announces these uploads."""
    records = [
        {
            "eventVersion": "2.1",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "photos"}, "object": {"key": key}},
        }
        for key in keys
    ]
    more = {} if receives is None else {"attributes": {"ApproximateReceiveCount": str(receives)}}
    return {"messageId": name, "body": json.dumps({"Records": records}), "receiptHandle": f"r{name}", **more}


def failed(answer: Mapping[str, Any]) -> list[str]:
    """The messages that are to come again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def longest_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance picks the longest pause that there may be."""
    monkeypatch.setattr(batches, "random", SimpleNamespace(uniform=max))


def test_the_line_of_a_result_has_all_that_is_known_and_what_is_measured_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "time", SimpleNamespace(time=lambda: 1_800_000_000.7504))
    made = batch()
    assert made({"Records": [message(KEY, receives=2)]}, Context()) == {"batchItemFailures": []}
    assert made._job.seen == [(Notice("photos", KEY), 61.5)]
    (line,) = lines(capsys)
    assert line.pop("_aws") == {
        "Timestamp": 1_800_000_000_750,
        "CloudWatchMetrics": [
            {
                "Namespace": "ImageMachine",
                "Dimensions": [["stack", "variant", "outcome"]],
                "Metrics": [{"Name": "pictures", "Unit": "Count"}],
            },
            {
                "Namespace": "ImageMachine",
                "Dimensions": [["stack", "variant"]],
                "Metrics": [
                    {"Name": "milliseconds", "Unit": "Milliseconds"},
                    {"Name": "fetch_milliseconds", "Unit": "Milliseconds"},
                    {"Name": "codec_milliseconds", "Unit": "Milliseconds"},
                    {"Name": "store_milliseconds", "Unit": "Milliseconds"},
                    {"Name": "bytes_in", "Unit": "Bytes"},
                    {"Name": "bytes_out", "Unit": "Bytes"},
                ],
            },
        ],
    }
    assert line == {
        "level": "INFO",
        "stack": "pictures",
        "variant": "thumbnail",
        "outcome": "made",
        "reason": None,
        "detail": None,
        "bucket": "photos",
        "key": KEY,
        "output": "t/a.jpg",
        "outputs": REPORT.files,
        "bytes_in": 7,
        "bytes_out": 9,
        "width": 3,
        "height": 2,
        "frames": 1,
        "milliseconds": 1623.5,
        "fetch_milliseconds": 123.4,
        "codec_milliseconds": 1000.1,
        "store_milliseconds": 500.0,
        "engine": "double",
        "notes": ["a note"],
        "message_id": "1",
        "request_id": "c6af",
        "receives": 2,
        "pictures": 1,
    }


def test_a_result_of_one_file_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    made = Made(MADE.outputs[:1], "double")
    batch({KEY: Report(Outcome.MADE, output="t", outputs=("t",), sizes=(1,), made=made)})(
        {"Records": [message(KEY)]}, Context()
    )
    (line,) = lines(capsys)
    assert (line["output"], line["outputs"]) == ("t", None)


def test_what_has_no_result_is_timed_as_a_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [50.0]

    def reject() -> Report:
        now[0] += 1.25
        return Report(Outcome.REJECTED, "x" * 2001, Reason.CORRUPT)

    monkeypatch.setattr(batches, "time", SimpleNamespace(monotonic=lambda: now[0]))
    queue = Queue()
    assert failed(batch({KEY: reject}, queue)({"Records": [message(KEY)]}, Nameless())) == []
    (line,) = lines(capsys)
    assert line["detail"] == "x" * 2000
    assert (line["level"], line["outcome"], line["reason"]) == ("WARNING", "rejected", "corrupt")
    assert (line["milliseconds"], line["receives"], line["request_id"]) == (1250.0, 1, None)
    assert (line["width"], line["engine"], line["notes"], line["outputs"]) == (None, None, [], None)
    assert [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][1]["Metrics"]] == ["milliseconds"]
    (aside,) = queue.aside
    assert aside[1:] == (Reason.CORRUPT, "x" * 2001, "thumbnail", f"s3://photos/{KEY}")
    assert queue.postponed == []


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (Report(Outcome.SKIPPED, "It is gone."), "INFO"),
        (Report(Outcome.REMOVED), "INFO"),
        (Report(Outcome.REJECTED, "x", Reason.EMPTY), "WARNING"),
        (Retryable("trouble"), "WARNING"),
    ],
)
def test_what_does_not_go_well_stands_out(
    capsys: pytest.CaptureFixture[str], outcome: Report | Exception, level: str
) -> None:
    batch({KEY: outcome})({"Records": [message(KEY)]}, Context())
    (line,) = lines(capsys)
    assert (line["level"], line["detail"]) == (level, outcome.detail if isinstance(outcome, Report) else "trouble")


def test_each_message_has_its_own_outcome_and_a_bug_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    queue = Queue()
    outcomes = {"ingest/2": ZeroDivisionError("a bug"), "ingest/3": Retryable("trouble"), "ingest/4": OutOfTime("late")}
    messages = [message(f"ingest/{n}", receives=1, name=str(n)) for n in range(6)]
    assert failed(batch(outcomes, queue)({"Records": messages}, Context())) == ["2", "3", "4"]
    assert sorted(queue.postponed) == [("r2", 10), ("r3", 10), ("r4", 0)]
    told = lines(capsys)
    (error,) = [line for line in told if line.get("level") == "ERROR"]
    assert error["message_id"] == "2"
    assert error["traceback"].endswith("ZeroDivisionError: a bug\n")
    details = {line["key"]: line["detail"] for line in told if line.get("outcome") == "retried"}
    assert details == {
        "ingest/2": "Unforeseen, a bug in the machine: ZeroDivisionError: a bug",
        "ingest/3": "trouble",
        "ingest/4": "late",
    }


def test_every_record_is_worked_on_and_the_longest_pause_is_asked_for() -> None:
    queue = Queue()
    outcomes = {"ingest/1": OutOfTime("late"), "ingest/2": Retryable("trouble")}
    made = batch(outcomes, queue)
    assert failed(made({"Records": [message("ingest/1", "ingest/2", "ingest/3", receives=2)]}, Context())) == ["1"]
    assert queue.postponed == [("r1", 30)]
    assert [notice.key for notice, _ in made._job.seen] == ["ingest/1", "ingest/2", "ingest/3"]


def test_a_message_that_makes_no_sense_is_set_aside_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    queue, announcer = Queue(), Announcer()
    assert failed(batch({}, queue, announcer)({"Records": [{"messageId": "1", "body": "hello"}]}, Context())) == []
    detail = "The message cannot be understood: it is not JSON."
    assert queue.aside == [("hello", Reason.BAD_MESSAGE, detail, "thumbnail", "-")]
    (line,) = lines(capsys)
    assert (line["bucket"], line["key"], line["reason"], line["detail"]) == (None, None, "bad-message", detail)
    (event,) = announcer.events
    assert (event["bucket"], event["key"], event["etag"], event["version"]) == (None, None, None, None)


def test_a_test_event_is_a_success_and_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    queue, made = Queue(), batch()
    body = json.dumps({"Event": "s3:TestEvent"})
    assert failed(made({"Records": [{"messageId": "1", "body": body}]}, Context())) == []
    (line,) = lines(capsys)
    assert (line["outcome"], line["detail"]) == ("skipped", "The message is S3's test event.")
    assert (queue.aside, queue.postponed, made._job.seen) == ([], [], [])


def test_a_rejected_message_that_is_not_set_aside_comes_again(capsys: pytest.CaptureFixture[str]) -> None:
    rejected = {KEY: Report(Outcome.REJECTED, "It is broken.", Reason.CORRUPT)}
    nowhere = Queue(there_is_one=False)
    assert failed(batch(rejected, nowhere)({"Records": [message(KEY, receives=3)]}, Context())) == ["1"]
    assert nowhere.postponed == [("r1", 90)]
    (line,) = lines(capsys)
    assert (line["outcome"], line["detail"]) == ("rejected", "It is broken.")
    troubled = Queue(trouble=Retryable("No queue."))
    assert failed(batch(rejected, troubled)({"Records": [message(KEY)]}, Context())) == ["1"]
    line, warning = lines(capsys)
    assert (line["outcome"], line["detail"]) == ("retried", "It is broken. No queue.")
    assert warning.pop("_aws")["CloudWatchMetrics"] == []
    assert warning == {"level": "WARNING", "variant": "thumbnail", "detail": "No queue."}


def test_an_outcome_is_announced_and_that_it_was_the_last() -> None:
    complete = Complete(Revision("e", "v1"), 7, {"web": Note(Revision("e", "v1"), "made", None, ("w/a.jpg",))})
    report = Report(Outcome.MADE, revision=Revision("e", "v1"), complete=complete)
    announcer = Announcer()
    batch({KEY: report, "ingest/b": REPORT}, announcer=announcer)({"Records": [message(KEY, "ingest/b")]}, Context())
    event: dict[str, Any] = {
        "bucket": "photos",
        "key": KEY,
        "etag": "e",
        "version": "v1",
        "variant": "thumbnail",
        "outcome": "made",
        "reason": None,
        "outputs": [],
        "recipe": VARIANT.recipe,
    }
    assert announcer.events == [
        event,
        {
            "bucket": "photos",
            "key": KEY,
            "etag": "e",
            "version": "v1",
            "outcome": "complete",
            "sequence": 7,
            "variants": {"web": {"outcome": "made", "reason": None, "outputs": ["w/a.jpg"]}},
        },
        {**event, "key": "ingest/b", "outputs": REPORT.files},
    ]


def test_what_comes_again_is_announced_once_and_that_it_cannot_be_is_no_more_trouble(
    capsys: pytest.CaptureFixture[str],
) -> None:
    announcer, queue = Announcer(), Queue()
    batch({KEY: Retryable("trouble")}, announcer=announcer)({"Records": [message(KEY)]}, Context())
    assert [event["outcome"] for event in announcer.events] == ["retried"]
    silent = Announcer(Retryable("No topic."))
    assert failed(batch({}, queue, silent)({"Records": [message(KEY)]}, Context())) == ["1"]
    assert queue.postponed == [("r1", 10)]
    assert [line["detail"] for line in lines(capsys)] == ["trouble", "No topic."]
    rejected = {KEY: Report(Outcome.REJECTED, "It is broken.", Reason.CORRUPT)}
    assert failed(batch(rejected, queue, silent)({"Records": [message(KEY)]}, Context())) == ["1"]
    assert queue.aside == [], "it is set aside once it has been announced"


@pytest.mark.parametrize(
    ("receives", "longest"), [(1, 5), (2, 15), (3, 45), (4, 135), (5, 405), (6, 900), (7, 900), (10_000_000, 900)]
)
def test_a_pause_is_three_times_the_last_or_down_to_half_of_it(
    monkeypatch: pytest.MonkeyPatch, receives: int, longest: int
) -> None:
    assert retry_delay(5, receives) == longest
    monkeypatch.setattr(batches, "random", SimpleNamespace(uniform=min))
    assert retry_delay(5, receives) == (longest + 1) // 2
    assert retry_delay(0, receives) == 0


def test_what_has_come_most_often_goes_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batches, "_AT_ONCE", 1)
    receives = [1, 4, None, 2, 9]
    records = [message(f"ingest/{n}", receives=count, name=str(n)) for n, count in enumerate(receives)]
    assert failed(batch()({"Records": records}, Context())) == []
    assert [line["receives"] for line in lines(capsys)] == [9, 4, 2, 1, 1]


def test_ten_are_on_their_way_at_once() -> None:
    condition, at_once = threading.Condition(), [0, 0]

    def meet() -> Report:
        with condition:
            at_once[0] += 1
            at_once[1] = max(at_once)
            condition.notify_all()
            assert condition.wait_for(lambda: at_once[1] >= 10, 5)
        time.sleep(0.02)
        with condition:
            at_once[0] -= 1
        return REPORT

    keys = [f"ingest/{n}" for n in range(14)]
    batch(dict.fromkeys(keys, meet))({"Records": [message(key, name=key) for key in keys]}, Context())
    assert at_once == [0, 10]


def test_whoever_asks_hears_what_the_function_makes() -> None:
    assert batch()(DESCRIBE, Context()) == {"variant": "described"}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": "x"},
        {"Records": {"messageId": "1", "body": "x"}},
        {"Records": [{"body": "x"}]},
        {"Records": [{"messageId": "x"}]},
        {"Records": [message(KEY), {"messageId": "x"}]},
        {**DESCRIBE, "Records": None},
    ],
)
def test_an_event_that_is_not_sqs_fails_as_a_whole(event: dict[str, Any]) -> None:
    made = batch()
    with pytest.raises(ValueError, match="fed by a queue"):
        made(event, Context())
    assert made._job.seen == []
