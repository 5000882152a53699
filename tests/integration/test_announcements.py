"""Outcomes as events, on the emulator's S3, SNS and DynamoDB: one for each outcome, and `complete` once all have ended.

Functions are called one after the other here, in whatever order a test wants, and by the codec double of test_job.py
in the middle of each other. What happens when they all run at once is the storm's business.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from controlplane.local import aws
from imagemachine.announcements import Announcer, Ledger, Note
from imagemachine.batch import Batch
from imagemachine.envelopes import Notice
from imagemachine.job import Job
from imagemachine.settings import Settings
from imagemachine.storage import Queue, Revision, Storage
from imagemachine.variant import Fit, Variant
from integration.test_batch import Context
from integration.test_job import Meanwhile

VARIANTS = ("mobile", "thumbnail", "web")
KEY = "ingest/holiday/cat.jpg"


@dataclass
class Machine:
    """A bucket, three variants of it, and somebody who hears of their outcomes."""

    s3: Any
    sqs: Any
    sns: Any
    dynamodb: Any
    name: str
    topic: str
    heard: str
    dead_letters: str
    batches: dict[str, Batch] = field(default_factory=dict)

    def upload(self, body: bytes, key: str = KEY) -> str:
        return str(self.s3.put_object(Bucket=self.name, Key=key, Body=body)["ETag"]).strip('"')

    def delete(self) -> None:
        self.s3.delete_object(Bucket=self.name, Key=KEY)

    def function(self, variant: str, events: Sequence[Callable[[], Any]] = ()) -> Batch:
        """A variant's function, during whose work on its first pictures `events` happen."""
        made = Variant(variant, [Fit(10, 10)])
        ledger = Ledger(lambda: self.dynamodb, table=self.name, variant=variant, variants=VARIANTS)
        storage = Storage(self.s3, cache_control="no-store")
        job = Job(made, Settings.load({}, variant), storage, Meanwhile(list(events)), ledger)
        queue = Queue(lambda: self.sqs, url=None, dead_letter_url=self.dead_letters)
        return Batch(made, job, queue, retry_seconds=1, announcer=Announcer(lambda: self.sns, topic_arn=self.topic))

    def run(self, *variants: str, events: Sequence[Callable[[], Any]] = (), body: str | None = None) -> int:
        """Have these variants work on the upload; how many messages are to come again."""
        body = body or json.dumps({"bucket": self.name, "key": KEY})
        records = [{"messageId": "1", "body": body, "receiptHandle": "r"}]
        answers = [self.function(variant, events)({"Records": records}, Context()) for variant in variants]
        return sum(len(answer["batchItemFailures"]) for answer in answers)

    def events(self) -> list[dict[str, Any]]:
        """What was announced since the last look, in its order, with the attributes it came with."""
        taken: list[dict[str, Any]] = []
        while True:
            messages = self.sqs.receive_message(QueueUrl=self.heard, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return taken
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.heard, ReceiptHandle=message["ReceiptHandle"])
                envelope = json.loads(message["Body"])
                attributes = {name: each["Value"] for name, each in envelope["MessageAttributes"].items()}
                taken.append({**json.loads(envelope["Message"]), "attributes": attributes})

    def completes(self) -> list[str]:
        """The revisions that were announced as complete since the last look."""
        return [event["etag"] for event in self.events() if event["outcome"] == "complete"]


@pytest.fixture
def machine(endpoint: str, s3: Any, sqs: Any) -> Iterator[Machine]:
    name = f"announced-{uuid4().hex[:12]}"
    sns, dynamodb = aws.client("sns", endpoint), aws.client("dynamodb", endpoint)
    s3.create_bucket(Bucket=name)
    topic = sns.create_topic(Name=name)["TopicArn"]
    heard = sqs.create_queue(QueueName=name)["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{aws.REGION}:000000000000:{name}")
    dead_letters = sqs.create_queue(QueueName=f"{name}-dead-letters")["QueueUrl"]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "Upload", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Upload", "KeyType": "HASH"}],
    )
    yield Machine(s3, sqs, sns, dynamodb, name, topic, heard, dead_letters)
    dynamodb.delete_table(TableName=name)


