"""`./deploy.sh up`, `push`, `check` and `destroy` on an emulated account. No image is built: ECR has them already."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.deploying import template, variants
from controlplane.local import aws
from integration.deployments import RESULTS, STACK, UPLOADS, Deployer, deployer

NAMED = ("--stack", STACK)
TOPIC = f"arn:aws:sns:{aws.REGION}:000000000000:{STACK}-uploads"


@pytest.fixture
def deploy(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployer]:
    with deployer(tmp_path, capsys, monkeypatch) as found:
        found.images_are_there()
        yield found


@pytest.fixture
def pictures(deploy: Deployer) -> Deployer:
    """The stack is up."""
    deploy("up", *NAMED)
    deploy.functions.asked.clear()
    return deploy


def test_up_twice_changes_nothing_the_second_time(deploy: Deployer) -> None:
    told = deploy("check", *NAMED)
    assert f"`./deploy.sh up` would make {STACK} with {', '.join(variants.folders())}." in told
    assert deploy.buckets() == []
    told = deploy("up", *NAMED)
    assert f"{STACK} is up." in told
    assert f"s3://{UPLOADS}/ingest/" in told
    assert sorted(deploy.functions.asked) == [f"{STACK}-{name}" for name in variants.folders()]
    first = deploy.state()
    assert f"Nothing changed: {STACK} is up to date." in deploy("up", *NAMED)
    assert "would change nothing." in deploy("check", *NAMED)
    assert json.loads(deploy("check", *NAMED, "--json"))["problems"] == []
    assert "Timeout=30 is not enough for 10 pictures" in deploy("check", *NAMED, "Timeout=30")
    assert deploy.state() == first
    assert f"{STACK} is gone." in deploy("destroy", *NAMED, "--yes")
    assert deploy.buckets() == []
    assert deploy.client("ecr").describe_repositories()["repositories"] == []
    assert deploy.client("sqs").list_queues().get("QueueUrls", []) == []
    assert deploy.client("iam").list_roles()["Roles"] == []
    assert f"{STACK} is gone." in deploy("destroy", *NAMED, "--yes")


def test_a_setting_stays_until_it_is_given_again(pictures: Deployer) -> None:
    told = pictures("check", *NAMED, "Memory=3008")
    assert f"changes Function {STACK}-web (its MemorySize)" in told
    assert pictures.parameters()["Memory"] == "1769"
    told = pictures("up", *NAMED, "Memory=3008")
    assert f"changes Function {STACK}-web (its MemorySize)" in told
    assert len(pictures.functions.asked) == len(variants.folders())
    pictures("up", *NAMED, "Versioning=true")
    assert (pictures.parameters()["Memory"], pictures.parameters()["Versioning"]) == ("3008", "true")
    pictures("up", *NAMED, "Memory=")
    assert pictures.parameters()["Memory"] == "1769"


def test_all_that_is_wrong_is_told_at_once_before_anything_is_made(
    deploy: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILLOW", "another")  # Images that ECR does not have.
    monkeypatch.setenv("PATH", "")
    told = deploy("up", *NAMED, "Memory=50", "Timeout=31", "Variants=web,sepia", status=1)
    for sentence in (
        "Memory=50 is not possible: it is a number from 512 to 10240.",
        "Timeout=31 is not possible",
        "There is no images/sepia",
        "Docker is not installed",
    ):
        assert sentence in told
    assert deploy.client("cloudformation").list_stacks()["StackSummaries"] == []
    found = json.loads(deploy("check", *NAMED, "Memory=50", "--json", status=1))
    assert found["problems"][0].startswith("Memory=50")


def test_one_function_is_pushed_and_no_other_touched(pictures: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pictures.parameters()
    monkeypatch.setenv("PILLOW", "stock")  # Another image for every variant.
    pictures.images_are_there()
    told = pictures("push", *NAMED, "thumbnail")
    assert "Updated: thumbnail." in told
    assert pictures.functions.asked == [f"{STACK}-thumbnail"]
    second = pictures.parameters()
    assert [name for name, value in first.items() if second[name] != value] == ["Digests"]
    changed = set(second["Digests"].split(";")) - set(first["Digests"].split(";"))
    assert [pair.partition("=")[0] for pair in changed] == ["thumbnail"]
    assert "Nothing changed" in pictures("push", *NAMED, "thumbnail")
    assert "Updated: web, mobile." in pictures("push", *NAMED, "web", "mobile")


def test_a_function_cannot_be_pushed_before_there_is_a_stack(deploy: Deployer) -> None:
    assert "`./deploy.sh up` makes it" in deploy("push", *NAMED, status=1)


BROKEN = {"errorType": "Runtime.ImportModuleError", "errorMessage": "Unable to import module 'app'"}


def test_what_does_not_start_is_told_and_put_back(pictures: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pictures.state()
    pictures.functions.answers[f"{STACK}-web"] = BROKEN
    monkeypatch.setenv("PILLOW", "stock")
    pictures.images_are_there()
    told = pictures("push", *NAMED, status=1)
    assert "The function web does not start" in told
    assert "Unable to import module 'app'" in told
    assert "What ran before runs again" in told
    assert pictures.state() == first
    told = pictures("up", *NAMED, "Memory=3008", status=1)
    assert "What ran before runs again" in told
    assert pictures.state() == first
    pictures.functions.answers.clear()
    assert f"{STACK} is up." in pictures("up", *NAMED, "Memory=3008")


def test_a_new_stack_with_a_function_that_does_not_start(deploy: Deployer) -> None:
    deploy.functions.answers[f"{STACK}-web"] = {"not": "ours"}
    told = deploy("up", *NAMED, status=1)
    assert "The function web does not start: it answered" in told
    deploy.functions.answers.clear()
    assert "Nothing changed" in deploy("up", *NAMED)


def test_a_variant_goes_with_its_messages_only_if_that_is_said(pictures: Deployer) -> None:
    sqs = pictures.client("sqs")
    for _ in range(3):
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=f"{STACK}-mobile-dead-letters")["QueueUrl"], MessageBody="x"
        )
    before = pictures.state()
    chosen = "Variants=" + ",".join(name for name in variants.folders() if name != "mobile")
    told = pictures("up", *NAMED, chosen, status=1)
    assert f"removes Function {STACK}-mobile" in told
    assert f"The queue {STACK}-mobile-dead-letters goes, with 3 messages in it." in told
    assert "Nobody is there to be asked" in told
    assert pictures.state() == before
    pictures("up", *NAMED, chosen, "--yes")
    assert not any("mobile" in url for url in sqs.list_queues()["QueueUrls"])
    # The choice is a setting like others.
    assert "Nothing changed" in pictures("up", *NAMED)
    pictures("up", *NAMED, "Variants=")
    assert pictures.parameters()["Variants"] == ",".join(variants.folders())


def test_what_functions_share_follows_from_the_account_unless_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with deployer(tmp_path, capsys, monkeypatch, concurrency=10) as deploy:
        deploy.images_are_there()
        assert "keeps 10 for all other functions" in deploy("up", *NAMED, "ReservedConcurrency=1", status=1)
        deploy("up", *NAMED)
        assert deploy.parameters()["MaximumConcurrency"] == "2"
        deploy("up", *NAMED, "MaximumConcurrency=7")
        assert "Nothing changed" in deploy("up", *NAMED)
        assert deploy.parameters()["MaximumConcurrency"] == "7"
        deploy("up", *NAMED, "MaximumConcurrency=")
        assert deploy.parameters()["MaximumConcurrency"] == "2"


def users_bucket(deploy: Deployer, name: str = "holidays") -> dict[str, Any]:
    """A bucket of the user's that announces something to somebody else; its announcements."""
    s3, sqs = deploy.client("s3"), deploy.client("sqs")
    s3.create_bucket(Bucket=name)
    arn = f"arn:aws:sqs:{aws.REGION}:000000000000:other"
    let_in = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**let_in, "Resource": arn}]}
    sqs.create_queue(QueueName="other", Attributes={"Policy": json.dumps(policy)})
    entry = {"Id": "mine", "QueueArn": arn, "Events": ["s3:ObjectTagging:*"]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": [entry]})
    return deploy.announcements(name)


def test_a_bucket_of_the_users_keeps_what_it_had(deploy: Deployer) -> None:
    before = users_bucket(deploy)
    for _ in range(2):
        deploy("up", *NAMED, "SourceBucketName=holidays", "OutputBucketName=holidays")
        found = deploy.announcements("holidays")
        assert found["QueueConfigurations"] == before["QueueConfigurations"]
        assert {entry["TopicArn"] for entry in found["TopicConfigurations"]} == {TOPIC}
    assert deploy.buckets() == ["holidays"]
    deploy.client("s3").put_object(Bucket="holidays", Key="mine.txt", Body=b"mine")
    told = deploy("destroy", *NAMED, "--yes", "--delete-pictures")
    assert "s3://holidays stays, with all that is in it: the machine did not make it." in told
    assert deploy.announcements("holidays") == before
    assert deploy.client("s3").head_object(Bucket="holidays", Key="mine.txt")["ContentLength"] == 4


def test_an_announcement_that_is_not_seen_to_is_seen_to_by_the_next(deploy: Deployer) -> None:
    before = users_bucket(deploy)
    deploy("up", *NAMED, "SourceBucketName=holidays")
    announced = deploy.announcements("holidays")
    deploy.client("s3").put_bucket_notification_configuration(Bucket="holidays", NotificationConfiguration=before)
    assert f"{STACK} is up." in deploy("up", *NAMED)
    assert deploy.announcements("holidays") == announced


@pytest.mark.parametrize("events", ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"])
def test_an_announcement_that_s3_would_call_ambiguous_is_told_before_anything_is_made(
    deploy: Deployer, events: str
) -> None:
    users_bucket(deploy)
    s3 = deploy.client("s3")
    configuration = deploy.announcements("holidays")
    configuration["QueueConfigurations"][0]["Events"] = [events]
    s3.put_bucket_notification_configuration(Bucket="holidays", NotificationConfiguration=configuration)
    told = deploy("up", *NAMED, "SourceBucketName=holidays", status=1)
    assert f"The bucket holidays announces {events} below the whole bucket to arn:aws:sqs" in told
    assert deploy.client("cloudformation").list_stacks()["StackSummaries"] == []


def test_a_bucket_elsewhere_is_told_before_anything_is_made(deploy: Deployer) -> None:
    where = {"LocationConstraint": "eu-central-1"}
    deploy.client("s3").create_bucket(Bucket="holidays", CreateBucketConfiguration=where)
    told = deploy("up", *NAMED, "SourceBucketName=holidays", status=1)
    assert "The bucket holidays is in eu-central-1" in told
    assert deploy.client("cloudformation").list_stacks()["StackSummaries"] == []


def test_kept_buckets_are_taken_up_again_and_go_when_that_is_said(pictures: Deployer) -> None:
    s3 = pictures.client("s3")
    s3.put_object(Bucket=UPLOADS, Key="ingest/photo.jpg", Body=b"kept")
    for body in (b"one", b"two"):
        s3.put_object(Bucket=RESULTS, Key="web/photo.jpg", Body=body)
    told = pictures("destroy", *NAMED, "--yes")
    assert f"s3://{UPLOADS} is kept, with 1 object (4 B)." in told
    assert pictures.buckets() == [RESULTS, UPLOADS]
    assert pictures.announcements(UPLOADS) == {}

    pictures.images_are_there()
    assert f"The bucket {UPLOADS} was made for this stack before" in pictures("up", *NAMED)
    assert len(pictures.announcements(UPLOADS)["TopicConfigurations"]) == 2
    assert "Nothing changed" in pictures("up", *NAMED)
    told = pictures("destroy", *NAMED, "--yes", "--delete-pictures")
    assert f"s3://{UPLOADS} is gone." in told
    assert pictures.buckets() == []


def test_old_versions_go_with_the_rest(deploy: Deployer) -> None:
    deploy("up", *NAMED, "Versioning=true")
    s3 = deploy.client("s3")
    for body in (b"one", b"two!"):
        s3.put_object(Bucket=UPLOADS, Key="ingest/photo.jpg", Body=body)
    s3.delete_object(Bucket=UPLOADS, Key="ingest/photo.jpg")
    assert "with 0 objects and 3 older versions (7 B)" in deploy("destroy", *NAMED, "--yes")
    told = deploy("destroy", *NAMED, "--yes", "--delete-pictures")
    assert "WITH 0 OBJECTS AND 3 OLDER VERSIONS" in told
    assert deploy.buckets() == []


@pytest.mark.parametrize("there", [True, False])
def test_another_bucket_for_uploads_and_back(pictures: Deployer, there: bool) -> None:
    before = users_bucket(pictures) if there else None
    pictures("up", *NAMED, "SourceBucketName=holidays")
    assert len(pictures.announcements("holidays")["TopicConfigurations"]) == 2
    assert pictures.announcements(UPLOADS) == {}
    assert "Nothing changed" in pictures("up", *NAMED)
    told = pictures("up", *NAMED, "SourceBucketName=")
    assert f"The bucket {UPLOADS} was made for this stack before" in told
    assert len(pictures.announcements(UPLOADS)["TopicConfigurations"]) == 2
    assert pictures.announcements("holidays") == (before or {})
    pictures("destroy", *NAMED, "--yes")
    assert pictures.buckets() == (["holidays"] if there else [])


def a_failed_creation(deploy: Deployer) -> None:
    """What is left of a stack whose first deployment failed: it can be neither used nor updated."""
    deploy.client("s3").create_bucket(Bucket="taken")
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "taken"}}
    cloudformation = deploy.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": {"Bucket": bucket}}))
    while deploy.stack()["StackStatus"].endswith("IN_PROGRESS"):
        time.sleep(0.1)


