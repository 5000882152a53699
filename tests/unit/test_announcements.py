"""The table of notes: what is written there, to the second, and which note is the last that was lacking."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from imagemachine import announcements
from imagemachine.announcements import Announcer, Complete, Ledger, Note, completed
from imagemachine.envelopes import Notice
from imagemachine.errors import Reason, Retryable
from imagemachine.storage import Revision

NOTICE = Notice("photos", "ingest/cat.jpg")
OLD, NEW = Revision("old", None), Revision("new", "v2")
VARIANTS = ("mobile", "web")
NOW = 1_800_000_000.7504


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "time", SimpleNamespace(time=lambda: NOW))


@dataclass
class Table:
    """One item, changed as the expressions of `note` say; each request is kept."""

    item: dict[str, Any] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def update_item(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        if request["UpdateExpression"].startswith("REMOVE #variant SET "):
            self.item.pop(names["#variant"], None)
        else:
            self.item[names["#variant"]] = values[":note"]
        before = self.item.get(names["#sequence"], values[":now"])
        self.item[names["#sequence"]] = {"N": str(int(before["N"]) + int(values[":one"]["N"]))}
        self.item[names["#expires"]] = values[":expires"]
        return {"Attributes": dict(self.item)}

    def ledger(self, variant: str, variants: tuple[str, ...] = VARIANTS) -> Ledger:
        return Ledger(lambda: self, table="outcomes", variant=variant, variants=variants)


def test_a_note_is_written_with_when_it_may_go_and_a_number_that_grows() -> None:
    table = Table()
    assert table.ledger("web").note(NOTICE, Note(NEW, "made", None, ("web/a.jpg", "web/a.jpg.webp"))) is None
    assert table.requests == [
        {
            "TableName": "outcomes",
            "Key": {"Upload": {"S": "s3://photos/ingest/cat.jpg"}},
            "UpdateExpression": (
                "SET #variant = :note, #expires = :expires, #sequence = if_not_exists(#sequence, :now) + :one"
            ),
            "ExpressionAttributeNames": {"#variant": "web", "#expires": "Expires", "#sequence": "Sequence"},
            "ExpressionAttributeValues": {
                ":expires": {"N": "1802592000"},
                ":now": {"N": "1800000000750"},
                ":one": {"N": "1"},
                ":note": {
                    "M": {
                        "etag": {"S": "new"},
                        "version": {"S": "v2"},
                        "outcome": {"S": "made"},
                        "outputs": {"L": [{"S": "web/a.jpg"}, {"S": "web/a.jpg.webp"}]},
                    }
                },
            },
            "ReturnValues": "ALL_NEW",
        }
    ]
    table.ledger("web").note(NOTICE, None)
    request = table.requests[1]
    assert request["UpdateExpression"].startswith("REMOVE #variant SET #expires = :expires, #sequence = ")
    assert sorted(request["ExpressionAttributeValues"]) == [":expires", ":now", ":one"]


@pytest.mark.parametrize(
    "note",
    [
        Note(OLD, "made", None, ("a", "b")),
        Note(NEW, "made"),
        Note(NEW, "rejected", Reason.CORRUPT),
        Note(None, "skipped"),
        Note(Revision("", ""), "made", ""),
    ],
)
def test_what_is_noted_is_read_as_it_was(note: Note) -> None:
    table = Table()
    other = Note(note.revision or OLD, "made")
    assert table.ledger("mobile").note(NOTICE, other) is None
    complete = table.ledger("web").note(NOTICE, note)
    assert complete == Complete(other.revision or OLD, 1_800_000_000_752, {"mobile": other, "web": note})
    assert list(complete.notes) == list(VARIANTS)


def test_none_is_last_while_one_is_lacking_or_saw_another_revision_or_all_passed_it_over() -> None:
    table = Table()
    mobile, web = table.ledger("mobile"), table.ledger("web")
    passed = Note(None, "skipped")
    assert mobile.note(NOTICE, Note(OLD, "made")) is None
    assert web.note(NOTICE, Note(NEW, "made")) is None
    assert mobile.note(NOTICE, Note(NEW, "made")) is not None
    assert web.note(NOTICE, None) is None
    assert mobile.note(NOTICE, passed) is None
    assert web.note(NOTICE, passed) is None
    assert mobile.note(NOTICE, Note(OLD, "made")) is not None


def test_a_variant_that_the_stack_no_longer_has_completes_nothing_with_what_is_gone() -> None:
    table = Table()
    for variant in VARIANTS:
        table.ledger(variant).note(NOTICE, Note(OLD, "made"))
    former = table.ledger("former")
    assert former.note(NOTICE, Note(OLD, "made")) is not None
    assert former.note(NOTICE, None) is None
    assert "former" not in table.item


def client(call: Callable[..., Any]) -> Any:
    return SimpleNamespace(update_item=call, publish=call)


def refuse(**_: Any) -> None:
    raise ClientError({"Error": {"Code": "Throttled"}}, "call")


def test_what_cannot_be_noted_or_announced_is_trouble() -> None:
    with pytest.raises(Retryable, match="Could not note the outcome: "):
        Ledger(lambda: client(refuse), table="t", variant="web", variants=VARIANTS).note(NOTICE, None)
    with pytest.raises(Retryable, match="Could not announce the outcome: "):
        Announcer(lambda: client(refuse), topic_arn="arn").publish({})


def test_an_event_is_json_and_what_it_is_chosen_by_stands_beside_it() -> None:
    sent: list[dict[str, Any]] = []
    announcer = Announcer(lambda: client(lambda **request: sent.append(request)), topic_arn="arn")
    for event in ({"variant": "web", "outcome": "made", "key": "k"}, {"variant": None, "outcome": "complete"}):
        announcer.publish(event)
    assert [(each["TopicArn"], json.loads(each["Message"])) for each in sent] == [
        ("arn", {"variant": "web", "outcome": "made", "key": "k"}),
        ("arn", {"variant": None, "outcome": "complete"}),
    ]
    assert [each["MessageAttributes"] for each in sent] == [
        {
            "variant": {"DataType": "String", "StringValue": "web"},
            "outcome": {"DataType": "String", "StringValue": "made"},
        },
        {"outcome": {"DataType": "String", "StringValue": "complete"}},
    ]


def test_a_completed_revision_is_told_with_what_each_variant_came_to() -> None:
    notes = {"mobile": Note(NEW, "made", None, ("m",)), "web": Note(NEW, "rejected", "corrupt")}
    assert completed(NOTICE, Complete(NEW, 7, notes)) == {
        "bucket": "photos",
        "key": "ingest/cat.jpg",
        "etag": "new",
        "version": "v2",
        "outcome": "complete",
        "sequence": 7,
        "variants": {
            "mobile": {"outcome": "made", "reason": None, "outputs": ["m"]},
            "web": {"outcome": "rejected", "reason": "corrupt", "outputs": []},
        },
    }