def test_an_outcome_is_told_with_all_that_a_page_needs(machine: Machine) -> None:
    etag = machine.upload(b"picture")
    machine.run("web")
    (event,) = machine.events()
    recipe = Variant("web", [Fit(10, 10)]).recipe
    assert event == {
        "bucket": machine.name,
        "key": KEY,
        "etag": etag,
        "version": None,
        "variant": "web",
        "outcome": "made",
        "reason": None,
        "outputs": [{"key": "web/holiday/cat.jpg", "format": "jpeg", "width": 1, "height": 1, "bytes": 7}],
        "recipe": recipe,
        "attributes": {"variant": "web", "outcome": "made"},
    }


@pytest.mark.parametrize("order", list(itertools.permutations(VARIANTS)), ids="-".join)
def test_the_last_variant_completes_it_whichever_that_is(machine: Machine, order: tuple[str, ...]) -> None:
    etag = machine.upload(b"picture")
    for number, variant in enumerate(order, 1):
        machine.run(variant)
        events = machine.events()
        assert [event["outcome"] for event in events] == (["made", "complete"] if number == 3 else ["made"])
    complete = events[-1]
    assert (complete["bucket"], complete["key"], complete["etag"]) == (machine.name, KEY, etag)
    assert complete["attributes"] == {"outcome": "complete"}
    assert complete["variants"] == {
        variant: {"outcome": "made", "reason": None, "outputs": [f"{variant}/holiday/cat.jpg"]} for variant in VARIANTS
    }


def test_every_other_outcome_is_told_too(machine: Machine) -> None:
    machine.upload(b"bad")
    machine.run("web")
    machine.delete()
    machine.run("web")
    removed = {"Records": [{"eventVersion": "2.1", "eventName": "ObjectRemoved:Delete", "s3": {}}]}
    removed["Records"][0]["s3"] = {"bucket": {"name": machine.name}, "object": {"key": KEY}}
    machine.run("web", body=json.dumps(removed))
    machine.run("web", body="what is this?")
    machine.run("web", body=json.dumps({"bucket": "no-such-bucket-here", "key": KEY}))
    told = [(event["outcome"], event["reason"], event["key"]) for event in machine.events()]
    assert told == [
        ("rejected", "corrupt", KEY),
        ("skipped", None, KEY),
        ("removed", None, KEY),
        ("rejected", "bad-message", None),
        ("retried", None, KEY),
    ]


def test_a_rejected_variant_has_ended_as_well(machine: Machine) -> None:
    """However late: somebody who waits is told that there is nothing more to wait for."""
    etag = machine.upload(b"bad picture")
    machine.run("mobile", "web")
    assert machine.completes() == []
    machine.run("thumbnail")
    (complete,) = [event for event in machine.events() if event["outcome"] == "complete"]
    assert complete["etag"] == etag
    assert {variant["outcome"] for variant in complete["variants"].values()} == {"rejected"}
    assert complete["variants"]["web"] == {"outcome": "rejected", "reason": "corrupt", "outputs": []}


def test_what_comes_twice_may_complete_it_twice_and_never_too_soon(machine: Machine) -> None:
    etag = machine.upload(b"picture")
    machine.run("web", "web", "mobile", "web", "mobile")
    assert machine.completes() == []
    machine.run("thumbnail")
    assert machine.completes() == [etag]
    machine.run("web")
    assert machine.completes() == [etag]


def test_a_revision_that_was_overwritten_is_never_complete(machine: Machine) -> None:
    machine.upload(b"old")
    machine.run("web", "mobile")
    new = machine.upload(b"new")
    machine.run("thumbnail", "mobile")
    assert machine.completes() == []
    machine.run("web")
    assert machine.completes() == [new]


def test_an_upload_that_was_deleted_is_never_complete(machine: Machine) -> None:
    machine.upload(b"picture")
    machine.run("web", "mobile")
    machine.delete()
    machine.run("thumbnail", *VARIANTS)
    assert machine.completes() == []


def test_the_same_bytes_again_after_a_deletion_begin_anew(machine: Machine) -> None:
    """They have the same etag; what was noted of them then says nothing of the results now."""
    machine.upload(b"picture")
    machine.run("web", "mobile")
    machine.delete()
    machine.run("web", "mobile", "thumbnail")
    etag = machine.upload(b"picture")
    machine.run("thumbnail")
    assert machine.completes() == []
    machine.run("web", "mobile")
    assert machine.completes() == [etag]


