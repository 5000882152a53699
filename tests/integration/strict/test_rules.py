"""Each rule of the strict account bites: what AWS refuses is refused here, with AWS's own code."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from controlplane.local import aws
from controlplane.local.children import Family
from controlplane.local.emulator import emulator
from integration.strict import rules
from integration.strict.account import NUMBER, StrictAccount

ONE_TRY = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


class User:
    """Somebody with an account: whoever owns it, or a role in it. Clients never try again by themselves."""

    def __init__(self, strict: StrictAccount, **keys: str) -> None:
        self.strict = strict
        self._keys = keys or {
            "aws_access_key_id": aws.CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": aws.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }

    def __getattr__(self, service: str) -> Any:
        name = "lambda" if service == "functions" else service
        client = boto3.client(
            name, endpoint_url=self.strict.endpoint, region_name=aws.REGION, config=ONE_TRY, **self._keys
        )
        setattr(self, service, client)
        return client

    def role(self, name: str) -> "User":
        arn = f"arn:aws:iam::{NUMBER}:role/{name}"
        given = self.sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return User(
            self.strict,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def settled(self, stack: str) -> str:
        """A stack's status once nothing is under way."""
        for _ in range(200):
            status: str = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
            if not status.endswith("IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{stack} does not settle")

    def failures(self, stack: str) -> list[tuple[str, str]]:
        """Resource and reason of what failed in a stack's last operation."""
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return [
            (event["LogicalResourceId"], event["ResourceStatusReason"])
            for event in events
            if event["ResourceStatus"].endswith("_FAILED") and event["LogicalResourceId"] != stack
        ]


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    workspace = tmp_path_factory.mktemp("strict")
    with (
        Family(workspace) as family,
        emulator(family, workspace, "127.0.0.1", {"AUTH": "true"}) as upstream,
        StrictAccount(upstream) as strict,
    ):
        yield User(strict)


def name() -> str:
    return f"x{uuid4().hex[:12]}"


def refused(call: Callable[[], Any], code: str, saying: str = "") -> None:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert saying in error["Message"], error


