"""Buckets, on the emulated S3: whose they are, and what is said of them."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from controlplane.account import Account
from controlplane.deploying import buckets
from controlplane.deploying.buckets import TAG


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