def test_the_bytes_of_before_last_begin_anew(machine: Machine) -> None:
    first = machine.upload(b"one")
    machine.run("web", "mobile")
    machine.upload(b"two")
    machine.run("web", "mobile")
    assert machine.upload(b"one") == first
    machine.run("thumbnail")
    assert machine.completes() == []
    machine.run("mobile", "web")
    assert machine.completes() == [first]


def test_one_that_was_overtaken_puts_its_note_right(machine: Machine) -> None:
    """A slow function notes an old revision after all others have ended with the new one: it notices, and follows."""

    def the_others_are_faster() -> None:
        machine.upload(b"new")
        machine.run("mobile", "web", "thumbnail")

    machine.upload(b"old")
    machine.run("web", events=[the_others_are_faster])
    new = machine.upload(b"new")
    assert set(machine.completes()) == {new}
    machine.run("web")
    assert machine.completes() == [new]


def test_one_that_is_overtaken_between_its_note_and_its_look_completes_nothing(machine: Machine) -> None:
    """Its note is the last that was lacking, and the upload is another one by then."""
    machine.upload(b"old")
    machine.run("mobile", "thumbnail")
    overwritten: list[str] = []

    def overwrite(**_: Any) -> None:
        if not overwritten:
            overwritten.append(machine.upload(b"new"))

    machine.dynamodb.meta.events.register("after-call.dynamodb.UpdateItem", overwrite)
    machine.run("web")
    assert machine.completes() == []
    machine.run("mobile", "thumbnail")
    assert machine.completes() == overwritten


def test_of_two_versions_with_the_same_bytes_each_is_a_revision(machine: Machine) -> None:
    machine.s3.put_bucket_versioning(Bucket=machine.name, VersioningConfiguration={"Status": "Enabled"})
    machine.upload(b"picture")
    machine.run("web", "mobile")
    machine.upload(b"picture")
    machine.run("thumbnail")
    assert machine.completes() == []
    machine.run("web", "mobile")
    (complete,) = [event for event in machine.events() if event["outcome"] == "complete"]
    assert complete["version"] == machine.s3.head_object(Bucket=machine.name, Key=KEY)["VersionId"]


def test_a_later_complete_has_the_larger_sequence(machine: Machine) -> None:
    """Topics do not keep an order: by this a subscriber tells which is the newer one."""
    sequences = []
    for body in (b"one", b"two", b"one"):
        machine.upload(body)
        machine.run(*VARIANTS)
        sequences += [event["sequence"] for event in machine.events() if event["outcome"] == "complete"]
    machine.dynamodb.delete_item(TableName=machine.name, Key={"Upload": {"S": f"s3://{machine.name}/{KEY}"}})
    machine.run(*VARIANTS)  # Its item was forgotten, as it is after a month.
    sequences += [event["sequence"] for event in machine.events() if event["outcome"] == "complete"]
    assert len(sequences) == 4
    assert sequences == sorted(set(sequences))


def test_a_folder_marker_and_what_is_no_upload_complete_nothing(machine: Machine) -> None:
    machine.upload(b"", "ingest/folder/")
    for key in ("ingest/folder/", "elsewhere/cat.jpg"):
        machine.run(*VARIANTS, body=json.dumps({"bucket": machine.name, "key": key}))
    assert machine.completes() == []
    assert machine.dynamodb.scan(TableName=machine.name)["Items"] == []


def test_what_cannot_be_announced_is_made_again_and_then_announced(machine: Machine) -> None:
    machine.upload(b"picture")
    machine.run("web", "mobile")
    topic, machine.topic = machine.topic, machine.topic + "-gone"
    assert machine.run("thumbnail") == 1
    machine.topic = topic
    machine.events()
    assert machine.run("thumbnail") == 0
    assert [event["outcome"] for event in machine.events()] == ["made", "complete"]


