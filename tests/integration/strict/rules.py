"""What AWS refuses and the emulator forgives: a table, each entry with the page that says so.

An entry either looks at a call and says what AWS would answer in its place, or stands here without a look because the
emulator refuses by itself; test_rules.py shows of each that it bites.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from botocore.exceptions import ClientError

from integration.strict.calls import Call
from template import listed, statements

if TYPE_CHECKING:
    from integration.strict.account import StrictAccount


@dataclass(frozen=True)
class Refusal:
    """The answer to the call."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Failure:
    """CloudFormation takes the call; this resource of the stack fails, and all is rolled back."""

    resource: str
    kind: str
    message: str


@dataclass(frozen=True)
class Instead:
    """The call as AWS understands it, which is not what was meant."""

    call: Call


@dataclass(frozen=True)
class Answer:
    """A success, behind which lies a failure."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Bite = Refusal | Failure | Instead | Answer


@dataclass(frozen=True)
class Rule:
    """One thing that AWS refuses."""

    name: str
    page: str
    bites: Callable[[Call, "StrictAccount"], Bite | None]


RULES: list[Rule] = []
"""Asked in this order; the first that bites is the answer."""

_DOCS = "https://docs.aws.amazon.com/"


def _rule(page: str) -> Callable[[Callable[[Call, "StrictAccount"], Bite | None]], None]:
    def add(bites: Callable[[Call, "StrictAccount"], Bite | None]) -> None:
        RULES.append(Rule(bites.__name__.strip("_"), _DOCS + page, bites))

    return add


def _refused_by_the_emulator(name: str, page: str) -> None:
    RULES.append(Rule(name, _DOCS + page, lambda _call, _account: None))


# ---- Throttling ------------------------------------------------------------------------------------------------------

THROTTLED: Mapping[str, tuple[int, str, str]] = {
    "cloudformation": (400, "Throttling", "Rate exceeded"),
    "iam": (400, "Throttling", "Rate exceeded"),
    "sts": (400, "Throttling", "Rate exceeded"),
    "cloudwatch": (400, "Throttling", "Rate exceeded"),
    "sns": (400, "Throttling", "Rate exceeded"),
    "sqs": (400, "RequestThrottled", "Request is throttled."),
    "lambda": (429, "TooManyRequestsException", "Rate exceeded"),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
    "*": (400, "ThrottlingException", "Rate exceeded"),
}
"""How each service says it; it means nothing about what exists. Each service's API reference, common errors."""

_DATA = frozenset({"s3:GetObject", "s3:PutObject", "s3:HeadObject", "s3:DeleteObject", "lambda:Invoke"})
_DATA_SERVICES = frozenset({"dynamodb"})


def is_control(call: Call) -> bool:
    """Whether it is about what there is, not about what is in it."""
    queue = call.service == "sqs" and not call.operation.endswith(("Queue", "Queues", "Attributes", "Url", "Tags"))
    publish = call.name in {"sns:Publish", "sns:PublishBatch"}
    return not (queue or publish or call.name in _DATA or call.service in _DATA_SERVICES)


# ---- CloudFormation --------------------------------------------------------------------------------------------------


@_rule("AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html")
def previous_template_hides_parameters(call: Call, account: "StrictAccount") -> Bite | None:
    """What the transform has resolved stays resolved: new values are not seen where the template is not sent again."""
    if call.name not in {"cloudformation:UpdateStack", "cloudformation:CreateChangeSet"}:
        return None
    if call.parameters.get("UsePreviousTemplate") != "true":
        return None
    text, _ = account.previous(call.parameters["StackName"])
    if "AWS::LanguageExtensions" not in text:
        return None
    form = dict(call.parameters)
    for key in list(form):
        if match := re.fullmatch(r"(Parameters\.member\.[0-9]+)\.ParameterValue", key):
            del form[key]
            form[f"{match[1]}.UsePreviousValue"] = "true"
    return Instead(call.with_form(form)) if form != call.parameters else None