def create(user: User, stack: str, resources: dict[str, Any], **more: Any) -> str:
    """Create a stack; its status in the end."""
    body = json.dumps({"Resources": resources, **more})
    user.cloudformation.create_stack(StackName=stack, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    return user.settled(stack)


def queue(hidden: Any = 30, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": hidden, **properties}}


PROVOCATIONS: dict[str, Callable[[User], None]] = {}


def provokes(provocation: Callable[[User], None]) -> Callable[[User], None]:
    PROVOCATIONS[provocation.__name__] = provocation
    return provocation


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.name)
def test_a_rule_bites(user: User, rule: rules.Rule) -> None:
    before = user.strict.refused[rule.name]
    PROVOCATIONS[rule.name](user)
    by_the_emulator = rule.bites.__name__ == "<lambda>"
    assert by_the_emulator or user.strict.refused[rule.name] > before


def test_every_rule_is_provoked_and_names_its_page() -> None:
    assert sorted(PROVOCATIONS) == sorted(rule.name for rule in rules.RULES)
    assert all(rule.page.startswith("https://docs.aws.amazon.com/") for rule in rules.RULES)


# ---- CloudFormation --------------------------------------------------------------------------------------------------


def _extended(parameter: str) -> dict[str, Any]:
    return {
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {"Hidden": {"Type": "Number", "Default": parameter}},
        "Resources": {"Queue": queue({"Ref": "Hidden"})},
    }


def _parameters(value: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Hidden", "ParameterValue": value}]


@provokes
def previous_template_hides_parameters(user: User) -> None:
    stack, cloudformation = name(), user.cloudformation
    may = {"StackName": stack, "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    cloudformation.create_stack(TemplateBody=json.dumps(_extended("30")), Parameters=_parameters("30"), **may)
    assert user.settled(stack) == "CREATE_COMPLETE"
    again = {"UsePreviousTemplate": True, "Parameters": _parameters("60"), **may}
    refused(lambda: cloudformation.update_stack(**again), "ValidationError", "No updates are to be performed")
    cloudformation.create_change_set(ChangeSetName="c", **again)
    assert _change_set(user, stack, "c")["Status"] == "FAILED"
    # With the template it is seen.
    cloudformation.update_stack(TemplateBody=json.dumps(_extended("30")), Parameters=_parameters("60"), **may)
    assert user.settled(stack) == "UPDATE_COMPLETE"


def _change_set(user: User, stack: str, change_set: str) -> dict[str, Any]:
    for _ in range(200):
        described: dict[str, Any] = user.cloudformation.describe_change_set(StackName=stack, ChangeSetName=change_set)
        if not described["Status"].endswith(("PENDING", "PROGRESS")):
            return described
        time.sleep(0.05)
    raise AssertionError(f"{change_set} does not settle")


@provokes
def transform_needs_auto_expand(user: User) -> None:
    body = json.dumps(_extended("30"))
    refused(
        lambda: user.cloudformation.create_stack(StackName=name(), TemplateBody=body),
        "InsufficientCapabilitiesException",
        "CAPABILITY_AUTO_EXPAND",
    )


@provokes
def no_stack_is_a_validation_error(user: User) -> None:
    gone = name()
    refused(lambda: user.cloudformation.describe_stacks(StackName=gone), "ValidationError", f"{gone} does not exist")


def _too_much(user: User, **template: Any) -> None:
    body = json.dumps({"Resources": {"Queue": queue()}, **template})
    refused(lambda: user.cloudformation.create_stack(StackName=name(), TemplateBody=body), "ValidationError")


@provokes
def template_size(user: User) -> None:
    _too_much(user, Metadata={"Text": "x" * 51_200})


@provokes
def parameter_size(user: User) -> None:
    refused(
        lambda: user.cloudformation.create_stack(
            StackName=name(),
            TemplateBody=json.dumps(_extended("1")),
            Parameters=_parameters("1" * 4097),
            Capabilities=["CAPABILITY_AUTO_EXPAND"],
        ),
        "ValidationError",
    )


@provokes
def parameter_count(user: User) -> None:
    _too_much(user, Parameters={f"P{n}": {"Type": "String", "Default": ""} for n in range(201)})


@provokes
def resource_count(user: User) -> None:
    _too_much(user, Resources={f"T{n}": {"Type": "AWS::SNS::Topic"} for n in range(501)})


@provokes
def stack_that_was_rolled_back(user: User) -> None:
    stack, taken = name(), name()
    user.s3.create_bucket(Bucket=taken)
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": taken}}
    assert create(user, stack, {"Bucket": bucket}) == "ROLLBACK_COMPLETE"
    body = json.dumps({"Resources": {"Queue": queue()}})
    refused(
        lambda: user.cloudformation.update_stack(StackName=stack, TemplateBody=body),
        "ValidationError",
        "ROLLBACK_COMPLETE",
    )


@provokes
def change_set_without_changes(user: User) -> None:
    stack = name()
    resources = {"Queue": queue()}
    create(user, stack, resources)
    user.cloudformation.create_change_set(
        StackName=stack, ChangeSetName="same", TemplateBody=json.dumps({"Resources": resources})
    )
    described = _change_set(user, stack, "same")
    assert described["Status"] == "FAILED"
    assert "didn't contain changes" in described["StatusReason"]


@provokes
def stack_with_a_bucket_that_exists(user: User) -> None:
    taken = name()
    user.s3.create_bucket(Bucket=taken)
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": taken}}
    assert create(user, name(), {"Bucket": bucket}) == "ROLLBACK_COMPLETE"


# ---- S3 --------------------------------------------------------------------------------------------------------------


def _bucket(user: User) -> str:
    bucket = name()
    user.s3.create_bucket(Bucket=bucket)
    return bucket


def _topic(user: User, bucket: str) -> str:
    """A topic that lets a bucket in."""
    topic = str(user.sns.create_topic(Name=name())["TopicArn"])
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    user.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return topic


def _announce(user: User, bucket: str, *announced: tuple[str, str, str, str]) -> None:
    """Set a bucket's rules: topic, event, prefix, suffix of each."""
    configurations = [
        {
            "Id": f"rule-{number}",
            "TopicArn": topic,
            "Events": [event],
            "Filter": {
                "Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]}
            },
        }
        for number, (topic, event, prefix, suffix) in enumerate(announced)
    ]
    user.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"TopicConfigurations": configurations}
    )


CREATED, PUT, REMOVED = "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*"


@provokes
def ambiguous_notifications(user: User) -> None:
    bucket = _bucket(user)
    one, other = _topic(user, bucket), _topic(user, bucket)
    ambiguous = [
        ((one, CREATED, "ingest/", ""), (other, CREATED, "ingest/", "")),
        ((one, CREATED, "", ""), (one, PUT, "ingest/new/", ".jpg")),
        ((one, CREATED, "ingest/", ".jpg"), (one, CREATED, "ingest/", "jpg")),
    ]
    for pair in ambiguous:
        refused(lambda pair=pair: _announce(user, bucket, *pair), "InvalidArgument", "ambiguously defined")  # type: ignore[misc]
    apart = [
        ((one, CREATED, "ingest/", ""), (one, REMOVED, "ingest/", "")),
        ((one, CREATED, "ingest/", ""), (one, CREATED, "other/", "")),
        ((one, CREATED, "ingest/", ".jpg"), (one, CREATED, "ingest/", ".JPG")),
    ]
    for pair in apart:
        _announce(user, bucket, *pair)


@provokes
def notification_without_permission(user: User) -> None:
    bucket = _bucket(user)
    closed = str(user.sns.create_topic(Name=name())["TopicArn"])
    for topic in (closed, closed + "gone", _topic(user, "another-bucket")):
        refused(
            lambda topic=topic: _announce(user, bucket, (topic, CREATED, "ingest/", "")),  # type: ignore[misc]
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        )
    _announce(user, bucket, (_topic(user, bucket), CREATED, "ingest/", ""))


@provokes
def notification_to_another_region(user: User) -> None:
    bucket = _bucket(user)
    elsewhere = boto3.client(
        "sqs", endpoint_url=user.strict.endpoint, region_name="eu-central-1", config=ONE_TRY, **user._keys
    )
    elsewhere.create_queue(QueueName=bucket)
    configuration = {"QueueArn": f"arn:aws:sqs:eu-central-1:{NUMBER}:{bucket}", "Events": [CREATED]}
    refused(
        lambda: user.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [configuration]}
        ),
        "InvalidArgument",
        "Unable to validate",
    )


