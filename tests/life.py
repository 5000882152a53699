"""The life of a stack, from its first deployment to its end, as whoever types `./deploy.sh` sees it.

The same chapters are gone through on the strict account (integration/strict/test_life.py) and, by `tests/run.sh aws`,
on a real one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


class Place(Protocol):
    """Where a stack lives, and who types."""

    stack: str

    @property
    def account(self) -> str:
        """Twelve digits."""

    @property
    def region(self) -> str:
        """As AWS names it."""

    def deploy(self, *words: str, status: int = 0) -> str:
        """What `./deploy.sh` says, whose exit status has to be `status`."""

    def client(self, service: str) -> Any:
        """A client that looks from outside, and is never refused anything."""

    def change(self, variant: str) -> None:
        """See to it that a variant's image would be another one from now on."""


Chapter = Callable[[Place], None]


def whole(place: Place, tell: Callable[[str], None] = lambda _: None, also: Sequence[Chapter] = ()) -> None:
    """All chapters, each told of by its name before it begins; with `also` in them, once the stack is up."""
    for chapter in (
        it_comes_up,
        *also,
        nothing_changes_the_second_time,
        one_function_is_pushed,
        it_takes_a_setting_and_keeps_it,
        it_goes_and_leaves_its_pictures,
        it_comes_up_around_them_again,
        it_goes_for_good,
        it_lives_on_a_bucket_of_the_users,
    ):
        tell(chapter.__name__.replace("_", " "))
        chapter(place)


def uploads(place: Place) -> str:
    """The name of the bucket that the stack makes for uploads."""
    return f"{place.stack}-uploads-{place.account}-{place.region}"


def results(place: Place) -> str:
    """The name of the bucket that the stack makes for results."""
    return f"{place.stack}-results-{place.account}-{place.region}"


def parameters(place: Place) -> dict[str, str]:
    """What the stack was told."""
    (stack,) = place.client("cloudformation").describe_stacks(StackName=place.stack)["Stacks"]
    return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}


def images(place: Place) -> dict[str, str]:
    """The digest that each variant runs."""
    return dict(pair.split("=") for pair in parameters(place)["Digests"].rstrip(";").split(";"))


def announcements(place: Place, bucket: str) -> dict[str, Any]:
    """What a bucket announces, by kind of destination."""
    found = place.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    return {kind: entries for kind, entries in found.items() if kind != "ResponseMetadata"}


def exists(place: Place, bucket: str) -> bool:
    """Whether a bucket is there."""
    return bucket in {entry["Name"] for entry in place.client("s3").list_buckets()["Buckets"]}


def up(place: Place, *words: str, status: int = 0) -> str:
    """`./deploy.sh up` of this stack."""
    return place.deploy("up", "--stack", place.stack, *words, status=status)


def it_comes_up(place: Place) -> None:
    told = up(place)
    assert f"{place.stack} is up." in told
    assert len(announcements(place, uploads(place))["TopicConfigurations"]) == 2


def nothing_changes_the_second_time(place: Place) -> None:
    before = parameters(place)
    assert f"Nothing changed: {place.stack} is up to date." in up(place)
    assert parameters(place) == before


def one_function_is_pushed(place: Place) -> None:
    """And runs another image from then on: with the previous template it would be told so, and run the old one."""
    before = images(place)
    place.change("thumbnail")
    assert "Updated: thumbnail." in place.deploy("push", "--stack", place.stack, "thumbnail")
    after = images(place)
    assert [variant for variant in before if after[variant] != before[variant]] == ["thumbnail"]
    function = place.client("lambda").get_function(FunctionName=f"{place.stack}-thumbnail")
    assert function["Code"]["ImageUri"].endswith(after["thumbnail"])
    assert "Nothing changed" in place.deploy("push", "--stack", place.stack, "thumbnail")


def it_takes_a_setting_and_keeps_it(place: Place) -> None:
    pushed = images(place)["thumbnail"]
    up(place, "Memory=3008")
    assert "Nothing changed" in up(place)
    configuration = place.client("lambda").get_function_configuration(FunctionName=f"{place.stack}-web")
    assert configuration["MemorySize"] == 3008
    assert images(place)["thumbnail"] == pushed
    refused = up(place, "Memory=50", status=1)
    assert "Memory=50 is not possible" in refused
    assert parameters(place)["Memory"] == "3008"


