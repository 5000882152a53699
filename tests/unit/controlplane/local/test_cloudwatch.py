"""What functions write, in the emulated account's logs and metrics."""

import json
import queue
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from controlplane.local import aws, cloudwatch
from controlplane.local.cloudwatch import CloudWatch, Line, failed_invocation, metrics
from controlplane.local.hosts import Function, Stack
from imagemachine.telemetry import Measures, emit


def line(capsys: pytest.CaptureFixture[str], **properties: object) -> str:
    """A line as a function writes it."""
    said = {"variant": "web", "outcome": "made", "pictures": 1, **properties}
    emit(
        said,
        Measures({"pictures": "Count"}, ("variant", "outcome")),
        Measures({"milliseconds": "Milliseconds"}, ("variant",)),
    )
    return capsys.readouterr().out.rstrip("\n")


def test_the_metrics_are_those_that_the_line_names(capsys: pytest.CaptureFixture[str]) -> None:
    text = line(capsys, milliseconds=31.5)
    found = metrics([Line("web", text, 1500), Line("web", "START RequestId", 1500)], {})
    assert {
        (datum["MetricName"], tuple(d["Value"] for d in datum["Dimensions"]), datum["Value"], datum["Unit"])
        for datum in found["ImageMachine"]
    } == {
        ("pictures", ("web", "made"), 1.0, "Count"),
        ("milliseconds", ("web",), 31.5, "Milliseconds"),
    }
    assert {datum["Timestamp"] for datum in found["ImageMachine"]} == {1.5}


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"_aws": {}}', "plain"])
def test_other_lines_are_no_metrics(text: str) -> None:
    assert metrics([Line("web", text, 0)], {"web": "machine-web"}) == {}


def test_a_function_that_failed_is_an_error_of_lambda_s() -> None:
    (datum,) = metrics([Line("web", failed_invocation("it died"), 0)], {"web": "machine-web"})["AWS/Lambda"]
    assert (datum["MetricName"], datum["Value"]) == ("Errors", 1.0)
    assert datum["Dimensions"] == [{"Name": "FunctionName", "Value": "machine-web"}]


def test_lines_and_metrics_are_found_where_aws_has_them(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"machine-{uuid4().hex}"
    logs, cloudwatch = aws.client("logs", endpoint), aws.client("cloudwatch", endpoint)
    logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
    stack = Stack(endpoint, "source", "output", "topic", (Function(name, "web", {}, 128, 3),), {}, {})
    namespace = "ImageMachine"
    feed = CloudWatch()
    early = line(capsys, key=name, milliseconds=10.0, variant=name)
    feed.line("web", early)
    with feed.fed(stack):
        feed.line("web", "")
        feed.line("web", failed_invocation("it died"))
        feed.line("web", late := line(capsys, key=name, milliseconds=30.0, variant=name))
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert [event["message"] for event in events if event["message"].strip()] == [
        early,
        failed_invocation("it died"),
        late,
    ]

    def total(space: str, metric: str, dimension: dict[str, str]) -> Any:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace=space,
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimension.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert total(namespace, "pictures", {"variant": name, "outcome": "made"}) == 2
    assert total(namespace, "milliseconds", {"variant": name}) == 40
    assert total("AWS/Lambda", "Errors", {"FunctionName": name}) == 1


def test_that_nobody_takes_them_stops_nothing() -> None:
    stack = Stack("http://127.0.0.1:9", "source", "output", "topic", (Function("f", "web", {}, 128, 3),), {}, {})
    feed = CloudWatch()
    started = time.monotonic()
    with feed.fed(stack):
        feed.line("web", json.dumps({}))
    assert time.monotonic() - started < 20


def test_queues_are_measured_as_aws_does(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.local.cloudwatch._MEASURED_EVERY_SECONDS", 0.2)
    sqs, cloudwatch = aws.client("sqs", endpoint), aws.client("cloudwatch", endpoint)
    names = [f"queue-{uuid4().hex}" for _ in range(2)]
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in names]
    for _ in range(3):
        sqs.send_message(QueueUrl=urls[0], MessageBody="x")
    sqs.receive_message(QueueUrl=urls[0])
    sent = time.time()
    cloudwatch.put_metric_alarm(
        AlarmName=names[0],
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": names[0]}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    stack = Stack(endpoint, "source", "output", "topic", (), {"web": urls[0]}, {"web": urls[1]})

    def newest(name: str, metric: str) -> float | None:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName=metric,
            Dimensions=[{"Name": "QueueName", "Value": name}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return max((point["Maximum"] for point in points), default=None)

    with CloudWatch().fed(stack):
        deadline = time.monotonic() + 20
        while (newest(names[0], "ApproximateAgeOfOldestMessage") or 0) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        age = newest(names[0], "ApproximateAgeOfOldestMessage")
        assert age is not None
        assert age <= time.time() - sent + 2
        assert newest(names[0], "ApproximateNumberOfMessagesVisible") == 2
        assert newest(names[0], "ApproximateNumberOfMessagesNotVisible") == 1
        assert newest(names[1], "ApproximateAgeOfOldestMessage") == 0
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[names[0]])["MetricAlarms"]
        assert alarm["StateValue"] == "ALARM"


@pytest.mark.timeout(30)
def test_lines_are_taken_as_many_as_there_are_and_no_more_is_waited_for() -> None:
    lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
    written = [Line("web", str(number), number) for number in range(cloudwatch._LINES + 2)]
    for line in written:
        lines.put(line)
    assert cloudwatch._waiting(lines) == (written[:-2], True)
    assert cloudwatch._waiting(lines) == (written[-2:], True)
    lines.put(written[0])
    lines.put(None)
    assert cloudwatch._waiting(lines) == (written[:1], False)