_refused_by_the_emulator(
    "transform_needs_auto_expand", "AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html"
)
_refused_by_the_emulator(
    "no_stack_is_a_validation_error", "AWSCloudFormation/latest/APIReference/API_DescribeStacks.html"
)
_refused_by_the_emulator("template_size", "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html")
_refused_by_the_emulator("parameter_size", "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html")
_refused_by_the_emulator("parameter_count", "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html")
_refused_by_the_emulator("resource_count", "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html")
_refused_by_the_emulator("stack_that_was_rolled_back", "AWSCloudFormation/latest/UserGuide/view-stack-events.html")
_refused_by_the_emulator(
    "change_set_without_changes", "AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html"
)
_refused_by_the_emulator("stack_with_a_bucket_that_exists", "AmazonS3/latest/API/API_CreateBucket.html")


# ---- S3 --------------------------------------------------------------------------------------------------------------


@_rule("AmazonS3/latest/userguide/notification-how-to-filtering.html")
def ambiguous_notifications(call: Call, _account: "StrictAccount") -> Bite | None:
    """Two rules for one event with overlapping prefixes and suffixes, whatever their ids and destinations."""
    if call.name != "s3:PutBucketNotificationConfiguration":
        return None
    for one, other in combinations(notifications(call.body), 2):
        if _same(one.events, other.events) and _overlap(one, other):
            return Refusal(
                400,
                "InvalidArgument",
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes"
                " are overlapping for the same event type.",
            )
    return None


@dataclass(frozen=True)
class Notification:
    """One rule of a bucket."""

    destination: str
    events: tuple[str, ...]
    prefix: str
    suffix: str


def notifications(body: bytes) -> list[Notification]:
    """The rules of a notification configuration in XML."""
    found = []
    root = ET.fromstring(body) if body else ET.Element("none")  # noqa: S314 - of the tests' own clients
    for node in root:
        values: dict[str, list[str]] = {}
        filters = {"prefix": "", "suffix": ""}
        for child in node.iter():
            values.setdefault(child.tag.rpartition("}")[2], []).append(child.text or "")
        filters.update(zip(map(str.lower, values.get("Name", [])), values.get("Value", []), strict=False))
        destination = next((values[kind][0] for kind in ("Topic", "Queue", "CloudFunction") if kind in values), None)
        if destination:
            found.append(Notification(destination, tuple(values["Event"]), filters["prefix"], filters["suffix"]))
    return found


