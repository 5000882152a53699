"""What storage makes of requests and answers: what goes along with a result, and what leaves as trouble."""

import io
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from bucket_kit import Buckets
from imagemachine.envelopes import Notice
from imagemachine.errors import Reason, Rejected, Retryable
from imagemachine.storage import Origin, Queue, Revision, Storage, Upload

NOTICE = Notice("photos", "ingest/cat.jpg")
REVISION = Revision("e", None)


def storage(s3: Any) -> Storage:
    return Storage(s3, cache_control="no-store")


def refusing(code: str) -> Any:
    """A client whose every call fails so."""

    class Client:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            def fail(**_: Any) -> None:
                raise ClientError({"Error": {"Code": code}} if code else {}, name)

            return fail

    return Client()


@pytest.mark.parametrize("sent", [b"", b"short", b"much longer than told"])
def test_a_body_of_another_length_than_told_is_fetched_again(sent: bytes) -> None:
    with pytest.raises(Retryable, match=f"announced 10 bytes of the upload and sent {len(sent)}"):
        Upload(Revision("etag", None), 10, io.BytesIO(sent)).read(max_bytes=1000)


def test_a_body_is_read_once_and_closed() -> None:
    stream = io.BytesIO(b"ten bytes.")
    assert Upload(Revision("etag", None), 10, stream).read(max_bytes=10) == b"ten bytes."
    assert stream.closed


@pytest.mark.parametrize(("size", "most", "reason"), [(11, 10, Reason.TOO_MANY_BYTES), (0, 10, Reason.EMPTY)])
def test_what_is_too_large_or_empty_is_not_read(size: int, most: int, reason: Reason) -> None:
    stream = io.BytesIO(b"ten bytes.")
    with pytest.raises(Rejected) as caught:
        Upload(REVISION, size, stream).read(most)
    assert caught.value.reason is reason
    assert stream.closed
    assert Upload(REVISION, 1, io.BytesIO(b"1")).read(1) == b"1"


