"""What CloudWatch knows of a machine's use, on the emulated account."""

from dataclasses import replace

import pytest

from controlplane.operating.meters import objects_about
from controlplane.operating.usage import metrics_kept, used
from unit.controlplane.operating.conftest import Emulated


def put(emulated: Emulated, namespace: str, name: str, value: float, **dimensions: str) -> None:
    emulated["cloudwatch"].put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": name,
                "Value": value,
                "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
            }
        ],
    )


def test_of_a_machine_that_did_nothing_nothing_is_known(emulated: Emulated) -> None:
    found = used(emulated.machine, 30)
    assert not found.known
    assert found.work.results == found.work.invocations == 0
    assert metrics_kept(emulated.machine) == 0


def test_what_was_used_is_added_up(emulated: Emulated) -> None:
    emulated.machine = replace(emulated.machine, parameters={"Memory": "2048"})
    stack, web = emulated.machine.name, emulated.variant("web")
    for outcome, number in (("made", 200), ("rejected", 3), ("skipped", 2)):
        put(emulated, "ImageMachine", "pictures", number, stack=stack, variant="web", outcome=outcome)
    put(emulated, "ImageMachine", "pictures", 5000, stack="another", variant="web", outcome="made")
    put(emulated, "AWS/Lambda", "Duration", 30_000, FunctionName=web.function)
    put(emulated, "AWS/Lambda", "Invocations", 100, FunctionName=web.function)
    queue, dead = (url.rpartition("/")[2] for url in (web.queue_url, web.dead_letter_url))
    for name, number in (("Sent", 205), ("Received", 206), ("Deleted", 205)):
        put(emulated, "AWS/SQS", f"NumberOfMessages{name}", number, QueueName=queue)
    put(emulated, "AWS/SQS", "NumberOfEmptyReceives", 1000, QueueName=queue)
    put(emulated, "AWS/SQS", "NumberOfMessagesSent", 3, QueueName=dead)
    put(emulated, "AWS/SNS", "NumberOfMessagesPublished", 205, TopicName=f"{stack}-uploads")
    put(emulated, "AWS/Logs", "IncomingBytes", 1024**3 / 2, LogGroupName=web.log_group)
    found = used(emulated.machine, 7)
    assert found.known
    work = found.work
    assert (work.results, work.reads, work.invocations, work.publishes) == (200, 2 * 205, 100, 205)
    assert work.gigabyte_seconds == pytest.approx(30 * 2)
    assert work.sqs_requests == 205 + 206 + 205 + 1000 + 3
    assert work.log_gigabytes == pytest.approx(0.5)
    assert found.variants["web"].telling
    assert not found.variants["thumbnail"].telling
    assert metrics_kept(emulated.machine) == 3


def test_how_many_objects_there_are_is_known_once_s3_has_counted(emulated: Emulated) -> None:
    assert objects_about(emulated.machine) is None
    bucket = emulated.machine.source_bucket
    put(emulated, "AWS/S3", "NumberOfObjects", 1234, BucketName=bucket, StorageType="AllStorageTypes")
    assert objects_about(emulated.machine) == 1234
