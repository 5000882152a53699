"""S3 and SQS as the machine uses them: fetch, store, look again, remove; set aside, postpone.

Every failure that is not an answer ("there is no such object") leaves here as a `Retryable`.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from imagemachine.envelopes import Notice
from imagemachine.errors import Reason, Rejected, Retryable
from imagemachine.keys import common_prefix

_MAX_METADATA = 1400
"""S3 takes 2 KiB of user metadata in all; the other entries need the rest."""

_MOST_METADATA = 2048
"""Bytes of names and values, of which S3 takes no more."""

CARRIED_HEADERS: Mapping[str, str] = {"content-disposition": "ContentDisposition", "cache-control": "CacheControl"}
"""What CARRY may name that is no user metadata, with S3's names for it."""

_MAX_DETAIL = 2000
"""Characters, of the 256 KiB that SQS takes of a message with its attributes."""

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True)
class Revision:
    """Which bytes an upload holds: two revisions are equal exactly when no one wrote in between."""

    etag: str
    version: str | None


@dataclass(frozen=True)
class Upload:
    """An upload whose first byte has not been read yet."""

    revision: Revision
    size: int
    _stream: Any
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the uploader said of it, by lower-case names."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Its Content-Disposition and Cache-Control, by S3's names for them, where it has them."""

    def read(self, max_bytes: int) -> bytes:
        """All its bytes; can be called once. Raises Rejected(too-many-bytes, empty) before reading any.

        Raises Retryable where S3 fails.
        """
        with closing(self._stream), trouble("read the upload"):
            if self.size > max_bytes:
                raise Rejected(
                    Reason.TOO_MANY_BYTES,
                    f"The upload has {self.size:,} bytes and the limit is {max_bytes:,}: upload a smaller file"
                    " or raise MAX_BYTES.",
                )
            if self.size == 0:
                raise Rejected(Reason.EMPTY, "The upload is empty, 0 bytes: upload it again.")
            data: bytes = self._stream.read()  # All at once: only then does the client compare length and checksum.
        if len(data) != self.size:
            raise Retryable(f"S3 announced {self.size:,} bytes of the upload and sent {len(data):,}.")
        return data


@dataclass(frozen=True)
class Origin:
    """What a result was made of, and how: it goes into its metadata."""

    key: str
    """The upload's."""
    revision: Revision
    recipe: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The upload's own that goes along, as far as there is room."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those of the upload that go along."""


class Storage:
    """The two buckets. `s3` is a boto3 client, safe to share between threads."""

    def __init__(self, s3: Any, *, cache_control: str) -> None:
        self._s3 = s3
        self._cache_control = cache_control

    def open(self, notice: Notice) -> Upload | None:
        """The upload as it is now, to be read, or None where it is gone."""
        try:
            with _asked("fetch the upload"):
                answer = self._s3.get_object(Bucket=notice.bucket, Key=notice.key)
        except _Absent:
            return None
        return Upload(
            _revision(answer),
            answer["ContentLength"],
            answer["Body"],
            {name.lower(): value for name, value in answer.get("Metadata", {}).items()},
            {name: answer[name] for name in CARRIED_HEADERS.values() if answer.get(name)},
        )

    def revision(self, notice: Notice) -> Revision | None:
        """Which bytes the upload holds now, or None where it is gone."""
        try:
            with _asked("look at the upload again"):
                return _revision(self._s3.head_object(Bucket=notice.bucket, Key=notice.key))
        except _Absent:
            return None

    def store(self, bucket: str, key: str, body: bytes, content_type: str, origin: Origin, **said: str) -> None:
        """Put a result, with what an audit needs to tell it current from stale, and what else is `said` of it."""
        metadata = {"source-key": _ascii(origin.key), "source-etag": origin.revision.etag, "recipe": origin.recipe}
        if origin.revision.version is not None:
            metadata["source-version"] = origin.revision.version
        metadata |= said
        room = _MOST_METADATA - _length(metadata)
        for name, text in origin.metadata.items():
            # Ours come first; S3 would refuse the whole result for one that finds no room.
            value = text if text.isascii() else _word(text)
            if name not in metadata and (room := room - len(name) - len(value)) >= 0:
                metadata[name] = value
        with trouble("store the result"):
            self._s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                Metadata=metadata,
                **{"CacheControl": self._cache_control, **origin.headers},
            )

    def remove(self, bucket: str, keys: Sequence[str], notice: Notice) -> bool:
        """Delete those of `keys` that hold a result of this very upload; whether there were any.

        `cat.heic.jpg` can be the result of `cat.heic` or of `cat.heic.jpg`: its metadata tells whose it is.
        """
        removed = False
        with trouble("remove the result"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=common_prefix(keys))
            present = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
        for key in sorted(present.intersection(keys)):
            try:
                with _asked("remove the result"):
                    metadata: Mapping[str, str] = self._s3.head_object(Bucket=bucket, Key=key)["Metadata"]
                    if metadata.get("source-key") == _ascii(notice.key):
                        self._s3.delete_object(Bucket=bucket, Key=key)
                        removed = True
            except _Absent:
                continue
        return removed


class Queue:
    """The variant's queue and its dead-letter queue. `sqs` makes the boto3 client when it is first needed."""

    def __init__(self, sqs: Callable[[], Any], *, url: str | None, dead_letter_url: str | None) -> None:
        self._sqs = sqs
        self._url = url
        self._dead_letter_url = dead_letter_url

    def set_aside(self, body: str, rejected: Rejected, *, variant: str, source: str) -> bool:
        """Send a rejected message to the dead-letter queue; False where none is configured."""
        if self._dead_letter_url is None:
            return False
        attributes = {
            "reason": str(rejected.reason),
            "detail": rejected.detail[:_MAX_DETAIL],
            "variant": variant,
            "source": source,
        }
        with trouble("set the message aside"):
            self._sqs().send_message(
                QueueUrl=self._dead_letter_url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": _sqs_text(value)} for name, value in attributes.items()
                },
            )
        return True

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Let a message come back after `seconds`, not only after the queue's whole visibility timeout."""
        if self._url is not None:
            with trouble("postpone the message"):
                self._sqs().change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
                )


class _Absent(Exception):
    """S3's answer: there is no such object."""


@contextmanager
def _asked(what: str) -> Iterator[None]:
    """As `trouble`; that an object is not there is no trouble but an answer, and leaves the block as _Absent."""
    with trouble(what):
        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                raise _Absent from error
            raise


@contextmanager
def trouble(what: str) -> Iterator[None]:
    """Whatever an AWS client raises leaves the block as a Retryable that says what could not be done."""
    try:
        yield
    except (ClientError, BotoCoreError, OSError) as error:
        raise Retryable(f"Could not {what}: {error}.") from error


def _revision(answer: Mapping[str, Any]) -> Revision:
    return Revision(etag=answer["ETag"].strip('"'), version=answer.get("VersionId"))


def _length(metadata: Mapping[str, str]) -> int:
    return sum(len(name) + len(value.encode()) for name, value in metadata.items())


def _ascii(key: str) -> str:
    """A key as metadata can hold it: percent-encoded, or where that is too long as an RFC 2047 word."""
    encoded = quote(key, safe="/")
    if len(encoded) <= _MAX_METADATA:
        return encoded
    return _word(key)


def _word(text: str) -> str:
    """Text as an encoded word of RFC 2047, as S3 itself gives metadata that is not ASCII."""
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="


def _sqs_text(text: str) -> str:
    """Only what a queue takes: SQS refuses most control characters and an empty value."""
    allowed = (c if c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff" else "?" for c in text)
    return "".join(allowed) or "-"