@pytest.mark.parametrize("error", [OSError("x"), EndpointConnectionError(endpoint_url="x"), HTTPClientError(error="x")])
def test_a_body_that_does_not_come_is_trouble(error: Exception) -> None:
    class Body(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise error

    with pytest.raises(Retryable, match="Could not read the upload: "):
        Upload(REVISION, 1, Body()).read(1)


def test_an_upload_is_what_was_put() -> None:
    s3 = Buckets(versioned=True)
    more = {"Metadata": {"Title": "T"}, "CacheControl": "private", "ContentDisposition": "", "ContentType": "text/x"}
    s3.put_object(Bucket="photos", Key=NOTICE.key, Body=b"picture", **more)
    upload = storage(s3).open(NOTICE)
    assert upload is not None
    assert upload.revision == Revision(md5(b"picture", usedforsecurity=False).hexdigest(), "v1")
    assert (upload.size, upload.metadata, upload.headers) == (7, {"title": "T"}, {"CacheControl": "private"})
    assert upload.read(7) == b"picture"
    assert storage(s3).revision(NOTICE) == upload.revision


@pytest.mark.parametrize("code", ["404", "NoSuchKey", "NotFound"])
def test_that_there_is_no_such_object_is_an_answer(code: str) -> None:
    assert storage(refusing(code)).open(NOTICE) is None
    assert storage(refusing(code)).revision(NOTICE) is None


@pytest.mark.parametrize("code", ["403", "NoSuchBucket", "SlowDown", ""])
def test_any_other_refusal_is_trouble_that_says_what_could_not_be_done(code: str) -> None:
    s3 = storage(refusing(code))
    with pytest.raises(Retryable, match="Could not fetch the upload: "):
        s3.open(NOTICE)
    with pytest.raises(Retryable, match="Could not look at the upload again: "):
        s3.revision(NOTICE)
    with pytest.raises(Retryable, match="Could not store the result: "):
        s3.store("photos", "a", b"", "image/png", Origin("a", REVISION, "r"))


def stored(origin: Origin, **said: str) -> dict[str, Any]:
    s3 = Buckets()
    storage(s3).store("results", "thumbnail/a", b"made", "image/png", origin, **said)
    return s3.objects["results", "thumbnail/a"]


def test_a_result_is_stored_with_what_an_audit_needs() -> None:
    origin = Origin(
        "a b.jpg", Revision("e", "v1"), "r", {"title": "Été", "recipe": "mine"}, {"CacheControl": "private"}
    )
    assert stored(origin, width="3") == {
        "ETag": stored(origin)["ETag"],
        "Bucket": "results",
        "Key": "thumbnail/a",
        "Body": b"made",
        "ContentType": "image/png",
        "CacheControl": "private",
        "Metadata": {
            "source-key": "a%20b.jpg",
            "source-etag": "e",
            "source-version": "v1",
            "recipe": "r",
            "width": "3",
            "title": "=?UTF-8?B?w4l0w6k=?=",
        },
    }
    plain = stored(Origin("a", REVISION, "r"))
    assert (plain["Metadata"], plain["CacheControl"]) == (
        {"source-key": "a", "source-etag": "e", "recipe": "r"},
        "no-store",
    )


def test_a_key_is_percent_encoded_up_to_1400_characters_and_then_a_word() -> None:
    fits, longer = "é" * 233 + "/a", "é" * 233 + "/ab"
    assert stored(Origin(fits, REVISION, "r"))["Metadata"]["source-key"] == "%C3%A9" * 233 + "/a"
    word = stored(Origin(longer, REVISION, "r"))["Metadata"]["source-key"]
    assert word == f"=?UTF-8?B?{b64encode(longer.encode()).decode()}?="


def test_what_goes_along_has_the_room_that_ours_leaves_of_two_kibibytes() -> None:
    ours = len("source-keyasource-etagereciper")
    room = 2048 - ours - len("one1other")
    for length, kept in ((room, True), (room + 1, False)):
        metadata = stored(Origin("a", REVISION, "r", {"one": "1", "other": "x" * length, "last": ""}))["Metadata"]
        assert ("other" in metadata, metadata["one"]) == (kept, "1")
        assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048
    version = stored(Origin("a", Revision("e", "v"), "r", {"one": "1", "other": "x" * room}))["Metadata"]
    assert "other" not in version


def test_what_was_said_takes_its_bytes_and_not_its_characters() -> None:
    room = 2048 - len("source-keyasource-etagereciperby") - len("é".encode()) - len("x")
    for length, kept in ((room, True), (room + 1, False)):
        metadata = stored(Origin("a", REVISION, "r", {"x": "x" * length}), by="é")["Metadata"]
        assert ("x" in metadata) == kept


def test_only_what_an_upload_has_made_is_removed_and_that_there_was_some_is_said() -> None:
    s3 = Buckets()
    for key, source in (("t/a", NOTICE.key), ("t/b", "ingest/other.jpg"), ("t/c", NOTICE.key), ("t/d", NOTICE.key)):
        storage(s3).store("photos", key, b"", "image/png", Origin(source, REVISION, "r"))
    s3.put_object(Bucket="photos", Key="t/e", Body=b"")
    assert not storage(s3).remove("photos", ["t/b", "t/e", "t/x"], NOTICE)
    assert storage(s3).remove("photos", ["t/a", "t/b", "t/c", "t/e", "t/x"], NOTICE)
    assert s3.keys() == {"t/b", "t/d", "t/e"}
    assert not storage(s3).remove("photos", ["t/a", "t/b", "t/c"], NOTICE)


def test_what_somebody_else_removes_meanwhile_keeps_nothing_else_from_it() -> None:
    s3 = Buckets()
    for key in ("t/a", "t/b"):
        storage(s3).store("photos", key, b"", "image/png", Origin(NOTICE.key, REVISION, "r"))

    def meanwhile(call: str, key: str) -> None:
        if (call, key) == ("head", "t/a"):
            s3.objects.pop(("photos", key), None)

    s3.before = meanwhile
    assert storage(s3).remove("photos", ["t/a", "t/b"], NOTICE)
    assert s3.keys() == set()


class Sqs:
    """Notes each request."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def send_message(self, **request: Any) -> None:
        self.requests.append(request)

    def change_message_visibility(self, **request: Any) -> None:
        self.requests.append(request)


def test_a_message_is_set_aside_with_why() -> None:
    sqs = Sqs()
    queue = Queue(lambda: sqs, url="q", dead_letter_url="d")
    rejected = Rejected(Reason.CORRUPT, "x" * 2001)
    assert queue.set_aside("body", rejected, variant="web", source="s3://a/b") is True
    (request,) = sqs.requests
    values = {name: value["StringValue"] for name, value in request.pop("MessageAttributes").items()}
    assert request == {"QueueUrl": "d", "MessageBody": "body"}
    assert values == {"reason": "corrupt", "detail": "x" * 2000, "variant": "web", "source": "s3://a/b"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("", "-"),
        ("\x00\t\n\x1f \x7fé", "???? \x7fé"),
        ("\ud7ff\ud800\udbff\udfff\ue000", "\ud7ff???\ue000"),
        ("\ufffd\ufffe\uffff\U00010000", "\ufffd??\U00010000"),
    ],
)
def test_a_queue_is_told_only_what_it_takes(text: str, sent: str) -> None:
    sqs = Sqs()
    Queue(lambda: sqs, url=None, dead_letter_url="d").set_aside(
        "b", Rejected(Reason.CORRUPT, text), variant="w", source="-"
    )
    assert sqs.requests[0]["MessageAttributes"]["detail"] == {"DataType": "String", "StringValue": sent}


def test_without_its_queues_nothing_is_set_aside_or_postponed() -> None:
    queue = Queue(lambda: pytest.fail("no client is needed"), url=None, dead_letter_url=None)
    assert queue.set_aside("b", Rejected(Reason.CORRUPT, "x"), variant="w", source="-") is False
    queue.postpone("r", 7)
    sqs = Sqs()
    Queue(lambda: sqs, url="q", dead_letter_url=None).postpone("r", 7)
    assert sqs.requests == [{"QueueUrl": "q", "ReceiptHandle": "r", "VisibilityTimeout": 7}]


def test_a_queue_in_trouble_is_trouble() -> None:
    queue = Queue(lambda: refusing("x"), url="q", dead_letter_url="d")
    with pytest.raises(Retryable, match="Could not set the message aside: "):
        queue.set_aside("b", Rejected(Reason.CORRUPT, "x"), variant="w", source="-")
    with pytest.raises(Retryable, match="Could not postpone the message: "):
        queue.postpone("r", 7)
