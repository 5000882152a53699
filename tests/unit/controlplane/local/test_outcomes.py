"""What the functions' lines and the dead-letter queues tell."""

import json
from typing import Any

import pytest

from controlplane.local.follow import DeadLetter
from controlplane.local.outcomes import Outcome, Output, Tally, parse
from controlplane.local.processes import InvocationError, check

LINE: dict[str, Any] = {
    "_aws": {"Timestamp": 1_500},
    "variant": "web",
    "outcome": "made",
    "reason": None,
    "key": "ingest/ü.jpg",
    "output": "web/ü.jpg",
    "bytes_out": 10,
    "milliseconds": 1.5,
    "receives": 2,
    "message_id": "x",
}


def test_a_log_line_is_an_outcome() -> None:
    outcome = parse(json.dumps(LINE))
    assert outcome == Outcome(
        "web",
        "ingest/ü.jpg",
        "made",
        outputs=(Output("web/ü.jpg", "jpeg", bytes=10),),
        milliseconds=1.5,
        receives=2,
        at=1.5,
    )


def test_a_log_line_of_several_formats_names_each() -> None:
    outputs = [
        {"key": "web/ü.jpg", "format": "jpeg", "width": 4, "height": 3, "bytes": 10},
        {"key": "web/ü.jpg.webp", "format": "webp", "width": 4, "height": 3, "bytes": 8, "quality": 1},
    ]
    outcome = parse(json.dumps({**LINE, "outputs": outputs}))
    assert outcome is not None
    assert outcome.outputs == (Output("web/ü.jpg", "jpeg", 4, 3, 10), Output("web/ü.jpg.webp", "webp", 4, 3, 8))


@pytest.mark.parametrize(
    "line",
    ["", "START RequestId: 1", "{", "{}", '{"variant": "web", "starts": 1}', json.dumps({**LINE, "key": None})],
)
def test_other_lines_are_not(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("outcome", "receives", "final"),
    [("made", 1, True), ("rejected", 1, True), ("skipped", 1, True), ("retried", 1, False), ("retried", 3, True)],
)
def test_what_is_final(outcome: str, receives: int, final: bool) -> None:
    assert Outcome("web", "k", outcome, receives=receives).final is final


def test_the_first_final_outcome_counts() -> None:
    tally = Tally(["web", "mobile"], ["a"])
    assert not tally.add(Outcome("web", "a", "retried"))
    assert tally.add(Outcome("web", "a", "made"))
    assert not tally.add(Outcome("web", "a", "skipped"))
    assert not tally.add(Outcome("web", "another", "made"))
    assert tally.total == 2
    assert tally.pending() == {("mobile", "a")}
    assert tally.next(0.01) == Outcome("web", "a", "made")
    assert tally.next(0.01) is None


NOTIFICATION = json.dumps({"Records": [{"s3": {"object": {"key": "ingest/a+b%2B%C3%BC.jpg"}}}]})


@pytest.mark.parametrize("body", [NOTIFICATION, json.dumps({"Message": NOTIFICATION})])
def test_a_dead_letter_names_its_upload(body: str) -> None:
    (outcome,) = DeadLetter.read({"Body": body}).outcomes("web")
    assert (outcome.key, outcome.outcome, outcome.final) == ("ingest/a b+ü.jpg", "retried", True)


def test_a_rejected_dead_letter_says_why() -> None:
    attributes = {"reason": {"StringValue": "corrupt"}, "detail": {"StringValue": "It is broken."}}
    (outcome,) = DeadLetter.read({"Body": NOTIFICATION, "MessageAttributes": attributes}).outcomes("web")
    assert (outcome.outcome, outcome.reason, outcome.detail) == ("rejected", "corrupt", "It is broken.")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"Message": 1}', '{"Records": [{}]}'])
def test_a_dead_letter_of_somebody_elses(body: str) -> None:
    assert not list(DeadLetter.read({"Body": body}).outcomes("web"))


def test_an_invocation_that_failed_is_told_from_one_that_did_not() -> None:
    check(b'{"batchItemFailures": []}')
    check(b'{"variant": "web", "recipe": "0123456789ab"}')
    for body in (b'{"errorType": "ValueError", "errorMessage": "no"}', b"Task timed out", b"[]", b"null", b"\xff"):
        with pytest.raises(InvocationError):
            check(body)