@provokes
def notification_is_tested(user: User) -> None:
    """S3 sends a test event when a rule is set, and nothing says so but the message itself."""
    bucket = _bucket(user)
    arn = f"arn:aws:sqs:{aws.REGION}:{NUMBER}:{bucket}"
    let_in = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**let_in, "Resource": arn}]})
    url = user.sqs.create_queue(QueueName=bucket, Attributes={"Policy": policy})["QueueUrl"]
    user.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": [CREATED]}]}
    )
    (message,) = user.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Event"] == "s3:TestEvent"


@provokes
def bucket_that_is_yours_already(user: User) -> None:
    bucket = _bucket(user)
    refused(lambda: user.s3.create_bucket(Bucket=bucket), "BucketAlreadyOwnedByYou")


@provokes
def bucket_with_objects(user: User) -> None:
    bucket = _bucket(user)
    user.s3.put_object(Bucket=bucket, Key="picture", Body=b"x")
    refused(lambda: user.s3.delete_bucket(Bucket=bucket), "BucketNotEmpty")


@provokes
def bucket_with_versions(user: User) -> None:
    bucket = _bucket(user)
    user.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    user.s3.put_object(Bucket=bucket, Key="picture", Body=b"x")
    user.s3.delete_object(Bucket=bucket, Key="picture")
    assert "Contents" not in user.s3.list_objects_v2(Bucket=bucket)
    refused(lambda: user.s3.delete_bucket(Bucket=bucket), "BucketNotEmpty")


