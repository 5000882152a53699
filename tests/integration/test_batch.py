"""A batch on the emulator's S3 and SQS: each message has its own outcome, which is seen where the contract says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from imagemachine.batch import DESCRIBE, Batch
from imagemachine.errors import Reason, Rejected
from imagemachine.job import Job
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.storage import Queue, Storage
from imagemachine.variant import Fit, Made, Output, Variant

EVENTS = Path(__file__).parents[1] / "events"
VARIANT = Variant("thumbnail", [Fit(320, 320)])


class Codec:
    """Does what the upload's first word says."""

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        if data.startswith(b"bad"):
            raise Rejected(Reason.CORRUPT, "It ends\x00 in the middle.")
        if data.startswith(b"bug"):
            raise ZeroDivisionError("a bug")
        if data.startswith(b"talkative"):
            raise Rejected(Reason.CORRUPT, "It is broken. " * 30_000)
        return Made((Output(data * 3, "jpeg", 3, 2, 1),), "double", (f"within {seconds} s",))


class Context:
    """What a handler is told of its invocation."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Machine:
    """A bucket, a queue and its dead-letter queue, and the function between them."""

    s3: Any
    sqs: Any
    bucket: str
    queue: str
    dead_letters: str

    def batch(self, retry_seconds: int = 0, **environment: str) -> Batch:
        settings = Settings.load(environment, VARIANT.name)
        job = Job(VARIANT, settings, Storage(self.s3, cache_control="no-store"), Codec())
        url = environment.get("DEAD_LETTER_QUEUE_URL", self.dead_letters) or None
        queue = Queue(lambda: self.sqs, url=self.queue, dead_letter_url=url)
        return Batch(VARIANT, job, queue, retry_seconds=retry_seconds, stack="pictures")

    def upload(self, key: str, body: bytes) -> str:
        """Put an upload; the message that announces it."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return json.dumps({"bucket": self.bucket, "key": key})

    def deliver(self, *bodies: str) -> dict[str, Any]:
        """The event in which the queue delivers messages with these bodies."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)
        messages: list[dict[str, Any]] = []
        while len(messages) < len(bodies):
            answer = self.sqs.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
            )
            messages += answer["Messages"]
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                    "eventSource": "aws:sqs",
                }
                for message in messages
            ]
        }

    def set_aside(self) -> list[dict[str, Any]]:
        """The messages in the dead-letter queue."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_letters, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages


@pytest.fixture
def machine(s3: Any, sqs: Any) -> Machine:
    name = f"batch-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    dead_letters = sqs.create_queue(QueueName=f"{name}-dead-letters")["QueueUrl"]
    return Machine(s3, sqs, name, queue, dead_letters)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The log's outcome lines."""
    parsed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in parsed if "outcome" in line]


