"""What work costs on AWS, item by item: from what was measured, or from what was used."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from controlplane.operating.prices import Prices

MEASURED = Path(__file__).with_name("measured.toml")

READS = 2
"""S3 read requests for each result: the upload's GET, and the HEAD that looks whether it is still the same."""

GIGABYTE = 1024**3
LOG_BYTES = 900
"""A picture's log line with what CloudWatch adds."""

_MEGABYTES_PER_CPU = 1769
"""Lambda's memory that comes with one whole processor."""
_POLLERS = 5
_POLLS_A_MONTH = 30 * 24 * 3600 / 20
"""Of each poller, while a queue is empty: it asks for 20 seconds at a time.

Source: "Configuring scaling behavior for SQS event source mappings" in the AWS Lambda Developer Guide.
"""


@dataclass(frozen=True)
class Item:
    """One line of a bill."""

    name: str
    quantity: float
    unit: str
    dollars: float


@dataclass(frozen=True)
class Work:
    """Work in the quantities by which AWS bills it."""

    gigabyte_seconds: float = 0.0
    invocations: float = 0.0
    sqs_requests: float = 0.0
    publishes: float = 0.0
    results: float = 0.0
    """Stored: one PUT each."""
    reads: float = 0.0
    """GET and HEAD."""
    log_gigabytes: float = 0.0
    poller_hours: float = 0.0
    uploads: float = 0.0
    """The uploads themselves: one PUT each."""

    def taking(self, gigabyte_seconds: float, invocations: float) -> "Work":
        """The same, by a function that takes so much for it."""
        return replace(self, gigabyte_seconds=gigabyte_seconds, invocations=invocations)

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))


def items(work: Work, prices: Prices, architecture: str) -> list[Item]:
    """The bill for `work`, without what there is none of."""
    seconds = prices.gigabyte_second[architecture]
    lines = [
        Item("Lambda, compute", work.gigabyte_seconds, "GB-s", work.gigabyte_seconds * seconds),
        Item("Lambda, requests", work.invocations, "", work.invocations / 1e6 * prices.million_invocations),
        Item("SQS, requests", work.sqs_requests, "", work.sqs_requests / 1e6 * prices.million_sqs_requests),
        Item("SNS, publishes", work.publishes, "", work.publishes / 1e6 * prices.million_publishes),
        Item("S3, results stored", work.results, "PUT", work.results / 1e3 * prices.thousand_puts),
        Item("S3, uploads read", work.reads, "GET and HEAD", work.reads / 1e3 * prices.thousand_gets),
        Item("CloudWatch, logs", work.log_gigabytes, "GB", work.log_gigabytes * prices.gigabyte_of_logs),
        Item("Lambda, event pollers", work.poller_hours, "hours", work.poller_hours * prices.poller_hour),
        Item("S3, the uploads themselves", work.uploads, "PUT", work.uploads / 1e3 * prices.thousand_puts),
    ]
    return [line for line in lines if line.quantity]


def total(lines: Sequence[Item]) -> float:
    """In US dollars."""
    return sum(line.dollars for line in lines)


@dataclass(frozen=True)
class Measured:
    """What making one result takes."""

    on: date
    picture: str
    io_seconds: float
    """Of waiting for S3, for each picture."""
    seconds: Mapping[str, float]
    """Of one whole processor, by variant."""
    bytes: Mapping[str, int]
    """Of the result, by variant."""

    @classmethod
    def load(cls, path: Path = MEASURED) -> "Measured":
        """Raises KeyError where the file lacks a number."""
        data: dict[str, Any] = tomllib.loads(path.read_text())
        return cls(data["measured"], data["picture"], data["io_seconds"], data["seconds"], data["bytes"])

    def codec(self, variant: str) -> float:
        """Seconds for one result; of a variant that was never measured, as many as of the slowest."""
        return self.seconds.get(variant) or max(self.seconds.values())

    def size(self, variant: str) -> int:
        """Bytes of one result; of a variant that was never measured, as many as of the largest."""
        return self.bytes.get(variant) or max(self.bytes.values())


def alone(measured: Measured, variant: str, memory: int, results: float) -> Work:
    """The work of results whose uploads come one at a time: an invocation each."""
    seconds = measured.codec(variant) * _slower(memory) + measured.io_seconds
    return _made(results, seconds, memory, results, 3 * results)


def batched(measured: Measured, variant: str, memory: int, results: float, batch: int) -> Work:
    """The work of results that are asked for together: full batches, in which S3 is waited for beside the codec."""
    seconds = measured.codec(variant) * _slower(memory) + measured.io_seconds / batch
    # Sent, received and deleted, up to ten at a time.
    return _made(results, seconds, memory, results / batch, 3 * results / min(batch, 10))


def idle(variants: int, metrics: int, alarms: int, dashboards: int, prices: Prices) -> list[Item]:
    """What a month costs without a single upload."""
    polls = variants * _POLLERS * _POLLS_A_MONTH
    lines = [
        Item("SQS, queues looked into", polls, "requests", polls / 1e6 * prices.million_sqs_requests),
        Item("CloudWatch, metrics of the pictures", metrics, "metrics", metrics * prices.metric_month),
        Item("CloudWatch, alarms", alarms, "alarms", alarms * prices.alarm_month),
        Item("CloudWatch, dashboards", dashboards, "dashboards", dashboards * prices.dashboard_month),
    ]
    return [line for line in lines if line.quantity]


def _made(results: float, seconds: float, memory: int, invocations: float, requests: float) -> Work:
    return Work(
        gigabyte_seconds=results * seconds * memory / 1024,
        invocations=invocations,
        sqs_requests=requests,
        results=results,
        reads=READS * results,
        log_gigabytes=results * LOG_BYTES / GIGABYTE,
    )


def _slower(memory: int) -> float:
    return max(1.0, _MEGABYTES_PER_CPU / memory)
