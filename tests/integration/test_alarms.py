"""The stack's alarms and its dashboard on the emulator: an alarm goes off, somebody is told, and it comes back.

Two things are the emulator's: it publishes no metrics of queues, so they are put there here; and it looks at an alarm's
last minutes as a whole, so that what was bad is put at the beginning of them, and is over soon.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

import template
from controlplane.local import aws

KINDS = {"letters": 1, "age": 901, "errors": 1, "throttles": 1, "sandbox": 1}
"""The alarms of a variant, and what is too much for each."""


@dataclass
class Watched:
    """A stack of one variant, and a queue that hears of its alarms."""

    name: str
    cloudwatch: Any
    sqs: Any
    heard: str

    def alarm(self, kind: str) -> dict[str, Any]:
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[f"{self.name}-web-{kind}"])["MetricAlarms"]
        found: dict[str, Any] = alarm
        return found

    def measure(self, kind: str, value: float, seconds_ago: float) -> None:
        """As CloudWatch would have it of the queue, the function or the log."""
        alarm = self.alarm(kind)
        datum = {
            "MetricName": alarm["MetricName"],
            "Dimensions": alarm["Dimensions"],
            "Value": value,
            "Timestamp": time.time() - seconds_ago,
        }
        self.cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])

    def becomes(self, kind: str, state: str) -> None:
        deadline = time.monotonic() + 15
        while self.alarm(kind)["StateValue"] != state:
            assert time.monotonic() < deadline, self.alarm(kind)
            time.sleep(0.1)

    def told(self, kind: str) -> str:
        """The next state that somebody was told of."""
        while True:
            messages = self.sqs.receive_message(QueueUrl=self.heard, WaitTimeSeconds=10).get("Messages", [])
            assert messages, f"nobody was told of {kind}"
            self.sqs.delete_message(QueueUrl=self.heard, ReceiptHandle=messages[0]["ReceiptHandle"])
            said = json.loads(json.loads(messages[0]["Body"])["Message"])
            if said["AlarmName"] == f"{self.name}-web-{kind}":
                return str(said["NewStateValue"])


@pytest.fixture(scope="module")
def watched(endpoint: str) -> Iterator[Watched]:
    name = f"watched-{uuid4().hex[:6]}"
    cloudformation, sqs = aws.client("cloudformation", endpoint), aws.client("sqs", endpoint)
    given = {"Variants": "web", "Digests": f"web={'0' * 64};", "AlarmEmail": "operator@example.com"}
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template.FILE.read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    heard = sqs.create_queue(QueueName=f"{name}-heard")["QueueUrl"]
    aws.client("sns", endpoint).subscribe(
        TopicArn=f"arn:aws:sns:{aws.REGION}:000000000000:{name}-alarms",
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{aws.REGION}:000000000000:{name}-heard",
    )
    yield Watched(name, aws.client("cloudwatch", endpoint), sqs, heard)
    cloudformation.delete_stack(StackName=name)


@pytest.mark.parametrize("kind", KINDS)
def test_an_alarm_goes_off_and_comes_back(watched: Watched, kind: str) -> None:
    window = watched.alarm(kind)["Period"] * watched.alarm(kind)["EvaluationPeriods"]
    watched.measure(kind, KINDS[kind], seconds_ago=window - 3)
    watched.becomes(kind, "ALARM")
    assert watched.told(kind) == "ALARM"
    time.sleep(3.2)
    watched.measure(kind, 0, seconds_ago=0)
    watched.becomes(kind, "OK")
    assert watched.told(kind) == "OK"


def test_somebody_is_told_by_mail(watched: Watched, endpoint: str) -> None:
    topic = f"arn:aws:sns:{aws.REGION}:000000000000:{watched.name}-alarms"
    subscriptions = aws.client("sns", endpoint).list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert ("email", "operator@example.com") in {(entry["Protocol"], entry["Endpoint"]) for entry in subscriptions}


def test_the_dashboard_is_there(watched: Watched) -> None:
    body = json.loads(watched.cloudwatch.get_dashboard(DashboardName=watched.name)["DashboardBody"])
    titles = [widget["properties"]["title"] for widget in body["widgets"]]
    assert titles[0] == "Outcomes"
    assert titles[-1] == "What costs, a day"
    # Side by side and below each other, on the twenty-four columns that there are.
    places = [(widget["x"], widget["y"], widget["width"], widget["height"]) for widget in body["widgets"]]
    cells = [(x + i, y + j) for x, y, width, height in places for i in range(width) for j in range(height)]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