@provokes
def customers_key(user: User) -> None:
    bucket, role = _bucket(user), name()
    key = user.kms.create_key()["KeyMetadata"]["Arn"]
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    user.s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]},
    )
    user.s3.put_object(Bucket=bucket, Key="picture", Body=b"x")
    _role(user, role, {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"})
    s3 = user.role(role).s3
    refused(lambda: s3.get_object(Bucket=bucket, Key="picture"), "AccessDenied", "kms:Decrypt")
    refused(lambda: s3.put_object(Bucket=bucket, Key="other", Body=b""), "AccessDenied", "kms:GenerateDataKey")
    _grant(user, role, {"Action": ["kms:Decrypt"], "Resource": key})
    assert s3.get_object(Bucket=bucket, Key="picture")["Body"].read() == b"x"
    refused(lambda: s3.put_object(Bucket=bucket, Key="other", Body=b""), "AccessDenied", "kms:GenerateDataKey")


def _role(user: User, role: str, *statements: dict[str, Any]) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = str(user.iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"])
    for statement in statements:
        _grant(user, role, statement)
    return arn


def _grant(user: User, role: str, statement: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
    user.iam.put_role_policy(RoleName=role, PolicyName=name(), PolicyDocument=document)


# ---- Lambda ----------------------------------------------------------------------------------------------------------

IMAGE = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
INDEX = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}


def _repository(user: User, *, lets_lambda_in: bool = True) -> str:
    repository = name()
    user.ecr.create_repository(repositoryName=repository)
    if lets_lambda_in:
        pull = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [pull]})
        user.ecr.set_repository_policy(repositoryName=repository, policyText=policy)
    return repository


def _pushed(user: User, repository: str, manifest: dict[str, Any] = IMAGE, tag: str = "one") -> str:
    """The address of an image that is in a repository."""
    config = {"config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": f"sha256:{'0' * 64}"}}
    image = user.ecr.put_image(
        repositoryName=repository,
        imageManifest=json.dumps({**config, **manifest}),
        imageManifestMediaType=manifest["mediaType"],
        imageTag=tag,
    )["image"]
    return f"{NUMBER}.dkr.ecr.{aws.REGION}.amazonaws.com/{repository}@{image['imageId']['imageDigest']}"


def _deploy(user: User, image: str, **properties: Any) -> list[tuple[str, str]]:
    """Make a stack of a function; what failed in it."""
    stack = name()
    arn = _role(user, stack)
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": stack,
            "Role": arn,
            "PackageType": "Image",
            "Code": {"ImageUri": image},
            **properties,
        },
    }
    status = create(user, stack, {"Function": function})
    failures = user.failures(stack)
    assert status == ("ROLLBACK_COMPLETE" if failures else "CREATE_COMPLETE")
    return failures


def _function(user: User, image: str, **properties: Any) -> dict[str, Any]:
    """Make a function without a stack."""
    function = name()
    made: dict[str, Any] = user.functions.create_function(
        FunctionName=function,
        Role=_role(user, function),
        PackageType="Image",
        Code={"ImageUri": image},
        **properties,
    )
    return made


@provokes
def repository_that_lambda_may_not_pull_from(user: User) -> None:
    closed = _pushed(user, _repository(user, lets_lambda_in=False))
    ((resource, reason),) = _deploy(user, closed)
    assert resource == "Function"
    assert "Lambda does not have permission to access the ECR image." in reason
    refused(lambda: _function(user, closed), "AccessDeniedException", "ECR image")
    assert _deploy(user, _pushed(user, _repository(user))) == []


@provokes
def image_that_is_not_there(user: User) -> None:
    image = _pushed(user, _repository(user))[:-64] + "f" * 64
    ((_, reason),) = _deploy(user, image)
    assert f"Source image {image} does not exist." in reason
    refused(lambda: _function(user, image), "InvalidParameterValueException", "does not exist")


