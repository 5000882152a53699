"""Every shape in which an upload can be announced means the same; whatever else is a rejected message."""

import json
from pathlib import Path
from typing import Any

import pytest

from imagemachine.envelopes import Notice, parse
from imagemachine.errors import Reason, Rejected

EVENTS = Path(__file__).parents[1] / "events"
KEY = "ingest/holiday/Café 50% + a.jpg"


def event(name: str) -> str:
    return (EVENTS / name).read_text()


def record(**changes: Any) -> dict[str, Any]:
    """The S3 record of s3-created.json with some of its fields changed."""
    original: dict[str, Any] = json.loads(event("s3-created.json"))["Records"][0]
    return original | changes


@pytest.mark.parametrize(
    "name", ["s3-created.json", "sns-created.json", "eventbridge-created.json", "bucket-and-key.json"]
)
def test_every_shape_of_a_creation_says_the_same(name: str) -> None:
    assert list(parse(event(name))) == [Notice("photos", KEY)]


@pytest.mark.parametrize(
    "name",
    ["s3-removed.json", "s3-delete-marker.json", "s3-expired.json", "sns-removed.json", "eventbridge-deleted.json"],
)
def test_every_shape_of_a_deletion_says_the_same(name: str) -> None:
    assert list(parse(event(name))) == [Notice("photos", KEY, deleted=True)]


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:Put",
        "ObjectCreated:Post",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectRestore:Completed",
        "s3:ObjectCreated:Put",
        "s3:ObjectRestore:Completed",
    ],
)
def test_an_object_can_come_in_many_ways(name: str) -> None:
    """One from the archive is there to be read again only when its restoration is complete."""
    assert list(parse(json.dumps({"Records": [record(eventName=name)]}))) == [Notice("photos", KEY)]


@pytest.mark.parametrize("source", ["my.app", "aws.ecr", "", None])
def test_events_of_other_sources_are_none_of_s3_s(source: str | None) -> None:
    other = json.loads(event("eventbridge-created.json")) | {"source": source}
    with pytest.raises(Rejected, match="EventBridge"):
        parse(json.dumps(other))


def test_all_records_count_not_only_the_first() -> None:
    assert list(parse(event("s3-created-twice.json"))) == [Notice("photos", KEY), Notice("photos", "ingest/b.png")]


@pytest.mark.parametrize("name", ["s3-test-event.json", "sns-test-event.json"])
def test_a_test_event_announces_nothing(name: str) -> None:
    assert list(parse(event(name))) == []


def test_a_notice_names_its_upload_for_people() -> None:
    assert Notice("photos", "a b.jpg").source == "s3://photos/a b.jpg"
    assert Notice("photos", "a").deleted is False


def test_records_count_beside_a_message_of_another_kind() -> None:
    both = {"Records": [record()], "Message": "no JSON", "bucket": "photos", "key": "other"}
    assert list(parse(json.dumps(both))) == [Notice("photos", KEY)]


def test_an_sns_envelope_may_hold_an_eventbridge_event() -> None:
    assert list(parse(json.dumps({"Message": event("eventbridge-created.json")}))) == [Notice("photos", KEY)]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "null",
        "[]",
        "{}",
        "17",
        '"text"',
        "[" * 100_000,
        json.dumps({"Message": 5}),
        json.dumps({"Message": "no JSON"}),
        json.dumps({"Records": []}),
        json.dumps({"Records": {}}),
        json.dumps({"bucket": "photos"}),
        json.dumps({"bucket": "photos", "key": ""}),
        json.dumps({"bucket": "photos", "key": 5}),
        json.dumps({"bucket": "a b", "key": "ingest/a.jpg"}),
        json.dumps({"bucket": "arn:aws:s3:::photos", "key": "ingest/a.jpg"}),
        json.dumps({"bucket": None, "key": "ingest/a.jpg"}),
        json.dumps({"bucket": "photos", "key": "ingest/" + "a" * 1018}),
        '{"bucket": "photos", "key": "ingest/\\ud800.jpg"}',
        json.dumps({"detail-type": "Object Created", "source": "aws.s3"}),
        json.dumps({"detail-type": "Object Tags Added", "source": "aws.s3", "detail": {}}),
        json.dumps({"detail-type": ["Object Created"], "source": "aws.s3", "detail": {}}),
        json.dumps({"detail-type": "Object Created", "source": "my.app", "detail": {}}),
    ],
)
def test_anything_else_is_a_bad_message(body: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse(body)
    assert caught.value.reason is Reason.BAD_MESSAGE


@pytest.mark.parametrize(
    "bad",
    [
        "text",
        None,
        record(eventVersion="3.0"),
        record(eventVersion=2.1),
        record(eventName="ObjectTagging:Put"),
        record(eventName=None),
        record(s3={}),
        record(s3={"bucket": {"name": "photos"}, "object": {"key": "ingest/%ff.jpg"}}),
        record(s3={"bucket": {"name": "photos"}, "object": {"key": ["ingest/a.jpg"]}}),
        record(s3={"bucket": "photos", "object": {"key": "ingest/a.jpg"}}),
    ],
)
def test_a_bad_record_does_not_take_the_good_ones_with_it(bad: Any) -> None:
    parsed = parse(json.dumps({"Records": [record(), bad, record()]}))
    assert parsed[0] == parsed[2] == Notice("photos", KEY)
    assert isinstance(parsed[1], Rejected)
    assert parsed[1].reason is Reason.BAD_MESSAGE


def test_a_key_of_1025_bytes_is_none() -> None:
    key = "ingest/" + "é" * 508 + "ab"
    assert len(key.encode()) == 1025
    with pytest.raises(Rejected, match="1025 bytes"):
        parse(json.dumps({"bucket": "photos", "key": key}))


def test_a_key_of_exactly_1024_bytes_is_taken() -> None:
    key = "ingest/" + "é" * 508 + "a"
    assert len(key.encode()) == 1024
    assert list(parse(json.dumps({"bucket": "photos", "key": key}))) == [Notice("photos", key)]