def test_what_cannot_be_noted_is_retried(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.upload(b"picture")
    table, machine.name = machine.name, machine.name
    missing = Ledger(lambda: machine.dynamodb, table=f"{table}-gone", variant="web", variants=VARIANTS)
    batch = machine.function("web")
    batch._job._ledger = missing
    body = json.dumps({"bucket": machine.name, "key": KEY})
    answer = batch({"Records": [{"messageId": "1", "body": body}]}, Context())
    assert len(answer["batchItemFailures"]) == 1
    assert "Could not note the outcome" in capsys.readouterr().out


def test_a_rejection_that_cannot_be_announced_is_set_aside_once(machine: Machine) -> None:
    machine.upload(b"bad")
    topic, machine.topic = machine.topic, machine.topic + "-gone"
    assert machine.run("web") == 1
    machine.topic = topic
    assert machine.run("web") == 0
    received = machine.sqs.receive_message(QueueUrl=machine.dead_letters, MaxNumberOfMessages=10)
    assert len(received["Messages"]) == 1


def test_a_variant_that_the_stack_no_longer_has_is_not_waited_for(machine: Machine) -> None:
    note = Note(Revision("e", None), "made")
    notice = Notice(machine.name, KEY)

    def ledger(variant: str, *variants: str) -> Ledger:
        return Ledger(lambda: machine.dynamodb, table=machine.name, variant=variant, variants=variants)

    assert ledger("old", "old", "web", "mobile").note(notice, note) is None
    assert ledger("web", "web", "mobile").note(notice, note) is None
    complete = ledger("mobile", "web", "mobile").note(notice, note)
    assert complete is not None
    assert complete.notes == {"web": note, "mobile": note}


def test_a_note_is_kept_for_a_month_after_the_last(machine: Machine) -> None:
    """Longer than a dead letter can wait for being tried again."""
    machine.upload(b"picture")
    machine.run("web")
    (item,) = machine.dynamodb.scan(TableName=machine.name)["Items"]
    modified = machine.s3.head_object(Bucket=machine.name, Key=KEY)["LastModified"].timestamp()
    assert 29 * 24 * 3600 < int(item["Expires"]["N"]) - modified < 31 * 24 * 3600
    assert item["Upload"] == {"S": f"s3://{machine.name}/{KEY}"}


def test_whoever_subscribes_may_choose(machine: Machine) -> None:
    """As a webhook or a queue for what is ready would: by the attributes of the messages."""
    arn = f"arn:aws:sqs:{aws.REGION}:000000000000:{machine.name}-ready"
    ready = machine.sqs.create_queue(QueueName=f"{machine.name}-ready")["QueueUrl"]
    machine.sns.subscribe(
        TopicArn=machine.topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"outcome": ["complete"]}), "RawMessageDelivery": "true"},
    )
    machine.upload(b"picture")
    machine.run(*VARIANTS)
    messages = machine.sqs.receive_message(QueueUrl=ready, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"])["outcome"] for message in messages] == ["complete"]


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_variant_that_an_upload_is_not_for_is_not_waited_for(machine: Machine, first: bool) -> None:
    """It has ended with whatever the upload holds: however late it says so, it says so of what is there by then."""
    avatars = Variant("web", [Fit(10, 10)], only=["avatars/*"])

    def pass_over() -> None:
        batch = machine.function("web")
        batch.variant = batch._job._variant = avatars
        batch({"Records": [{"messageId": "1", "body": json.dumps({"bucket": machine.name, "key": KEY})}]}, Context())

    etag = machine.upload(b"picture")
    if first:
        pass_over()
    machine.run("mobile", "thumbnail")
    if not first:
        assert machine.completes() == []
        pass_over()
    (complete,) = [event for event in machine.events() if event["outcome"] == "complete"]
    assert complete["etag"] == etag
    assert complete["variants"]["web"] == {"outcome": "skipped", "reason": None, "outputs": []}

    machine.upload(b"newer")
    pass_over()  # The others know nothing of it yet.
    assert machine.completes() == []
    machine.delete()
    pass_over()
    assert machine.completes() == []


def test_nothing_is_announced_unless_that_is_wanted(machine: Machine) -> None:
    machine.upload(b"picture")
    batch = machine.function("web")
    batch._announcer = batch._job._ledger = None
    body = json.dumps({"bucket": machine.name, "key": KEY})
    assert batch({"Records": [{"messageId": "1", "body": body}]}, Context()) == {"batchItemFailures": []}
    assert machine.events() == []
    assert machine.dynamodb.scan(TableName=machine.name)["Items"] == []