@provokes
def image_index(user: User) -> None:
    index = _pushed(user, _repository(user), INDEX)
    ((_, reason),) = _deploy(user, index)
    assert "media type for the source image" in reason
    refused(lambda: _function(user, index), "InvalidParameterValueException", "media type")


@provokes
def environment_size(user: User) -> None:
    image = _pushed(user, _repository(user))
    large = {"Variables": {"TEXT": "x" * 4096}}
    ((_, reason),) = _deploy(user, image, Environment=large)
    assert "4KB" in reason
    refused(lambda: _function(user, image, Environment=large), "InvalidParameterValueException", "4KB")


@provokes
def visibility_below_the_functions_timeout(user: User) -> None:
    made = _function(user, _pushed(user, _repository(user)), Timeout=60)
    hidden = made["FunctionName"]
    user.sqs.create_queue(QueueName=hidden, Attributes={"VisibilityTimeout": "59"})
    refused(
        lambda: user.functions.create_event_source_mapping(
            FunctionName=hidden, EventSourceArn=f"arn:aws:sqs:{aws.REGION}:{NUMBER}:{hidden}"
        ),
        "InvalidParameterValueException",
        "Queue visibility timeout: 59 seconds is less than Function timeout: 60 seconds",
    )
    stack = name()
    resources = {
        "Queue": queue(59, QueueName=stack),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": stack,
                "Role": made["Role"],
                "PackageType": "Image",
                "Code": {"ImageUri": _pushed(user, _repository(user))},
                "Timeout": 60,
            },
        },
        "Source": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": "Function"}, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
        },
    }
    assert create(user, stack, resources) == "ROLLBACK_COMPLETE"
    assert [resource for resource, _ in user.failures(stack)] == ["Source"]


@provokes
def concurrency_that_others_need(user: User) -> None:
    image = _pushed(user, _repository(user))
    function = _function(user, image)["FunctionName"]

    def reserve(count: int) -> None:
        user.functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=count)

    refused(lambda: reserve(901), "InvalidParameterValueException", "below its minimum value of [100]")
    reserve(900)
    ((_, reason),) = _deploy(user, image, ReservedConcurrentExecutions=901)
    assert "below its minimum value" in reason
    user.strict.concurrency = 10
    try:
        refused(lambda: reserve(1), "InvalidParameterValueException", "below its minimum value of [10]")
        limit = user.functions.get_account_settings()["AccountLimit"]
        assert limit["ConcurrentExecutions"] == 10
    finally:
        user.strict.concurrency = 1000


# ---- SQS, ECR, CloudFront --------------------------------------------------------------------------------------------


@provokes
def redrive_of_what_was_sent_there(user: User) -> None:
    dead = name()
    url = user.sqs.create_queue(QueueName=dead)["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.REGION}:{NUMBER}:{dead}"
    user.sqs.send_message(QueueUrl=url, MessageBody="set aside")
    assert user.sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    (task,) = user.sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")


@provokes
def repository_with_images(user: User) -> None:
    repository = _repository(user)
    _pushed(user, repository)
    refused(lambda: user.ecr.delete_repository(repositoryName=repository), "RepositoryNotEmptyException")


@provokes
def tag_that_is_immutable(user: User) -> None:
    repository = name()
    user.ecr.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    _pushed(user, repository)
    other = {**IMAGE, "layers": [{"digest": f"sha256:{'1' * 64}"}]}
    refused(lambda: _pushed(user, repository, other), "ImageTagAlreadyExistsException")


@provokes
def function_at_the_edge_size(user: User) -> None:
    stack = name()
    code = "function handler(event) { return event.request; }" + "//" + "x" * 10_240
    function = {
        "Type": "AWS::CloudFront::Function",
        "Properties": {
            "Name": stack,
            "AutoPublish": True,
            "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"},
            "FunctionCode": code,
        },
    }
    assert create(user, stack, {"Edge": function}) == "ROLLBACK_COMPLETE"
    assert [resource for resource, _ in user.failures(stack)] == ["Edge"]


