"""Dead letters, on the emulated SQS: looking changes nothing, also where several look."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from controlplane.operating.letters import RETRIED_OUT, UNDELIVERED, Letter, Look, grouped

EVENT = Path(__file__).parents[3] / "events/sns-created.json"


@pytest.fixture
def queue(sqs: Any) -> Iterator[str]:
    url: str = sqs.create_queue(QueueName=f"dead-{uuid4().hex}")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def put(sqs: Any, url: str, body: str, **attributes: str) -> None:
    sqs.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def rejected(sqs: Any, url: str, key: str, reason: str = "corrupt") -> None:
    body = json.dumps({"bucket": "uploads", "key": key})
    put(sqs, url, body, reason=reason, detail="Broken.", variant="web", source=f"s3://uploads/{key}")


def look(sqs: Any, url: str) -> list[Letter]:
    with Look(sqs, url, "web") as looking:
        return list(looking.letters())


def counts(sqs: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(told[names[0]]), int(told[names[1]])


def test_the_same_letters_each_time_and_all_of_them_left_there(sqs: Any, queue: str) -> None:
    for number in range(34):
        rejected(sqs, queue, f"ingest/{number}.jpg")
    first, second = look(sqs, queue), look(sqs, queue)
    assert {letter.source for letter in first} == {f"s3://uploads/ingest/{number}.jpg" for number in range(34)}
    assert len(first) == len(second) == 34
    assert {letter.id for letter in first} == {letter.id for letter in second}
    assert {letter.since for letter in first} == {letter.since for letter in second}
    assert counts(sqs, queue) == (34, 0)


def test_those_who_look_at_once_each_see_all(sqs: Any, queue: str) -> None:
    for number in range(60):
        rejected(sqs, queue, f"ingest/{number}.jpg")
    start = threading.Barrier(3)

    def together() -> set[str]:
        start.wait()
        with Look(sqs, queue, "web") as looking:
            seen = {letter.id for letter in looking.letters()}
            assert looking.unseen == 0
        return seen

    with ThreadPoolExecutor(3) as pool:
        looks = [future.result() for future in [pool.submit(together) for _ in range(3)]]
    assert [len(seen) for seen in looks] == [60, 60, 60]
    assert counts(sqs, queue) == (60, 0)


def test_who_stops_half_way_gives_back_what_he_holds(sqs: Any, queue: str) -> None:
    for number in range(25):
        rejected(sqs, queue, f"ingest/{number}.jpg")

    def interrupted() -> None:
        with Look(sqs, queue, "web") as looking:
            next(looking.letters())
            assert counts(sqs, queue)[1] > 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert counts(sqs, queue) == (25, 0)


def test_what_another_holds_is_said_to_be_unseen(sqs: Any, queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.operating.letters._HIDDEN_SECONDS", 1)
    monkeypatch.setattr("controlplane.operating.letters._PATIENCE_SECONDS", 0.0)
    rejected(sqs, queue, "ingest/a.jpg")
    rejected(sqs, queue, "ingest/b.jpg")
    sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, VisibilityTimeout=60)
    with Look(sqs, queue, "web") as looking:
        assert len(list(looking.letters())) == 1
        assert looking.unseen == 1


def test_what_is_taken_out_is_gone_and_the_rest_is_not(sqs: Any, queue: str) -> None:
    for number in range(15):
        rejected(sqs, queue, f"ingest/{number}.jpg", "corrupt" if number % 3 else "empty")
    with Look(sqs, queue, "web") as looking:
        for some in looking.received():
            looking.take_out([letter for letter in some if letter.reason == "empty"])
    assert {letter.reason for letter in look(sqs, queue)} == {"corrupt"}
    assert counts(sqs, queue) == (10, 0)


def test_why_each_lies_there(sqs: Any, queue: str) -> None:
    body = EVENT.read_text()
    put(sqs, queue, body)
    put(sqs, queue, body, RequestID="1", ErrorCode="403", ErrorMessage="Access denied")
    put(sqs, queue, "no message of ours", reason="bad-message", detail="It is not JSON.", variant="web", source="-")
    by_reason = {letter.reason: letter for letter in look(sqs, queue)}
    retried, undelivered, bad = (by_reason[reason] for reason in (RETRIED_OUT, UNDELIVERED, "bad-message"))
    assert retried.source == undelivered.source == retried.notices[0].source
    assert retried.source.startswith("s3://")
    assert "Access denied" in undelivered.detail
    assert (bad.source, bad.notices, bad.detail) == ("-", (), "It is not JSON.")


def test_letters_of_one_kind_are_one_group() -> None:
    def letter(reason: str, detail: str) -> Letter:
        message = {
            "Body": "{}",
            "MessageId": uuid4().hex,
            "ReceiptHandle": "",
            "Attributes": {"SentTimestamp": "1000"},
            "MessageAttributes": {"reason": {"StringValue": reason}, "detail": {"StringValue": detail}},
        }
        return Letter.read("web", message)

    groups = grouped([letter("a", "x"), letter("b", "y"), letter("b", "y"), letter("b", "z")])
    assert [(reason, detail, len(letters)) for (reason, detail), letters in groups.items()] == [
        ("b", "y", 2),
        ("a", "x", 1),
        ("b", "z", 1),
    ]
