"""What a queue's message says: one parser for every shape in which an upload can be announced.

The shapes are an SNS envelope, an S3 notification, an EventBridge event, a plain `{"bucket": ..., "key": ...}`,
and S3's test event. Whatever is inside an SNS envelope may be any of the others.
Sources: "Event message structure" and "EventBridge event message structure" in the Amazon S3 User Guide.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from imagemachine.errors import Reason, Rejected

MAX_KEY_BYTES = 1024
"""S3's own limit, in UTF-8."""

_CREATED = ("ObjectCreated:", "ObjectRestore:Completed")
_DELETED = ("ObjectRemoved:", "LifecycleExpiration:")


@dataclass(frozen=True)
class Notice:
    """One upload that came or went. What is true now, only the bucket knows."""

    bucket: str
    key: str
    """As S3 has it: decoded."""
    deleted: bool = False

    @property
    def source(self) -> str:
        """The upload's S3 URI, for people."""
        return f"s3://{self.bucket}/{self.key}"


def parse(body: str) -> Sequence[Notice | Rejected]:
    """All that a message announces, in its order; a test event announces nothing.

    A record that cannot be understood stands in its place as a `Rejected`, so that it does not take the
    message's other records with it. Raises Rejected(bad-message) where the whole message makes no sense.
    """
    message = _loads(body)
    if "Message" in message and "Records" not in message:
        inner = message["Message"]
        if not isinstance(inner, str):
            raise _bad("the SNS envelope's Message is not a string")
        message = _loads(inner)
    if message.get("Event") == "s3:TestEvent":
        return []
    if "Records" in message:
        records = message["Records"]
        if not isinstance(records, list) or not records:
            raise _bad("Records is not a list of S3 records")
        return [_attempt(record) for record in records]
    if "detail-type" in message:
        return [_from_eventbridge(message)]
    if "bucket" in message and "key" in message:
        return [_notice(message["bucket"], message["key"])]
    raise _bad("it is no S3 notification, EventBridge event or bucket and key")


def _loads(text: str) -> Mapping[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad("it is not JSON") from error
    if not isinstance(message, dict):
        raise _bad("it is not a JSON object")
    return message


def _attempt(record: Any) -> Notice | Rejected:
    try:
        return _from_s3(record)
    except Rejected as rejected:
        return rejected


def _from_s3(record: Any) -> Notice:
    """A record of an S3 notification; its key is form-encoded, `+` being a space."""
    name = _at(record, "eventName")
    version = _at(record, "eventVersion")
    if not isinstance(version, str) or not version.startswith("2."):
        raise _bad(f"its event version is {version!r}, and only 2.x is known")
    key = _at(record, "s3", "object", "key")
    if not isinstance(key, str):
        raise _bad("its key is not a string")
    try:
        decoded = unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise _bad("its key is not UTF-8") from error
    return _notice(_at(record, "s3", "bucket", "name"), decoded, _deleted(name))


def _from_eventbridge(event: Mapping[str, Any]) -> Notice:
    """An EventBridge event; its key is not encoded."""
    kinds = {"Object Created": False, "Object Deleted": True}
    kind = event["detail-type"]
    if event.get("source") != "aws.s3" or not isinstance(kind, str) or kind not in kinds:
        raise _bad(f"the EventBridge event is {kind!r} from {event.get('source')!r}")
    return _notice(_at(event, "detail", "bucket", "name"), _at(event, "detail", "object", "key"), kinds[kind])


def _deleted(name: Any) -> bool:
    if isinstance(name, str):
        name = name.removeprefix("s3:")
        if name.startswith(_CREATED):
            return False
        if name.startswith(_DELETED):
            return True
    raise _bad(f"its event name is {name!r}, which neither makes nor removes an upload")


def _notice(bucket: Any, key: Any, deleted: bool = False) -> Notice:
    if not isinstance(bucket, str) or re.fullmatch(r"[A-Za-z0-9._-]{3,255}", bucket) is None:
        raise _bad("its bucket's name is not one")
    if not isinstance(key, str) or not key:
        raise _bad("its key is empty or not a string")
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise _bad("its key is not Unicode text") from error
    if length > MAX_KEY_BYTES:
        raise _bad(f"its key is {length} bytes long, and S3 allows {MAX_KEY_BYTES}")
    return Notice(bucket, key, deleted)


def _at(record: Any, *path: str) -> Any:
    for step in path:
        if not isinstance(record, dict) or step not in record:
            raise _bad(f"{'.'.join(path)} is missing")
        record = record[step]
    return record


def _bad(what: str) -> Rejected:
    return Rejected(Reason.BAD_MESSAGE, f"The message cannot be understood: {what}.")
