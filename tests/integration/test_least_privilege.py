"""The machine under its own roles, on an account that enforces them; and what those roles cannot do."""

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from controlplane.local import aws
from controlplane.local import machine as local
from controlplane.local.hosts import Site, Stack
from controlplane.local.processes import Processes
from integration.trouble import Proxy, Trouble

ROOT = Path(__file__).parents[2]
KEY = "ingest/holiday/picture.png"
REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}


class EncryptedWire(Proxy):
    """Reaches the account as a load balancer that ends TLS does: the buckets' policies refuse plain HTTP."""

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        request.headers["X-Forwarded-Proto"] = "https"
        return super()._forward(request, body)


class UnderTheirRoles(Processes):
    """Functions with the credentials of the roles that the stack gives them, as on Lambda."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.wire: EncryptedWire | None = None

    def stack_parameters(self, endpoint: str) -> Mapping[str, str]:
        return {**super().stack_parameters(endpoint), "Announce": "true"}

    def emulator_environment(self) -> Mapping[str, str]:
        return {**super().emulator_environment(), "AUTH": "true"}

    def start(self, stack: Stack) -> None:
        self.wire = EncryptedWire(stack.endpoint).__enter__()
        functions = tuple(
            replace(function, environment={**function.environment, **credentials(stack.endpoint, function.name)})
            for function in stack.functions
        )
        WIRES.append(self.wire)
        super().start(replace(stack, endpoint=self.wire.endpoint, functions=functions))

    def stop(self) -> None:
        super().stop()
        if self.wire is not None:
            self.wire.__exit__()
            self.wire = None


WIRES: list[EncryptedWire] = []


def credentials(endpoint: str, function: str) -> dict[str, str]:
    """The environment variables of somebody who is the function's role."""
    role = f"arn:aws:iam::000000000000:role/{function}-{aws.REGION}"
    given = aws.client("sts", endpoint).assume_role(RoleArn=role, RoleSessionName=function)["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


@dataclass
class Machine:
    """The running machine; the owner of its account may do everything."""

    stack: Stack
    wire: EncryptedWire
    lines: list[dict[str, Any]]
    changed: threading.Condition

    def owner(self, service: str) -> Any:
        return aws.client(service, self.stack.endpoint)

    def role(self, service: str, variant: str = "thumbnail", *, encrypted: bool = True) -> Any:
        """A client with the rights of a variant's function."""
        name = next(function.name for function in self.stack.functions if function.variant == variant)
        given = credentials(self.stack.endpoint, name)
        return boto3.client(
            service,
            endpoint_url=self.wire.endpoint if encrypted else self.stack.endpoint,
            region_name=aws.REGION,
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=given["AWS_SESSION_TOKEN"],
        )

    def wait_for(self, key: str, outcome: str) -> None:
        """Until an upload has had an outcome in every variant."""

        def there() -> bool:
            seen = {line["variant"] for line in self.lines if (line["key"], line["outcome"]) == (key, outcome)}
            return seen == {function.variant for function in self.stack.functions}

        with self.changed:
            assert self.changed.wait_for(there, 60), self.lines


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    lines: list[dict[str, Any]] = []
    changed = threading.Condition()

    def report_line(_variant: str, line: str) -> None:
        try:
            parsed = json.loads(line)
        except ValueError:
            return
        if "outcome" in parsed:
            with changed:
                lines.append(parsed)
                changed.notify_all()

    with local.machine(ROOT, UnderTheirRoles, report_line, print) as (stack, _):
        yield Machine(stack, WIRES[-1], lines, changed)


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(data, "png")
    return data.getvalue()


def refused(call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] in REFUSALS, caught.value


def test_every_outcome_is_within_the_roles(machine: Machine) -> None:
    s3, sqs = machine.owner("s3"), machine.owner("sqs")
    s3.put_object(Bucket=machine.stack.source_bucket, Key=KEY, Body=picture())
    machine.wait_for(KEY, "made")
    for variant in machine.stack.queues:
        assert s3.head_object(Bucket=machine.stack.output_bucket, Key=f"{variant}/holiday/picture.png")

    s3.delete_object(Bucket=machine.stack.source_bucket, Key=KEY)
    machine.wait_for(KEY, "removed")
    assert s3.list_objects_v2(Bucket=machine.stack.output_bucket)["KeyCount"] == 0

    s3.put_object(Bucket=machine.stack.source_bucket, Key="ingest/notes.jpg", Body=b"no picture")
    machine.wait_for("ingest/notes.jpg", "rejected")
    for url in machine.stack.dead_letters.values():
        (letter,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=5)["Messages"]
        assert letter["MessageAttributes"]["reason"]["StringValue"] == "not-an-image"

    troubled: list[str] = []

    def once(method: str, path: str) -> Trouble | None:
        # More often than the client itself tries again.
        if method == "GET" and path.endswith("/ingest/later.png") and len(troubled) < 30:
            troubled.append(path)
            return Trouble.INTERNAL_ERROR
        return None

    machine.wire.plan = once
    try:
        s3.put_object(Bucket=machine.stack.source_bucket, Key="ingest/later.png", Body=picture())
        machine.wait_for("ingest/later.png", "made")
    finally:
        machine.wire.plan = lambda method, path: None
    assert [line for line in machine.lines if (line["key"], line["outcome"]) == ("ingest/later.png", "retried")]


def test_a_variant_notes_and_announces_and_reads_neither(machine: Machine) -> None:
    table, topic = "image-machine-outcomes", f"arn:aws:sns:{aws.REGION}:000000000000:image-machine-outcomes"
    key = {"Upload": {"S": f"s3://{machine.stack.source_bucket}/{KEY}"}}
    items = machine.owner("dynamodb").scan(TableName=table)["Items"]
    assert {item["Upload"]["S"].rpartition("/")[2] for item in items} >= {"picture.png", "notes.jpg", "later.png"}
    dynamodb, sns = machine.role("dynamodb"), machine.role("sns")
    refused(dynamodb.get_item, TableName=table, Key=key)
    refused(dynamodb.scan, TableName=table)
    refused(dynamodb.delete_item, TableName=table, Key=key)
    refused(dynamodb.put_item, TableName=table, Item=key)
    sns.publish(TopicArn=topic, Message="{}")
    refused(sns.publish, TopicArn=topic.replace("outcomes", "uploads"), Message="{}")


def test_uploads_are_read_and_nothing_else_of_the_bucket(machine: Machine) -> None:
    bucket = machine.stack.source_bucket
    for key in ("private/diary.txt", "ingestion/x.png"):
        machine.owner("s3").put_object(Bucket=bucket, Key=key, Body=b"secret")
        refused(machine.role("s3").get_object, Bucket=bucket, Key=key)
    refused(machine.role("s3").put_object, Bucket=bucket, Key=KEY, Body=b"")
    refused(machine.role("s3").delete_object, Bucket=bucket, Key=KEY)


def test_what_is_gone_is_told_from_what_is_forbidden(machine: Machine) -> None:
    with pytest.raises(ClientError) as caught:
        machine.role("s3").get_object(Bucket=machine.stack.source_bucket, Key="ingest/gone.png")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"


def test_a_variant_writes_its_own_prefix_alone(machine: Machine) -> None:
    bucket, role = machine.stack.output_bucket, machine.role("s3", "thumbnail")
    role.put_object(Bucket=bucket, Key="thumbnail/a.png", Body=b"")
    role.delete_object(Bucket=bucket, Key="thumbnail/a.png")
    machine.owner("s3").put_object(Bucket=bucket, Key="web/a.png", Body=b"other")
    for key in ("web/a.png", "thumbnails/a.png", "a.png"):
        refused(role.put_object, Bucket=bucket, Key=key, Body=b"")
        refused(role.delete_object, Bucket=bucket, Key=key)
        refused(role.get_object, Bucket=bucket, Key=key)


def test_a_variant_uses_its_own_queues_alone(machine: Machine) -> None:
    role = machine.role("sqs", "thumbnail")
    for variant, url in machine.stack.queues.items():
        refused(role.send_message, QueueUrl=url, MessageBody="{}")
        refused(role.purge_queue, QueueUrl=url)
        if variant != "thumbnail":
            refused(role.receive_message, QueueUrl=url)
            refused(role.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
            refused(role.send_message, QueueUrl=machine.stack.dead_letters[variant], MessageBody="{}")
    # What was set aside is for a person to take out.
    refused(role.receive_message, QueueUrl=machine.stack.dead_letters["thumbnail"])
    role.get_queue_attributes(QueueUrl=machine.stack.queues["thumbnail"], AttributeNames=["QueueArn"])


def test_nothing_beyond_the_machine_is_allowed(machine: Machine) -> None:
    name = machine.stack.functions[0].name
    refused(machine.role("s3").list_buckets)
    refused(machine.role("s3").create_bucket, Bucket="another")
    refused(machine.role("s3").delete_bucket_policy, Bucket=machine.stack.source_bucket)
    refused(machine.role("sns").list_topics)
    refused(machine.role("lambda").get_function, FunctionName=name)
    refused(machine.role("iam").list_roles)
    refused(machine.role("logs", "web").create_log_stream, logGroupName=f"/aws/lambda/{name}", logStreamName="x")


def test_plain_http_is_refused(machine: Machine) -> None:
    machine.owner("s3").put_object(Bucket=machine.stack.source_bucket, Key=KEY, Body=picture())
    assert machine.role("s3").head_object(Bucket=machine.stack.source_bucket, Key=KEY)
    refused(machine.role("s3", encrypted=False).get_object, Bucket=machine.stack.source_bucket, Key=KEY)
