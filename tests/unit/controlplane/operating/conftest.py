"""A machine on the emulated account without its functions: buckets, queues and logs, for whoever looks at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from controlplane.account import Account
from controlplane.machine import DeployedVariant, Machine
from imagemachine.storage import _ascii

NAMES = ("thumbnail", "web")


@dataclass
class Emulated:
    """The machine, with what a test does to it."""

    machine: Machine

    def __getitem__(self, service: str) -> Any:
        return self.machine.clients[service]

    def upload(self, path: str, body: bytes = b"picture") -> str:
        """Put an upload; its etag."""
        key = self.machine.ingest_prefix + path
        answer = self["s3"].put_object(Bucket=self.machine.source_bucket, Key=key, Body=body)
        return str(answer["ETag"]).strip('"')

    def result(self, variant: str, path: str, etag: str, recipe: str = "recipe", of: str | None = None) -> None:
        """Put a result as the machine stores it."""
        self["s3"].put_object(
            Bucket=self.machine.output_bucket,
            Key=f"{variant}/{path}",
            Body=b"result",
            Metadata={
                "source-key": _ascii(f"{self.machine.ingest_prefix}{of or path}"),
                "source-etag": etag,
                "recipe": recipe,
            },
        )

    def variant(self, name: str) -> DeployedVariant:
        return self.machine.variant(name)

    def reject(self, variant: str, path: str, reason: str = "corrupt") -> None:
        """Set a message aside as a function does."""
        key = self.machine.ingest_prefix + path
        said = {
            "reason": reason,
            "detail": "It is broken.",
            "variant": variant,
            "source": f"s3://{self.machine.source_bucket}/{key}",
        }
        self["sqs"].send_message(
            QueueUrl=self.variant(variant).dead_letter_url,
            MessageBody=f'{{"bucket": "{self.machine.source_bucket}", "key": "{key}"}}',
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in said.items()},
        )

    def waiting(self, variant: str) -> list[str]:
        """The bodies of the messages in a variant's queue; they are taken out."""
        url = self.variant(variant).queue_url
        bodies = []
        while messages := self["sqs"].receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self["sqs"].delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(message["Body"])
        return bodies

    def dead(self, variant: str) -> int:
        """How many dead letters there are."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.variant(variant).dead_letter_url
        told = self["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)


@pytest.fixture
def emulated(endpoint: str) -> Iterator[Emulated]:
    """A machine with two variants, empty."""
    account = Account.emulated(endpoint)
    name = f"machine-{uuid4().hex[:12]}"
    buckets = [f"{name}-uploads", f"{name}-results"]
    for bucket in buckets:
        account.clients["s3"].create_bucket(Bucket=bucket)
    variants = []
    for each in NAMES:
        urls = [
            account.clients["sqs"].create_queue(QueueName=f"{name}-{each}{end}")["QueueUrl"]
            for end in ("", "-dead-letters")
        ]
        account.clients["logs"].create_log_group(logGroupName=f"/aws/lambda/{name}-{each}")
        variants.append(
            DeployedVariant(
                name=each,
                function=f"{name}-{each}",
                queue_url=urls[0],
                dead_letter_url=urls[1],
                log_group=f"/aws/lambda/{name}-{each}",
                output_prefix=f"{each}/",
                image="repository@sha256:0",
            )
        )
    yield Emulated(
        Machine(
            name=name,
            region=account.region,
            account=account.number,
            source_bucket=buckets[0],
            ingest_prefix="ingest/",
            output_bucket=buckets[1],
            topic=f"arn:aws:sns:{account.region}:{account.number}:{name}-uploads",
            variants=tuple(variants),
            parameters={},
            outputs={},
            clients=account.clients,
        )
    )
    for variant in variants:
        account.clients["sqs"].delete_queue(QueueUrl=variant.queue_url)
        account.clients["sqs"].delete_queue(QueueUrl=variant.dead_letter_url)
        account.clients["logs"].delete_log_group(logGroupName=variant.log_group)