def _same(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether an event is of both: `s3:ObjectCreated:*` is every `s3:ObjectCreated:...`."""
    return any(
        re.fullmatch(a.replace("*", ".*"), b) or re.fullmatch(b.replace("*", ".*"), a) for a in some for b in others
    )


def _overlap(one: Notification, other: Notification) -> bool:
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    return prefixes and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))


@_rule("AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html")
def notification_without_permission(call: Call, account: "StrictAccount") -> Bite | None:
    """S3 tries each topic when the rules are set: it has to exist, in the bucket's region, and let the bucket in."""
    if call.name != "s3:PutBucketNotificationConfiguration":
        return None
    bucket = call.parameters["Bucket"]
    for rule in notifications(call.body):
        if ":sns:" in rule.destination and not _lets_in(account, rule.destination, bucket):
            return Refusal(
                400,
                "InvalidArgument",
                f"Unable to validate the following destination configurations: {rule.destination}",
            )
    return None


def _lets_in(account: "StrictAccount", topic: str, bucket: str) -> bool:
    region = topic.split(":")[3]
    where = (
        account.client("s3")
        .head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        .get("x-amz-bucket-region", region)
    )
    if where != region:
        return False
    try:
        attributes = account.client("sns", region).get_topic_attributes(TopicArn=topic)["Attributes"]
    except ClientError:
        return False
    return any(
        statement["Effect"] == "Allow"
        and "s3.amazonaws.com" in listed(_principals(statement).get("Service", []))
        and {"sns:Publish", "SNS:Publish", "sns:*"} & set(listed(statement["Action"]))
        and all(
            re.fullmatch(wanted.replace("*", ".*"), f"arn:aws:s3:::{bucket}")
            for test in statement.get("Condition", {}).values()
            for key, wanteds in test.items()
            for wanted in listed(wanteds)
            if key.lower() == "aws:sourcearn"
        )
        for statement in statements(json.loads(attributes.get("Policy", "{}")))
    )


def _principals(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal", {})
    return principal if isinstance(principal, dict) else {"AWS": principal}


@_rule("AmazonS3/latest/API/API_CreateBucket.html")
def bucket_that_is_yours_already(call: Call, account: "StrictAccount") -> Bite | None:
    """In every region but us-east-1, which the emulator always is."""
    if call.name != "s3:CreateBucket":
        return None
    if call.parameters["Bucket"] not in {entry["Name"] for entry in account.client("s3").list_buckets()["Buckets"]}:
        return None
    return Refusal(
        409,
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    )


_refused_by_the_emulator("bucket_with_objects", "AmazonS3/latest/API/API_DeleteBucket.html")
_refused_by_the_emulator("bucket_with_versions", "AmazonS3/latest/userguide/delete-bucket.html")
_refused_by_the_emulator("notification_to_another_region", "AmazonS3/latest/userguide/EventNotifications.html")
_refused_by_the_emulator("notification_is_tested", "AmazonS3/latest/userguide/notification-content-structure.html")


@_rule("AmazonS3/latest/userguide/UsingKMSEncryption.html")
def customers_key(call: Call, account: "StrictAccount") -> Bite | None:
    """To read what a customer's key encrypts takes kms:Decrypt of it, to write kms:GenerateDataKey."""
    action = {"GetObject": "kms:Decrypt", "PutObject": "kms:GenerateDataKey"}.get(call.operation)
    role = account.role_of(call)
    if call.service != "s3" or action is None or role is None:
        return None
    try:
        encryption = account.client("s3").get_bucket_encryption(Bucket=call.parameters["Bucket"])
    except ClientError:
        return None
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    key = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
    if key is None or _may(account, role, action, key):
        return None
    return Refusal(
        403,
        "AccessDenied",
        f"User: {role} is not authorized to perform: {action} on resource: {key} because no identity-based policy"
        f" allows the {action} action",
    )


def _may(account: "StrictAccount", role: str, action: str, resource: str) -> bool:
    iam = account.client("iam")
    return any(
        statement["Effect"] == "Allow"
        and action in listed(statement["Action"])
        and resource in listed(statement["Resource"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in statements(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    )


# ---- Lambda ----------------------------------------------------------------------------------------------------------


def _functions(call: Call, account: "StrictAccount") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The functions that a call would make or change, with their logical ids; of a call to Lambda without one."""
    if call.service == "cloudformation":
        planned = account.planned(call)
        yield from planned.of_type("AWS::Lambda::Function").items() if planned else ()
    elif call.name in {"lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"}:
        yield "", call.parameters
    elif call.name == "lambda:UpdateFunctionCode":
        yield "", {"Code": call.parameters}


def _refused(logical: str, status: int, code: str, message: str) -> Bite:
    if not logical:
        return Refusal(status, code, message)
    handled = f'Resource handler returned message: "{message} (Service: Lambda, Status Code: {status})"'
    return Failure(logical, "AWS::Lambda::Function", handled)


def _image(function: Mapping[str, Any]) -> tuple[str, str, dict[str, str]] | None:
    """Address, repository and image id of a function's image."""
    address: str | None = function.get("Code", {}).get("ImageUri")
    if address is None:
        return None
    name, _, digest = address.partition("@")
    repository, _, tag = name.partition("/")[2].partition(":")
    return address, repository, {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}


@_rule("lambda/latest/dg/images-create.html")
def repository_that_lambda_may_not_pull_from(call: Call, account: "StrictAccount") -> Bite | None:
    """Lambda adds the permission only where the deployer may set the repository's policy, which is not to be needed."""
    for logical, function in _functions(call, account):
        image = _image(function)
        if image and not _pulls(account, image[1]):
            return _refused(
                logical,
                403,
                "AccessDeniedException",
                "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
            )
    return None


def _pulls(account: "StrictAccount", repository: str) -> bool:
    try:
        policy = account.client("ecr").get_repository_policy(repositoryName=repository)["policyText"]
    except ClientError:
        return False
    return any(
        statement["Effect"] == "Allow"
        and "lambda.amazonaws.com" in listed(_principals(statement).get("Service", []))
        and {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} <= set(listed(statement["Action"]))
        for statement in statements(json.loads(policy))
    )


@_rule("lambda/latest/api/API_CreateFunction.html")
def image_that_is_not_there(call: Call, account: "StrictAccount") -> Bite | None:
    """A function's image has to be pushed before it is deployed."""
    for logical, function in _functions(call, account):
        image = _image(function)
        if image and not _found(account, *image[1:]):
            message = f"Source image {image[0]} does not exist. Provide a valid source image."
            return _refused(logical, 400, "InvalidParameterValueException", message)
    return None


@_rule("lambda/latest/dg/images-create.html")
def image_index(call: Call, account: "StrictAccount") -> Bite | None:
    """An index of images, as newer Docker makes by default, is no image."""
    for logical, function in _functions(call, account):
        image = _image(function)
        found = _found(account, *image[1:]) if image else None
        if image and found and re.search(r"image\.index|manifest\.list", found):
            return _refused(
                logical,
                400,
                "InvalidParameterValueException",
                f"The image manifest, config or layer media type for the source image {image[0]} is not supported.",
            )
    return None


def _found(account: "StrictAccount", repository: str, image: Mapping[str, str]) -> str | None:
    """The media type of an image's manifest, or None where there is none."""
    try:
        images = account.client("ecr").batch_get_image(repositoryName=repository, imageIds=[image])["images"]
    except ClientError:
        return None
    if not images:
        return None
    return str(images[0].get("imageManifestMediaType") or json.loads(images[0]["imageManifest"]).get("mediaType", ""))


_MOST_ENVIRONMENT = 4096


@_rule("lambda/latest/dg/gettingstarted-limits.html")
def environment_size(call: Call, account: "StrictAccount") -> Bite | None:
    """All of a function's variables together are at most 4 KB."""
    for logical, function in _functions(call, account):
        variables = function.get("Environment", {}).get("Variables", {})
        if len(json.dumps(variables, separators=(",", ":"))) > _MOST_ENVIRONMENT:
            return _refused(
                logical,
                400,
                "InvalidParameterValueException",
                "Lambda was unable to configure your environment variables because the environment variables you have"
                " provided exceeded the 4KB limit.",
            )
    return None


@_rule("lambda/latest/dg/services-sqs-configure.html")
def visibility_below_the_functions_timeout(call: Call, account: "StrictAccount") -> Bite | None:
    """A message would be handed out again while it is being worked on."""
    message = "Queue visibility timeout: {} seconds is less than Function timeout: {} seconds"
    if call.name == "lambda:CreateEventSourceMapping":
        queue = call.parameters["EventSourceArn"].rpartition(":")[2]
        function = account.client("lambda").get_function_configuration(FunctionName=call.parameters["FunctionName"])
        sqs = account.client("sqs")
        hidden = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=["VisibilityTimeout"]
        )["Attributes"]["VisibilityTimeout"]
        if int(hidden) < function["Timeout"]:
            text = message.format(hidden, function["Timeout"])
            return Refusal(400, "InvalidParameterValueException", text)
    planned = account.planned(call) if call.service == "cloudformation" else None
    if planned:
        queues = {properties.get("QueueName"): properties for properties in planned.of_type("AWS::SQS::Queue").values()}
        functions = planned.of_type("AWS::Lambda::Function").values()
        timeouts = {properties.get("FunctionName"): int(properties.get("Timeout", 3)) for properties in functions}
        for logical, source in planned.of_type("AWS::Lambda::EventSourceMapping").items():
            queue = queues.get(source["EventSourceArn"].rpartition(":")[2], {})
            hidden, timeout = int(queue.get("VisibilityTimeout", 30)), timeouts.get(source["FunctionName"], 0)
            if hidden < timeout:
                return Failure(logical, "AWS::Lambda::EventSourceMapping", message.format(hidden, timeout))
    return None


@_rule("lambda/latest/dg/configuration-concurrency.html")
def concurrency_that_others_need(call: Call, account: "StrictAccount") -> Bite | None:
    """What is reserved leaves at least 100 to all other functions; of a new account's quota of 10, all of it."""
    least = 100 if account.concurrency >= 1000 else 10
    message = (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below"
        f" its minimum value of [{least}]."
    )
    if call.name == "lambda:PutFunctionConcurrency":
        if account.concurrency - int(call.parameters["ReservedConcurrentExecutions"]) < least:
            return Refusal(400, "InvalidParameterValueException", message)
        return None
    reserved = [
        (logical, int(function["ReservedConcurrentExecutions"]))
        for logical, function in _functions(call, account)
        if "ReservedConcurrentExecutions" in function
    ]
    if reserved and account.concurrency - sum(count for _, count in reserved) < least:
        return _refused(reserved[-1][0], 400, "InvalidParameterValueException", message)
    return None


# ---- SQS, ECR, CloudFront --------------------------------------------------------------------------------------------


@_rule("AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html")
def redrive_of_what_was_sent_there(call: Call, account: "StrictAccount") -> Bite | None:
    """SQS does not know where a message belongs that SendMessage put into a dead-letter queue: its task fails."""
    if call.name == "sqs:StartMessageMoveTask" and "DestinationArn" not in call.parameters:
        account.failed_tasks[call.parameters["SourceArn"]] = "task-1"
        return Answer(json.dumps({"TaskHandle": "task-1"}).encode(), {"Content-Type": "application/x-amz-json-1.0"})
    if call.name == "sqs:ListMessageMoveTasks" and call.parameters["SourceArn"] in account.failed_tasks:
        task = {
            "Status": "FAILED",
            "SourceArn": call.parameters["SourceArn"],
            "ApproximateNumberOfMessagesMoved": 0,
            "FailureReason": "CouldNotDetermineMessageSource",
            "StartedTimestamp": 0,
        }
        return Answer(json.dumps({"Results": [task]}).encode(), {"Content-Type": "application/x-amz-json-1.0"})
    return None


_refused_by_the_emulator("repository_with_images", "AmazonECR/latest/APIReference/API_DeleteRepository.html")
_refused_by_the_emulator("tag_that_is_immutable", "AmazonECR/latest/userguide/image-tag-mutability.html")


@_rule("AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html")
def function_at_the_edge_size(call: Call, account: "StrictAccount") -> Bite | None:
    """A CloudFront function has at most 10 KB."""
    planned = account.planned(call) if call.service == "cloudformation" else None
    for logical, function in planned.of_type("AWS::CloudFront::Function").items() if planned else ():
        if len(function["FunctionCode"].encode()) > 10_240:
            return Failure(
                logical, "AWS::CloudFront::Function", "The function exceeds the maximum size of 10240 bytes."
            )
    return None


@_rule("AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html")
def certificate_of_another_region(call: Call, account: "StrictAccount") -> Bite | None:
    """CloudFront takes certificates from us-east-1 only."""
    planned = account.planned(call) if call.service == "cloudformation" else None
    for logical, properties in planned.of_type("AWS::CloudFront::Distribution").items() if planned else ():
        certificate = properties["DistributionConfig"].get("ViewerCertificate", {}).get("AcmCertificateArn", "")
        if certificate and ":acm:us-east-1:" not in certificate:
            message = "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't"
            message += " include a valid certificate chain."
            return Failure(logical, "AWS::CloudFront::Distribution", message)
    return None


_refused_by_the_emulator("distribution_that_is_enabled", "cloudfront/latest/APIReference/API_DeleteDistribution.html")