def test_a_creation_that_broke_off_is_cleared_away(deploy: Deployer) -> None:
    a_failed_creation(deploy)
    told = deploy("up", *NAMED)
    assert "broke off (ROLLBACK_COMPLETE); clearing it away" in told
    assert f"{STACK} is up." in told


def test_a_change_set_that_was_left_is_taken_away(pictures: Deployer) -> None:
    cloudformation = pictures.client("cloudformation")
    for name in ("image-machine-left", "somebodys"):
        cloudformation.create_change_set(
            StackName=STACK,
            ChangeSetName=name,
            TemplateBody=cloudformation.get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": "512" if key == "Memory" else value}
                for key, value in pictures.parameters().items()
            ],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    pictures("up", *NAMED)
    left = cloudformation.list_change_sets(StackName=STACK)["Summaries"]
    assert [entry["ChangeSetName"] for entry in left] == ["somebodys"]


def an_update_that_failed(deploy: Deployer) -> None:
    """By somebody else's hand, and for a reason of its own."""
    deploy.client("s3").create_bucket(Bucket="taken")
    taken = "Resources:\n  Taken:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: taken}\n"
    cloudformation = deploy.client("cloudformation")
    cloudformation.update_stack(
        StackName=STACK,
        TemplateBody=template.FILE.read_text().replace("Resources:\n", taken, 1),
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in deploy.parameters()],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    while deploy.stack()["StackStatus"].endswith("IN_PROGRESS"):
        time.sleep(0.1)
    assert deploy.stack()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_failed_update_is_told_by_its_own_cause(pictures: Deployer) -> None:
    """And not by what failed the first time that anything failed."""
    an_update_that_failed(pictures)
    cloudfront, name = pictures.client("cloudfront"), f"{STACK}-negotiation-{aws.REGION}"
    code = {"Name": name, "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"}, "FunctionCode": b"//"}
    cloudfront.create_function(**code)
    told = pictures("up", *NAMED, "Cdn=true", status=1)
    assert "could not be brought up (UPDATE_ROLLBACK_COMPLETE): Negotiation: " in told
    assert "Taken" not in told
    cloudfront.delete_function(Name=name, IfMatch=cloudfront.describe_function(Name=name, Stage="DEVELOPMENT")["ETag"])
    assert f"{STACK} is up." in pictures("up", *NAMED, "Cdn=true")


@pytest.mark.parametrize("word", ["", "y", "yes", "pictures2", "PICTURES"])
def test_only_the_stacks_own_name_lets_it_go(
    pictures: Deployer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str
) -> None:
    answer = tmp_path / "answer"
    answer.write_text(f"{word}\n")
    with answer.open() as typed:
        monkeypatch.setattr("sys.stdin", typed)
        assert "Nothing was touched." in pictures("destroy", *NAMED, "--delete-pictures", status=1)
    assert pictures.stack()["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("up", "Memori=3008"), "is no setting of the stack"),
        (("up", "Digests=web=0;"), "is no setting of the stack"),
        (("up", "Memory=512", "Memory=1024"), "Memory is given twice"),
        (("up", "--stack", "My_Stack"), "A stack's name is"),
        (("up", "--force"), "No such option '--force'"),
        (("push", "sepia"), 'There is no variant "sepia"'),
        (("destroy", "everything"), "unexpected extra argument (everything)"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(deploy: Deployer, words: tuple[str, ...], sentence: str) -> None:
    told = deploy(*words, status=2)
    assert sentence in told
    assert told.count("\n") == 1
