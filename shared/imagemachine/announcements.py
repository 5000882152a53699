"""Outcomes as events: each to a topic, and one more when all variants of an upload's revision have ended.

Who knows that all have ended? Each variant's function notes its own outcome in the upload's item of a table, in an
attribute of its own, and is answered with the whole item. It does so after it has stored its result and before it looks
at the upload again. So what holds for results holds for these notes: whoever writes last has seen the newest upload.
The last note that a revision gets is therefore answered with all variants at that revision, and whoever made it finds
that revision still there when it looks again: it says so. A revision that was overwritten or deleted is not there any
more, and nobody says anything of it.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagemachine.envelopes import Notice
from imagemachine.storage import Revision, trouble

_KEPT_SECONDS = 30 * 24 * 3600
"""How long a note is kept after the last one of its upload: longer than a dead letter can wait to be tried again."""

# In capitals, for variants have small letters and stand beside them.
_UPLOAD, _EXPIRES, _SEQUENCE = "Upload", "Expires", "Sequence"


@dataclass(frozen=True)
class Note:
    """What one variant last came to with an upload."""

    revision: Revision | None
    """None: whatever the upload may hold, it is not for this variant."""
    outcome: str
    reason: str | None = None
    outputs: tuple[str, ...] = ()
    """The results' keys."""


@dataclass(frozen=True)
class Complete:
    """All variants have ended with one revision of an upload."""

    revision: Revision
    sequence: int
    """Of two for the same upload the later one has the larger."""
    notes: Mapping[str, Note]
    """By variant."""


class Ledger:
    """The table of notes, as one variant's function writes it. `dynamodb` makes the boto3 client when first needed."""

    def __init__(self, dynamodb: Callable[[], Any], *, table: str, variant: str, variants: Sequence[str]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._variant = variant
        self._variants = variants

    def note(self, notice: Notice, note: Note | None) -> Complete | None:
        """Note an outcome, or None for an upload that is gone; what it completes, if the revision is still there.

        Raises Retryable.
        """
        now = time.time()
        change = "SET #variant = :note, " if note else "REMOVE #variant SET "
        with trouble("note the outcome"):
            answer = self._dynamodb().update_item(
                TableName=self._table,
                Key={_UPLOAD: {"S": notice.source}},
                UpdateExpression=f"{change}#expires = :expires, #sequence = if_not_exists(#sequence, :now) + :one",
                ExpressionAttributeNames={
                    "#variant": self._variant,
                    "#expires": _EXPIRES,
                    "#sequence": _SEQUENCE,
                },
                ExpressionAttributeValues={
                    ":expires": {"N": str(int(now) + _KEPT_SECONDS)},
                    # A number that grows even if an item was forgotten meanwhile.
                    ":now": {"N": str(int(now * 1000))},
                    ":one": {"N": "1"},
                    **({":note": {"M": _written(note)}} if note else {}),
                },
                ReturnValues="ALL_NEW",
            )
        item = answer["Attributes"]
        notes = {variant: _read(item[variant]["M"]) for variant in self._variants if variant in item}
        revisions = {each.revision for each in notes.values() if each.revision}
        if note is None or len(notes) < len(self._variants) or len(revisions) != 1:
            return None
        return Complete(revisions.pop(), int(item[_SEQUENCE]["N"]), notes)


def _written(note: Note) -> dict[str, Any]:
    texts = {
        "etag": note.revision and note.revision.etag,
        "version": note.revision and note.revision.version,
        "outcome": note.outcome,
        "reason": note.reason,
    }
    return {
        **{name: {"S": text} for name, text in texts.items() if text is not None},
        "outputs": {"L": [{"S": key} for key in note.outputs]},
    }


def _read(attribute: Mapping[str, Any]) -> Note:
    texts = {name: attribute[name]["S"] for name in ("etag", "version", "outcome", "reason") if name in attribute}
    return Note(
        Revision(texts["etag"], texts.get("version")) if "etag" in texts else None,
        texts["outcome"],
        texts.get("reason"),
        tuple(key["S"] for key in attribute["outputs"]["L"]),
    )


class Announcer:
    """The topic that events go to. `sns` makes the boto3 client when it is first needed."""

    def __init__(self, sns: Callable[[], Any], *, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def publish(self, event: Mapping[str, Any]) -> None:
        """Publish an event as JSON, with what it is chosen by as attributes. Raises Retryable."""
        chosen_by = {name: event[name] for name in ("variant", "outcome") if event.get(name)}
        with trouble("announce the outcome"):
            self._sns().publish(
                TopicArn=self._topic_arn,
                Message=json.dumps(event),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in chosen_by.items()
                },
            )


def completed(notice: Notice, complete: Complete) -> dict[str, Any]:
    """The event that says of one revision of an upload that all its variants have ended."""
    return {
        "bucket": notice.bucket,
        "key": notice.key,
        "etag": complete.revision.etag,
        "version": complete.revision.version,
        "outcome": "complete",
        "sequence": complete.sequence,
        "variants": {
            variant: {"outcome": note.outcome, "reason": note.reason, "outputs": list(note.outputs)}
            for variant, note in complete.notes.items()
        },
    }
