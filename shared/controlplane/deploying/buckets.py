"""Buckets: which there are, whose they are, what is in them, and the end of those that the machine made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from controlplane.account import Account, code
from controlplane.deploying.notifications import Announcer, Configuration, merged, without
from controlplane.errors import Failure

TAG = "image-machine"
"""Of everything that the machine makes; its value is the stack's name."""

AT_A_TIME = 1000
"""Objects that S3 lists, and deletes, in one call."""


@dataclass(frozen=True)
class Bucket:
    """A bucket that exists and is the account's own."""

    name: str
    region: str
    made_for: str | None
    """The stack that it was made for, by its tag; None where the machine did not make it."""
    key: str | None
    """The KMS key that new objects are encrypted with: ARN, id or alias; None where it is S3's own."""
    notifications: Configuration = field(compare=False)


def find(account: Account, name: str) -> Bucket | None:
    """The bucket of that name; None where there is none. Raises Failure where it is not this account's."""
    s3 = account.clients["s3"]
    try:
        head = s3.head_bucket(Bucket=name, ExpectedBucketOwner=account.number)
    except ClientError as error:
        match code(error):
            case "404" | "NoSuchBucket":
                return None
            case "403" | "AccessDenied":
                raise Failure(
                    f"The bucket's name {name} is another account's, or you may not use the bucket: choose another."
                ) from error
            case "301" | "PermanentRedirect":
                head = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            case _:
                raise
    region = head.get("BucketRegion") or head.get("x-amz-bucket-region") or _location(account, name)
    if region != account.region:
        # S3 would be asked in vain for more: this account's clients are for its own region.
        return Bucket(name, region, None, None, {})
    return Bucket(name, region, _made_for(account, name), _key(account, name), _notifications(account, name))


def _location(account: Account, name: str) -> str:
    return account.clients["s3"].get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"


def _made_for(account: Account, name: str) -> str | None:
    return next((tag["Value"] for tag in _tags(account, name) if tag["Key"] == TAG), None)


def _tags(account: Account, name: str) -> list[dict[str, str]]:
    try:
        tags: list[dict[str, str]] = account.clients["s3"].get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if code(error) == "NoSuchTagSet":
            return []
        raise
    return tags


def mark(account: Account, name: str, stack: str) -> None:
    """See to it that a bucket which the machine made says so, and keeps whatever else it says.

    AWS hands the stack's tags on to it; not every emulator does.
    """
    if _made_for(account, name) == stack:
        return
    s3 = account.clients["s3"]
    tags = [tag for tag in _tags(account, name) if tag["Key"] != TAG]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [*tags, {"Key": TAG, "Value": stack}]})


def _key(account: Account, name: str) -> str | None:
    try:
        encryption = account.clients["s3"].get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    except ClientError as error:
        if code(error) == "ServerSideEncryptionConfigurationNotFoundError":
            return None
        raise
    rules = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in encryption["Rules"]]
    return next((rule.get("KMSMasterKeyID") for rule in rules if rule.get("KMSMasterKeyID")), None)


def key_arn(account: Account, key: str) -> str | None:
    """The ARN of a customer-managed key that is given by ARN, id or alias; None for AWS's own, which asks nobody."""
    metadata = account.clients["kms"].describe_key(KeyId=key)["KeyMetadata"]
    return metadata["Arn"] if metadata.get("KeyManager") != "AWS" else None


def _notifications(account: Account, name: str) -> Configuration:
    configuration: Configuration = account.clients["s3"].get_bucket_notification_configuration(Bucket=name)
    configuration.pop("ResponseMetadata", None)
    return configuration


def announce(account: Account, name: str, announcer: Announcer) -> bool:
    """Add the machine's announcements to a bucket of its own hand; whether there was something to change."""
    return _replace(account, name, merged(_notifications(account, name), announcer))


def hush(account: Account, name: str, announcer: Announcer) -> bool:
    """Take the machine's announcements from a bucket; whether there was something to change.

    A bucket that is gone has none.
    """
    try:
        return _replace(account, name, without(_notifications(account, name), announcer))
    except ClientError as error:
        if code(error) == "NoSuchBucket":
            return False
        raise


def _replace(account: Account, name: str, after: Configuration) -> bool:
    """S3 knows only how to replace all of a bucket's notifications."""
    if after == _notifications(account, name):
        return False
    account.clients["s3"].put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=after)
    return True


def made_for(account: Account, stack: str) -> list[str]:
    """The names of all buckets in this region that were made for `stack`, those that earlier settings left included."""
    pages = (
        account.clients["resourcegroupstaggingapi"]
        .get_paginator("get_resources")
        .paginate(TagFilters=[{"Key": TAG, "Values": [stack]}], ResourceTypeFilters=["s3"])
    )
    return sorted(entry["ResourceARN"].rpartition(":")[2] for page in pages for entry in page["ResourceTagMappingList"])


@dataclass(frozen=True)
class Content:
    """What is in a bucket."""

    objects: int = 0
    versions: int = 0
    """Older ones, and the marks of deletions."""
    bytes: int = 0

    @property
    def empty(self) -> bool:
        """Whether S3 would delete the bucket."""
        return not self.objects and not self.versions


def content(account: Account, name: str) -> Content:
    """Counts all of it; S3 lists a thousand in a call."""
    objects = versions = size = 0
    for page in _pages(account, name):
        for entry in page.get("Versions", ()):
            latest = entry["IsLatest"]
            objects, versions = objects + latest, versions + (not latest)
            size += entry["Size"]
        versions += len(page.get("DeleteMarkers", ()))
    return Content(objects, versions, size)


def empty(account: Account, name: str) -> None:
    """Delete everything in a bucket, old versions included. Raises Failure for what S3 keeps."""
    for page in _pages(account, name):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
        if objects:
            answer = account.clients["s3"].delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
            _all_deleted(name, answer.get("Errors", ()))


def _all_deleted(name: str, errors: Sequence[dict[str, Any]]) -> None:
    if errors:
        first = errors[0]
        raise Failure(
            f"s3://{name}/{first['Key']} could not be deleted: {first['Message'].rstrip('.')}. Others neither."
        )


def _pages(account: Account, name: str) -> Iterator[dict[str, Any]]:
    yield from account.clients["s3"].get_paginator("list_object_versions").paginate(Bucket=name)


def delete(account: Account, name: str) -> bool:
    """Delete an empty bucket; whether it is gone. It is not where something is in it."""
    try:
        account.clients["s3"].delete_bucket(Bucket=name)
    except ClientError as error:
        if code(error) == "BucketNotEmpty":
            return False
        if code(error) != "NoSuchBucket":
            raise
    return True