def _distribution(**more: Any) -> dict[str, Any]:
    return {
        "Enabled": True,
        "Comment": "",
        "Origins": [{"Id": "o", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {}}],
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
        **more,
    }


@provokes
def certificate_of_another_region(user: User) -> None:
    stack = name()
    arn = f"arn:aws:acm:eu-central-1:{NUMBER}:certificate/0a1b"
    config = _distribution(ViewerCertificate={"AcmCertificateArn": arn, "SslSupportMethod": "sni-only"})
    distribution = {"Type": "AWS::CloudFront::Distribution", "Properties": {"DistributionConfig": config}}
    assert create(user, stack, {"Distribution": distribution}) == "ROLLBACK_COMPLETE"
    assert "us-east-1" in user.failures(stack)[0][1]


@provokes
def distribution_that_is_enabled(user: User) -> None:
    stack = name()
    distribution = {"Type": "AWS::CloudFront::Distribution", "Properties": {"DistributionConfig": _distribution()}}
    assert create(user, stack, {"Distribution": distribution}) == "CREATE_COMPLETE"
    (summary,) = user.cloudfront.list_distributions()["DistributionList"]["Items"]
    etag = user.cloudfront.get_distribution(Id=summary["Id"])["ETag"]
    refused(lambda: user.cloudfront.delete_distribution(Id=summary["Id"], IfMatch=etag), "DistributionNotDisabled")


# ---- Throttling ------------------------------------------------------------------------------------------------------

LOOKS: dict[str, Callable[[User], Any]] = {
    "cloudformation": lambda user: user.cloudformation.describe_stacks(StackName="none"),
    "iam": lambda user: user.iam.list_roles(),
    "sts": lambda user: user.sts.get_caller_identity(),
    "sns": lambda user: user.sns.list_topics(),
    "sqs": lambda user: user.sqs.list_queues(),
    "lambda": lambda user: user.functions.list_functions(),
    "s3": lambda user: user.s3.list_buckets(),
    "ecr": lambda user: user.ecr.describe_repositories(),
    "logs": lambda user: user.logs.describe_log_groups(),
    "cloudwatch": lambda user: user.cloudwatch.describe_alarms(),
}


@pytest.mark.parametrize("service", sorted(LOOKS))
def test_any_call_may_be_throttled_whatever_there_is(user: User, service: str) -> None:
    user.strict.throttle = 1
    try:
        refused(lambda: LOOKS[service](user), rules.THROTTLED.get(service, rules.THROTTLED["*"])[1])
    finally:
        user.strict.throttle = 0


def test_one_call_in_so_many_is_throttled_and_pictures_are_not(user: User) -> None:
    bucket = _bucket(user)
    user.strict.throttle = 10
    try:
        said = []
        for _ in range(300):
            try:
                user.s3.list_objects_v2(Bucket=bucket)
                said.append("")
            except ClientError as error:
                said.append(error.response["Error"]["Code"])
        assert set(said) == {"", "SlowDown"}
        assert 10 < said.count("SlowDown") < 60
        for _ in range(60):
            user.s3.put_object(Bucket=bucket, Key="picture", Body=b"x")
    finally:
        user.strict.throttle = 0


def test_what_no_rule_is_against_passes_through(user: User, tmp_path: Path) -> None:
    """Bodies whose length is not told, too: that is how Docker pushes."""
    bucket = _bucket(user)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a", "b" * 100_000)
    user.s3.put_object(Bucket=bucket, Key="ä b", Body=data.getvalue())
    assert user.s3.get_object(Bucket=bucket, Key="ä b")["Body"].read() == data.getvalue()
    assert user.s3.head_object(Bucket=bucket, Key="ä b")["ContentLength"] == len(data.getvalue())
    user.s3.upload_file(__file__, bucket, "parts")
    assert user.strict.calls["s3:PutObject"] >= 2
