"""What AWS does by itself with what a function writes: lines go to its log group, embedded metrics to CloudWatch.

The emulator hears nothing of functions that run outside of it, so that a kept machine would have empty logs and
metrics. Source of the metrics' form: "Specification: Embedded metric format" in the Amazon CloudWatch User Guide.
"""

import json
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import urlopen

from botocore.exceptions import BotoCoreError, ClientError

from controlplane.local.aws import client
from controlplane.local.hosts import Stack

_EVERY_SECONDS = 0.5
_STREAM = "local"
_LINES = 1000
"""In one request, at most; AWS takes 10,000, and one megabyte."""
_DATA = 500
_MEASURED_EVERY_SECONDS = 5.0
_MOST_LOOKED_AT = 2000
"""Messages of a queue; of more, finding out the oldest takes longer than it is worth."""
_TIMEOUT_SECONDS = 5.0

PLATFORM_REPORT = "platform.report"
"""The type of the line with which Lambda tells, in its JSON log format, how an invocation ended."""


def failed_invocation(error: str) -> str:
    """The line that tells that the function itself failed: it died, ran out of time or memory, or raised."""
    return json.dumps({"type": PLATFORM_REPORT, "record": {"status": "error", "errorType": error}})


class Line(NamedTuple):
    """A line that a function wrote."""

    variant: str
    text: str
    milliseconds: int
    """Since the epoch."""


class CloudWatch:
    """Takes lines from any thread, from the beginning; passes them on for as long as it is fed."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()

    def line(self, variant: str, text: str) -> None:
        """Take note of a line."""
        self._lines.put(Line(variant, text, int(time.time() * 1000)))

    @contextmanager
    def fed(self, stack: Stack) -> Iterator[None]:
        """Pass on what was written so far, and what is written within the block, to the account of `stack`.

        How full its queues are is measured too, as AWS does by itself, so that alarms go off.
        """
        passing = threading.Thread(target=_Passing(stack).run, args=(self._lines,), daemon=True)
        ended = threading.Event()
        measuring = threading.Thread(target=_Measuring(stack).run, args=(ended,), daemon=True)
        passing.start()
        measuring.start()
        try:
            yield
        finally:
            ended.set()
            self._lines.put(None)
            passing.join()
            measuring.join()


class _Passing:
    """Lines on their way to the log groups and metrics of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._logs = client("logs", stack.endpoint)
        self._cloudwatch = client("cloudwatch", stack.endpoint)
        self._functions = {function.variant: function.name for function in stack.functions}
        self._ready: set[str] = set()

    def run(self, lines: "queue.SimpleQueue[Line | None]") -> None:
        """Pass on until None comes. Best effort: that a line is not in the log stops no picture."""
        more = True
        while more:
            some, more = _waiting(lines)
            try:
                self._put(some)
            except (BotoCoreError, ClientError):
                continue
            time.sleep(_EVERY_SECONDS if more else 0)

    def _put(self, lines: list[Line]) -> None:
        by_variant: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            by_variant[line.variant].append(line)
        for variant, written in by_variant.items():
            group = f"/aws/lambda/{self._functions[variant]}"
            self._prepare(group)
            events = [{"timestamp": line.milliseconds, "message": line.text or " "} for line in written]
            self._logs.put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=events)
        for namespace, data in metrics(lines, self._functions).items():
            for start in range(0, len(data), _DATA):
                self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + _DATA])

    def _prepare(self, group: str) -> None:
        """Make the stream in the log group, once."""
        if group in self._ready:
            return
        try:
            self._logs.create_log_stream(logGroupName=group, logStreamName=_STREAM)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceAlreadyExistsException":
                raise
        self._ready.add(group)


class _Measuring:
    """The queues of one stack, measured now and then."""

    def __init__(self, stack: Stack) -> None:
        self._endpoint = stack.endpoint
        self._sqs = client("sqs", stack.endpoint)
        self._cloudwatch = client("cloudwatch", stack.endpoint)
        self._urls = [*stack.queues.values(), *stack.dead_letters.values()]

    def run(self, ended: threading.Event) -> None:
        """Measure until `ended`. Best effort: a number that is missing stops no picture."""
        while not ended.wait(_MEASURED_EVERY_SECONDS):
            try:
                data = [datum for url in self._urls for datum in self._measured(url)]
                self._cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=data)
            except (BotoCoreError, ClientError, OSError, ValueError, KeyError):
                continue

    def _measured(self, url: str) -> Iterator[dict[str, Any]]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        visible, hidden = (float(told[name]) for name in names)
        values = {
            "ApproximateNumberOfMessagesVisible": (visible, "Count"),
            "ApproximateNumberOfMessagesNotVisible": (hidden, "Count"),
        }
        if visible + hidden <= _MOST_LOOKED_AT:
            age = self._oldest(url) if visible + hidden else 0.0
            values["ApproximateAgeOfOldestMessage"] = (age, "Seconds")
        dimensions = [{"Name": "QueueName", "Value": url.rpartition("/")[2]}]
        for name, (value, unit) in values.items():
            yield {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": unit}

    def _oldest(self, url: str) -> float:
        """Seconds that the oldest message has been there: the emulator shows its messages to who asks it directly."""
        asked = f"{self._endpoint}/_ministack/sqs/messages?{urlencode({'QueueUrl': url})}"
        with urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - it is the emulator's own address
            said = json.load(answer)
        sent = [
            message["SentTimestamp"]
            for regions in said["messages"].values()
            for queues in regions.values()
            for messages in queues.values()
            for message in messages
        ]
        return max(0.0, time.time() - min(sent, default=time.time()))


def _waiting(lines: "queue.SimpleQueue[Line | None]") -> tuple[list[Line], bool]:
    """Wait for a line, then take what is there; and whether more may come."""
    taken: list[Line] = []
    while len(taken) < _LINES:
        try:
            line = lines.get(block=not taken)
        except queue.Empty:
            break
        if line is None:
            return taken, False
        taken.append(line)
    return taken, True


def metrics(lines: Iterable[Line], functions: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The metrics that are embedded in lines, as data for PutMetricData by namespace.

    `functions` names each variant's function: that one failed is a metric of Lambda's own.
    """
    data: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        said = _object(line.text)
        for namespace, datum in _embedded(said):
            data[namespace].append({**datum, "Timestamp": line.milliseconds / 1000})
        if said.get("type") == PLATFORM_REPORT and said.get("record", {}).get("status") == "error":
            dimensions = [{"Name": "FunctionName", "Value": functions[line.variant]}]
            errors = {"MetricName": "Errors", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
            data["AWS/Lambda"].append({**errors, "Timestamp": line.milliseconds / 1000})
    return data


def _embedded(said: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for directive in said.get("_aws", {}).get("CloudWatchMetrics", ()):
        for names in directive["Dimensions"]:
            if any(said.get(name) is None for name in names):
                continue
            dimensions = [{"Name": name, "Value": str(said[name])} for name in names]
            for metric in directive["Metrics"]:
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Value": float(said[metric["Name"]]),
                        "Unit": metric.get("Unit", "None"),
                    },
                )


def _object(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
