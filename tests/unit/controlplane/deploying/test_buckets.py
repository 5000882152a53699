"""Buckets, on the emulated S3: whose they are, and what is said of them."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from controlplane.account import Account
from controlplane.deploying import buckets
from controlplane.deploying.buckets import TAG, Content
from controlplane.deploying.notifications import Announcer
from controlplane.errors import Failure


@pytest.fixture
def account(endpoint: str) -> Account:
    return Account.emulated(endpoint)


@pytest.fixture
def name(account: Account) -> Iterator[str]:
    name = f"bucket-{uuid4().hex[:12]}"
    account.clients["s3"].create_bucket(Bucket=name)
    yield name
    account.clients["s3"].delete_bucket(Bucket=name)


def tags(account: Account, name: str) -> dict[str, str]:
    told = account.clients["s3"].get_bucket_tagging(Bucket=name)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in told}


def test_a_bucket_without_tags_is_nobodys(account: Account, name: str) -> None:
    found = buckets.find(account, name)
    assert found is not None
    assert (found.name, found.region, found.made_for, found.key) == (name, account.region, None, None)
    assert buckets.find(account, f"{name}-other") is None


def test_a_mark_says_for_which_stack_it_was_made_and_leaves_other_tags(account: Account, name: str) -> None:
    s3 = account.clients["s3"]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "z", "Value": "2"}]})
    for stack in ("shop", "shop", "other"):
        buckets.mark(account, name, stack)
        assert tags(account, name) == {"a": "1", "z": "2", TAG: stack}
        found = buckets.find(account, name)
        assert found is not None
        assert found.made_for == stack


def test_a_bucket_that_is_gone_is_no_bucket_without_tags(account: Account, name: str) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        buckets.mark(account, f"{name}-gone", "shop")


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms"])
def test_the_key_of_a_bucket_is_known(account: Account, name: str, algorithm: str) -> None:
    rule = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": "alias/mine"} if algorithm == "aws:kms" else {})
    account.clients["s3"].put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    found = buckets.find(account, name)
    assert found is not None
    assert found.key == rule.get("KMSMasterKeyID")


def test_announcements_come_and_go_once(account: Account, name: str) -> None:
    topic = account.clients["sns"].create_topic(Name=f"{name}-topic")["TopicArn"]
    announcer = Announcer("shop", topic, "ingest/")
    assert not buckets.hush(account, name, announcer)
    assert buckets.announce(account, name, announcer)
    assert not buckets.announce(account, name, announcer)
    found = buckets.find(account, name)
    assert found is not None
    assert [entry["TopicArn"] for entry in found.notifications["TopicConfigurations"]] == [topic, topic]
    assert buckets.hush(account, name, announcer)
    assert not buckets.hush(account, name, announcer)
    account.clients["sns"].delete_topic(TopicArn=topic)


def test_only_a_bucket_that_is_gone_has_nothing_to_hush(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    announcer = Announcer("shop", "arn:aws:sns:us-east-1:0:topic", "ingest/")
    assert not buckets.hush(account, "gone-for-ever", announcer)

    def refused(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "GetBucketNotification")

    monkeypatch.setattr(account.clients["s3"], "get_bucket_notification_configuration", refused)
    with pytest.raises(ClientError, match="AccessDenied"):
        buckets.hush(account, "gone-for-ever", announcer)


def test_all_that_is_in_a_bucket_is_counted_emptied_and_then_it_goes(account: Account, name: str) -> None:
    s3 = account.clients["s3"]
    assert buckets.content(account, name) == Content()
    assert buckets.content(account, name).empty
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"22", b"333"):
        s3.put_object(Bucket=name, Key="a", Body=body)
    s3.put_object(Bucket=name, Key="b", Body=b"4444")
    assert buckets.content(account, name) == Content(objects=2, versions=2, bytes=10)
    s3.delete_object(Bucket=name, Key="b")
    held = buckets.content(account, name)
    assert (held.objects, held.versions, held.bytes) == (1, 4, 10)
    assert not held.empty
    assert not Content(versions=1).empty
    assert not buckets.delete(account, name)
    buckets.empty(account, name)
    assert buckets.content(account, name) == Content()
    assert buckets.delete(account, name)
    assert buckets.delete(account, name)
    s3.create_bucket(Bucket=name)


def test_what_s3_keeps_is_told() -> None:
    buckets._all_deleted("pictures", [])
    with pytest.raises(Failure, match=r"s3://pictures/a could not be deleted: It is locked\. Others neither\."):
        buckets._all_deleted("pictures", [{"Key": "a", "Message": "It is locked."}, {"Key": "b", "Message": "x"}])