def it_goes_and_leaves_its_pictures(place: Place) -> None:
    s3 = place.client("s3")
    s3.put_object(Bucket=uploads(place), Key="ingest/kept.jpg", Body=b"a picture")
    s3.put_object(Bucket=results(place), Key="web/kept.jpg", Body=b"a result")
    told = place.deploy("destroy", "--stack", place.stack, "--yes")
    assert f"s3://{uploads(place)}" in told
    assert f"{place.stack} is gone." in told
    assert s3.head_object(Bucket=uploads(place), Key="ingest/kept.jpg")["ContentLength"] == 9
    assert s3.head_object(Bucket=results(place), Key="web/kept.jpg")["ContentLength"] == 8
    # What announces to a topic that is gone would be in the way of the next one.
    assert announcements(place, uploads(place)) == {}
    nothing_is_left(place, buckets=2)


def it_comes_up_around_them_again(place: Place) -> None:
    """Onto buckets that exist, and with whatever an earlier stack has left of itself in them."""
    assert f"{place.stack} is up." in up(place)
    assert len(announcements(place, uploads(place))["TopicConfigurations"]) == 2
    assert "Nothing changed" in up(place)
    assert place.client("s3").head_object(Bucket=uploads(place), Key="ingest/kept.jpg")["ContentLength"] == 9


def it_goes_for_good(place: Place) -> None:
    place.deploy("destroy", "--stack", place.stack, "--yes", "--delete-pictures")
    nothing_is_left(place, buckets=0)
    assert f"{place.stack} is gone." in place.deploy("destroy", "--stack", place.stack, "--yes")


def it_lives_on_a_bucket_of_the_users(place: Place) -> None:
    """With an announcement of its own and objects encrypted with a customer's key; both are as before in the end."""
    s3, bucket = place.client("s3"), f"{place.stack}-holidays-{place.account}"
    key = place.client("kms").create_key(Description="image-machine test")["KeyMetadata"]["Arn"]
    queue = _queue(place, bucket)
    where = {} if place.region == "us-east-1" else {"LocationConstraint": place.region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
    try:
        _encrypt(place, bucket, key)
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "QueueConfigurations": [{"Id": "mine", "QueueArn": queue, "Events": ["s3:ObjectTagging:*"]}]
            },
        )
        before = announcements(place, bucket)
        up(place, f"SourceBucketName={bucket}", f"OutputBucketName={bucket}")
        assert parameters(place)["KmsKeyArn"] == key
        found = announcements(place, bucket)
        assert found["QueueConfigurations"] == before["QueueConfigurations"]
        assert len(found["TopicConfigurations"]) == 2
        assert "Nothing changed" in up(place)
        place.deploy("destroy", "--stack", place.stack, "--yes", "--delete-pictures")
        assert announcements(place, bucket) == before
        assert exists(place, bucket)
    finally:
        s3.delete_bucket(Bucket=bucket)
        place.client("sqs").delete_queue(QueueUrl=_url(place, bucket))
        place.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def _encrypt(place: Place, bucket: str, key: str) -> None:
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}
    place.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _queue(place: Place, name: str) -> str:
    """A queue of the user's that his bucket may announce to; its ARN."""
    arn = f"arn:aws:sqs:{place.region}:{place.account}:{name}"
    statement: Mapping[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{name}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    place.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})
    return arn


def _url(place: Place, name: str) -> str:
    return str(place.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def nothing_is_left(place: Place, *, buckets: int) -> None:
    """Of the machine, but for so many buckets of its own that it was to leave."""
    own = [
        entry["Name"]
        for entry in place.client("s3").list_buckets()["Buckets"]
        if entry["Name"].startswith((f"{place.stack}-uploads-", f"{place.stack}-results-"))
    ]
    assert len(own) == buckets
    prefix = f"{place.stack}-"
    queues = place.client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])
    assert [url for url in queues if "-holidays-" not in url] == []
    functions = [
        entry["FunctionName"]
        for page in place.client("lambda").get_paginator("list_functions").paginate()
        for entry in page["Functions"]
    ]
    assert [name for name in functions if name.startswith(prefix)] == []
    roles = [
        entry["RoleName"]
        for page in place.client("iam").get_paginator("list_roles").paginate()
        for entry in page["Roles"]
    ]
    assert [name for name in roles if name.startswith(prefix)] == []
    repositories = place.client("ecr").describe_repositories()["repositories"]
    assert [entry["repositoryName"] for entry in repositories if entry["repositoryName"] == place.stack] == []
    groups = place.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{prefix}")["logGroups"]
    assert groups == []
    alarms = place.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    assert alarms == []
