"""The short way to S3 on the emulated account: what it stores and reads is what boto3 reads and stores."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from uuid import uuid4

import pytest

from imagemachine.bootstrap import _client
from imagemachine.envelopes import Notice
from imagemachine.job import Job, Outcome
from imagemachine.s3 import S3
from imagemachine.settings import Settings
from imagemachine.storage import Storage
from imagemachine.variant import Fit, Variant
from integration.test_trouble import Upper
from integration.trouble import Once, Proxy, Trouble

VARIANT = Variant("thumbnail", [Fit(320, 320)])
KEYS = (
    "plain.jpg",
    "Café 50% + ü.jpg",
    "a//b/./c%20d+e f.jpg",
    "~_-!*'();:@&=$,?#[]{}|\\^`<>\".jpg",
    "\N{GRINNING FACE}\N{COMBINING ACUTE ACCENT}\N{ZERO WIDTH JOINER}.jpg",
    "tab\tand\x7f.jpg",
    "é" * 512,
)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"short-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


Short = Callable[[str], S3]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Short]:
    """Makes clients as a function makes them of its environment."""
    with ExitStack() as stack:

        def client(endpoint: str) -> S3:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
            client = _client("s3")
            assert isinstance(client, S3)
            return stack.enter_context(closing(client))

        yield client


@pytest.mark.parametrize("key", KEYS)
def test_boto3_and_the_short_way_mean_the_same_object(
    s3: Any, endpoint: str, bucket: str, short: Short, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    client = short(endpoint)
    monkeypatch.setattr(client, "_boto3", None)  # Nothing is to be left to it.
    body = os.urandom(100_000)
    metadata = {"source-key": "a%20b", "source-etag": "e"}
    client.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType="image/png",
        CacheControl="no-store,  max-age=0",
        Metadata=metadata,
    )
    theirs = s3.get_object(Bucket=bucket, Key=key)
    assert theirs["Body"].read() == body
    assert (theirs["ContentType"], theirs["Metadata"]) == ("image/png", metadata)

    body = os.urandom(200_000)
    s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"more": "x"})
    theirs = s3.head_object(Bucket=bucket, Key=key)
    for ours in (client.head_object(Bucket=bucket, Key=key), client.get_object(Bucket=bucket, Key=key)):
        for name in ("ETag", "ContentLength", "Metadata", "VersionId"):
            assert ours.get(name) == theirs.get(name), name
        if "Body" in ours:
            assert ours["Body"].read() == body
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_versions_are_told(s3: Any, endpoint: str, bucket: str, short: Short) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"x")["VersionId"]
    assert short(endpoint).head_object(Bucket=bucket, Key="a")["VersionId"] == version


@pytest.mark.parametrize("trouble", list(Trouble))
@pytest.mark.parametrize("when", range(3))
def test_one_trouble_at_each_call_is_overcome(
    s3: Any, endpoint: str, bucket: str, short: Short, trouble: Trouble, when: int
) -> None:
    s3.put_object(Bucket=bucket, Key="ingest/a.jpg", Body=b"picture" * 1000)
    once = Once(trouble, when)
    with Proxy(endpoint) as proxy:
        proxy.plan = once
        storage = Storage(short(proxy.endpoint), cache_control="no-store")
        job = Job(VARIANT, Settings.load({}, "thumbnail"), storage, Upper())
        assert job.run(Notice(bucket, "ingest/a.jpg"), lambda: 60).outcome is Outcome.MADE
    assert list(dict.fromkeys(once.calls)) == ["GET", "PUT", "HEAD"]
    assert s3.get_object(Bucket=bucket, Key="thumbnail/a.jpg")["Body"].read() == b"PICTURE" * 1000


def test_an_upload_that_changed_while_it_was_read_is_not_mixed(
    s3: Any, endpoint: str, bucket: str, short: Short
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"old" * 1000)
    with Proxy(endpoint) as proxy:
        proxy.plan = lambda method, path: Trouble.TRUNCATED
        body = short(proxy.endpoint).get_object(Bucket=bucket, Key="a")["Body"]
        proxy.plan = lambda method, path: None
        s3.put_object(Bucket=bucket, Key="a", Body=b"new" * 1000)
        with pytest.raises(Exception, match="PreconditionFailed"):
            body.read()


def test_what_is_not_there_is_said_as_boto3_says_it(s3: Any, endpoint: str, bucket: str, short: Short) -> None:
    storage = Storage(short(endpoint), cache_control="no-store")
    assert storage.open(Notice(bucket, "ingest/gone.jpg")) is None
    assert storage.revision(Notice(bucket, "ingest/gone.jpg")) is None
