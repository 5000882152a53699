"""Hears of every upload, whoever puts it into the bucket: by a queue of its own on the machine's topic."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError

from controlplane.local.aws import client
from controlplane.local.background import background
from controlplane.local.hosts import Stack
from controlplane.local.uploads import INGEST

_QUEUE = "image-machine-page"
_WAIT_SECONDS = 2
"""For one answer; so often is also looked outside the prefix."""


class Arrival(NamedTuple):
    """An upload that was announced."""

    key: str
    size: int
    """In bytes."""
    at: float
    """Seconds since 1970."""


@contextmanager
def arrivals(
    stack: Stack, on_arrival: Callable[[Arrival], None], on_outside: Callable[[list[str]], None]
) -> Iterator[None]:
    """Have `on_arrival` hear of each upload within the block, `on_outside` of what lies outside `ingest/`."""
    with background("arrivals", _Listener(stack, on_arrival, on_outside).run):
        yield


class _Listener:
    def __init__(
        self, stack: Stack, on_arrival: Callable[[Arrival], None], on_outside: Callable[[list[str]], None]
    ) -> None:
        self._sqs, self._s3 = client("sqs", stack.endpoint), client("s3", stack.endpoint)
        self._bucket = stack.source_bucket
        self._on_arrival = on_arrival
        self._on_outside = on_outside
        self._outside: list[str] = []
        self._queue = self._sqs.create_queue(QueueName=_QUEUE)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        client("sns", stack.endpoint).subscribe(
            TopicArn=stack.topic, Protocol="sqs", Endpoint=attributes["QueueArn"], Attributes={}
        )

    def run(self, ended: threading.Event) -> None:
        """Listen until `ended`."""
        while not ended.is_set():
            try:
                self._listen()
                self._look_outside()
            except (BotoCoreError, ClientError):
                # The emulator is being stopped, or busy: either way there is a next time, or none is needed.
                ended.wait(_WAIT_SECONDS)

    def _listen(self) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS)
        messages = answer.get("Messages", [])
        for message in messages:
            for arrival in read(message["Body"]):
                self._on_arrival(arrival)
        if messages:
            self._sqs.delete_message_batch(
                QueueUrl=self._queue,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )

    def _look_outside(self) -> None:
        """Of folders the name is enough: what matters is that somebody missed the prefix."""
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Delimiter="/", MaxKeys=100)
        outside = [found["Key"] for found in listed.get("Contents", [])]
        outside += [found["Prefix"] for found in listed.get("CommonPrefixes", []) if found["Prefix"] != INGEST]
        if outside != self._outside:
            self._outside = outside
            self._on_outside(outside)


def read(body: str) -> Iterator[Arrival]:
    """The uploads that SNS's envelope around S3's notification tells of; whatever else is published tells of none."""
    try:
        records: Any = json.loads(json.loads(body)["Message"])["Records"]
        for record in records:
            if record["eventName"].startswith("ObjectCreated:"):
                found = record["s3"]["object"]
                at = datetime.fromisoformat(record["eventTime"]).timestamp()
                yield Arrival(unquote_plus(found["key"]), int(found["size"]), at)
    except (KeyError, TypeError, ValueError):
        return