def test_ten_messages_of_which_one_is_bad_and_one_meets_a_bug(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [b"good"] * 10
    words[3], words[7] = b"bad", b"bug"
    event = machine.deliver(*(machine.upload(f"ingest/{n}.jpg", word) for n, word in enumerate(words)))
    answer = machine.batch()(event, Context())

    retried = next(record["messageId"] for record in event["Records"] if "7.jpg" in record["body"])
    assert answer == {"batchItemFailures": [{"itemIdentifier": retried}]}
    (dead,) = machine.set_aside()
    assert json.loads(dead["Body"]) == {"bucket": machine.bucket, "key": "ingest/3.jpg"}
    assert {name: attribute["StringValue"] for name, attribute in dead["MessageAttributes"].items()} == {
        "reason": "corrupt",
        "detail": "It ends? in the middle.",
        "variant": "thumbnail",
        "source": f"s3://{machine.bucket}/ingest/3.jpg",
    }
    results = machine.s3.list_objects_v2(Bucket=machine.bucket, Prefix="thumbnail/")["Contents"]
    assert [result["Key"] for result in results] == [f"thumbnail/{n}.jpg" for n in range(10) if n not in {3, 7}]
    outcomes = {line["key"]: (line["outcome"], line["reason"]) for line in lines(capsys)}
    assert outcomes.pop("ingest/3.jpg") == ("rejected", "corrupt")
    assert outcomes.pop("ingest/7.jpg") == ("retried", None)
    assert set(outcomes.values()) == {("made", None)}
    assert len(outcomes) == 8


def test_the_log_line_is_also_the_metric(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.batch()(machine.deliver(machine.upload("ingest/a.jpg", b"good")), Context())
    (line,) = lines(capsys)
    assert (line["width"], line["height"]) == (3, 2)
    assert (line["bytes_in"], line["bytes_out"], line["frames"]) == (4, 12, 1)
    assert line["level"] == "INFO"
    assert line["output"] == "thumbnail/a.jpg"
    assert line["request_id"] == Context.aws_request_id
    assert line["notes"] == ["within 20.0 s"]
    counted, measured = line["_aws"]["CloudWatchMetrics"]
    assert counted["Namespace"] == measured["Namespace"] == "ImageMachine"
    assert (line["stack"], line["variant"], line["outcome"]) == ("pictures", "thumbnail", "made")
    # Each combination of a metric and its dimensions is billed: what needs no outcome is not taken by outcome.
    assert counted["Dimensions"] == [["stack", "variant", "outcome"]]
    assert counted["Metrics"] == [{"Name": "pictures", "Unit": "Count"}]
    assert measured["Dimensions"] == [["stack", "variant"]]
    assert all(isinstance(line[metric["Name"]], int | float) for metric in measured["Metrics"])
    assert {metric["Name"]: metric["Unit"] for metric in measured["Metrics"]} == {
        "milliseconds": "Milliseconds",
        "fetch_milliseconds": "Milliseconds",
        "codec_milliseconds": "Milliseconds",
        "store_milliseconds": "Milliseconds",
        "bytes_in": "Bytes",
        "bytes_out": "Bytes",
    }


def test_what_is_not_known_is_not_measured(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.batch()(machine.deliver(machine.upload("ingest/a.jpg", b"bad")), Context())
    (line,) = lines(capsys)
    _, measured = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"] for metric in measured["Metrics"]} == {"milliseconds"}


def test_a_message_with_two_records_of_which_one_is_bad_is_done_once_the_bad_one_is_set_aside(machine: Machine) -> None:
    record = json.loads((EVENTS / "s3-created.json").read_text())["Records"][0]
    records = []
    for key, body in [("ingest/good.jpg", b"good"), ("ingest/bad.jpg", b"bad")]:
        machine.upload(key, body)
        records.append(record | {"s3": {"bucket": {"name": machine.bucket}, "object": {"key": key}}})
    event = machine.deliver(json.dumps({"Records": records[::-1]}))
    assert machine.batch()(event, Context()) == {"batchItemFailures": []}
    assert len(machine.set_aside()) == 1
    assert machine.s3.head_object(Bucket=machine.bucket, Key="thumbnail/good.jpg")


@pytest.mark.parametrize("name", ["s3-test-event.json", "sns-test-event.json"])
def test_a_test_event_is_a_success_and_nothing_more(
    machine: Machine, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = machine.deliver((EVENTS / name).read_text())
    assert machine.batch()(event, Context()) == {"batchItemFailures": []}
    assert [line["outcome"] for line in lines(capsys)] == ["skipped"]
    assert machine.set_aside() == []


def test_a_message_that_makes_no_sense_is_set_aside_with_its_body(machine: Machine) -> None:
    assert machine.batch()(machine.deliver("hello"), Context()) == {"batchItemFailures": []}
    (dead,) = machine.set_aside()
    assert dead["Body"] == "hello"
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "bad-message"


def test_without_a_dead_letter_queue_a_rejected_message_is_retried_like_the_rest(machine: Machine) -> None:
    event = machine.deliver("hello")
    answer = machine.batch(DEAD_LETTER_QUEUE_URL="")(event, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}


def test_a_rejection_that_cannot_be_set_aside_is_retried(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    event = machine.deliver("hello")
    machine.dead_letters += "-not-there"
    assert len(machine.batch()(event, Context())["batchItemFailures"]) == 1
    assert [line["outcome"] for line in lines(capsys)] == ["retried"]


def test_a_retried_message_comes_back_soon_and_not_after_the_whole_visibility_timeout(machine: Machine) -> None:
    body = machine.upload("ingest/a.jpg", b"bug")
    machine.batch(retry_seconds=0)(machine.deliver(body), Context())
    again = machine.sqs.receive_message(QueueUrl=machine.queue, WaitTimeSeconds=2)
    assert [message["Body"] for message in again["Messages"]] == [body]


@pytest.mark.parametrize(("word", "level"), [(b"good", "INFO"), (b"bad", "WARNING"), (b"bug", "WARNING")])
def test_what_does_not_go_well_stands_out_in_the_log(
    machine: Machine, capsys: pytest.CaptureFixture[str], word: bytes, level: str
) -> None:
    machine.batch()(machine.deliver(machine.upload("ingest/a.jpg", word)), Context())
    assert [line["level"] for line in lines(capsys)] == [level]


def test_a_long_detail_is_cut_for_the_log_and_for_the_queue(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of CloudWatch's holds 256 KiB, a message of SQS's as much with its attributes."""
    answer = machine.batch()(machine.deliver(machine.upload("ingest/a.jpg", b"talkative")), Context())
    assert answer == {"batchItemFailures": []}
    (dead,) = machine.set_aside()
    (line,) = lines(capsys)
    for detail in (line["detail"], dead["MessageAttributes"]["detail"]["StringValue"]):
        assert detail.startswith("It is broken. It is broken.")
        assert len(detail) <= 2000


@pytest.fixture
def postponed(sqs: Any) -> Iterator[list[int]]:
    """The seconds after which each message is asked to come back, as SQS is told."""
    seconds: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        seconds.append(params["VisibilityTimeout"])

    sqs.meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", note)
    yield seconds
    sqs.meta.events.unregister("provide-client-params.sqs.ChangeMessageVisibility", note)


@pytest.mark.parametrize(("receives", "most"), [(1, 10), (2, 30), (3, 90), (4, 270), (5, 810), (6, 900), (40, 900)])
def test_a_message_that_fails_again_and_again_waits_longer_each_time(
    machine: Machine, postponed: list[int], receives: int, most: int
) -> None:
    event = machine.deliver(machine.upload("ingest/a.jpg", b"bug"))
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receives)
    batch = machine.batch(retry_seconds=10)
    for _ in range(20):
        batch(event, Context())
    assert len(postponed) == 20
    assert all(most / 2 <= seconds <= most for seconds in postponed)
    assert len(set(postponed)) > 1  # What failed together does not come back together.


class LateContext:
    """An invocation whose time is up."""

    aws_request_id = "late"

    def get_remaining_time_in_millis(self) -> int:
        return 1_000


def test_a_picture_that_finds_no_time_comes_back_at_once(
    machine: Machine, postponed: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is wrong with it: the pause is for what is in trouble."""
    event = machine.deliver(machine.upload("ingest/a.jpg", b"good"))
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    answer = machine.batch(retry_seconds=10)(event, LateContext())
    assert len(answer["batchItemFailures"]) == 1
    assert postponed == [0]
    assert [line["outcome"] for line in lines(capsys)] == ["retried"]


def test_what_was_given_back_before_goes_first(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("imagemachine.batch._AT_ONCE", 1)  # One after the other, so that there is an order.
    event = machine.deliver(*(machine.upload(f"ingest/{n}.jpg", b"good") for n in range(5)))
    for record in event["Records"]:
        number = int(json.loads(record["body"])["key"][7])
        record["attributes"]["ApproximateReceiveCount"] = str([1, 4, 1, 2, 9][number])
    machine.batch()(event, Context())
    assert [line["receives"] for line in lines(capsys)] == [9, 4, 2, 1, 1]


def test_whoever_asks_hears_what_the_function_makes(machine: Machine) -> None:
    described = machine.batch(SUFFIXES="jpg,png")(DESCRIBE, Context())
    assert described == {
        "variant": "thumbnail",
        "recipe": VARIANT.recipe,
        "only": [],
        "never": [],
        "suffixes": ["jpg", "png"],
    }


@pytest.mark.parametrize("event", [{}, {"Records": "x"}, {"Records": [{"body": "x"}]}, {"bucket": "b", "key": "k"}])
def test_an_event_that_is_not_sqs_fails_as_a_whole(machine: Machine, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fed by a queue"):
        machine.batch()(event, Context())
