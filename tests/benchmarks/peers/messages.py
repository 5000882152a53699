"""What the machine is fed with: an SQS event as it comes from S3 by way of SNS, and a context."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

UPLOADS = "uploads"
"""The bucket that the events name."""

_EXTENSIONS = {b"\xff\xd8": "jpg", b"\x89P": "png", b"GI": "gif", b"RI": "webp"}
"""By a file's first bytes; AVIF and HEIC begin alike, with a size."""


class Context:
    """Lambda's context, as far as it is asked."""

    aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Plenty."""
        return 60_000


def key_of(data: bytes, number: int = 0) -> str:
    """An upload's key whose extension is the picture's."""
    of_heif = "avif" if data[8:12] == b"avif" else "heic"
    return f"ingest/benchmark/picture-{number}.{_EXTENSIONS.get(data[:2], of_heif)}"


def event(keys: Sequence[str], sizes: Sequence[int]) -> dict[str, Any]:
    """One message for each upload."""
    pairs = enumerate(zip(keys, sizes, strict=True))
    return {"Records": [_message(number, key, size) for number, (key, size) in pairs]}


def _message(number: int, key: str, size: int) -> dict[str, Any]:
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-20T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": UPLOADS, "arn": f"arn:aws:s3:::{UPLOADS}"},
            "object": {"key": quote_plus(key, safe="/"), "size": size, "sequencer": f"00{number:014X}"},
        },
    }
    envelope = {
        "Type": "Notification",
        "MessageId": f"notification-{number}",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:image-machine-uploads",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps({"Records": [record]}),
        "Timestamp": "2026-11-20T12:00:00.000Z",
    }
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"handle-{number}",
        "body": json.dumps(envelope),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:image-machine-benchmark",
    }
