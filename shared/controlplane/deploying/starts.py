"""Whether functions start: each is invoked once with an event that there is nothing to do for."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from controlplane.account import Account, code
from controlplane.machine import DeployedVariant, Machine

LOG_LINES = 12
"""Of a function that does not start, which are shown."""

_BUSY = frozenset({"TooManyRequestsException"})


@dataclass(frozen=True)
class Broken:
    """A function that does not start."""

    variant: str
    why: str
    log: str
    """Its last lines."""


def broken(account: Account, machine: Machine, names: Sequence[str]) -> list[Broken]:
    """Those of the variants named whose function does not start, or answers what no function of ours does."""
    return [
        found
        for variant in machine.variants
        if variant.name in names and (found := _tried(account, machine, variant)) is not None
    ]


def _tried(account: Account, machine: Machine, variant: DeployedVariant) -> Broken | None:
    try:
        answer = account.clients["lambda"].invoke(
            FunctionName=variant.function, LogType="Tail", Payload=json.dumps(_event(machine, variant)).encode()
        )
    except ClientError as error:
        if code(error) in _BUSY:
            return None  # It has started, and has more to do than it may.
        raise
    said = answer["Payload"].read()
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").strip()
    why = _complaint(said, failed="FunctionError" in answer)
    return Broken(variant.name, why, "\n".join(log.splitlines()[-LOG_LINES:])) if why else None


def _event(machine: Machine, variant: DeployedVariant) -> dict[str, Any]:
    """What SQS hands over of the event that S3 sends when a notification is set."""
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": machine.source_bucket}
    record = {
        "messageId": "start",
        "receiptHandle": "none",
        "body": json.dumps(test),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": variant.queue_url,
        "awsRegion": machine.region,
    }
    return {"Records": [record]}


def _complaint(said: bytes, *, failed: bool) -> str | None:
    """What is wrong with the function's answer."""
    try:
        answer: Any = json.loads(said)
    except ValueError:
        answer = said.decode(errors="replace")
    if not failed and isinstance(answer, dict) and answer.get("batchItemFailures") == []:
        return None
    if isinstance(answer, dict) and "errorMessage" in answer:
        return f"{answer.get('errorType', 'Error')}: {answer['errorMessage']}".rstrip(".")
    return f"it answered {answer!r}"
