"""What a machine has used lately, as far as CloudWatch knows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.bill import GIGABYTE, READS, Work
from controlplane.operating.meters import Metric, metric_values, queue_name

NAMESPACE = "ImageMachine"
_DAY_SECONDS = 86_400
_OUTCOMES = ("made", "removed", "skipped", "rejected", "retried")
_MESSAGES = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives")
_ENOUGH = 100
"""Results from which on their average says more than a benchmark on another computer."""


@dataclass(frozen=True)
class VariantUse:
    """What one variant has used."""

    made: float
    """Results."""
    pictures: float
    """Outcomes of any kind."""
    seconds: float
    """That its function ran, as Lambda says; 0 where it does not."""
    invocations: float

    @property
    def telling(self) -> bool:
        """Whether it says what a result takes."""
        return self.made >= _ENOUGH and self.seconds > 0


@dataclass(frozen=True)
class Use:
    """What the whole machine has used."""

    days: int
    variants: Mapping[str, VariantUse]
    work: Work

    @property
    def known(self) -> bool:
        """Whether CloudWatch knows of anything."""
        return any(use.pictures or use.invocations for use in self.variants.values())


def used(machine: Machine, days: int) -> Use:
    """What was used in the last `days`. Raises ClientError."""
    now = datetime.now(UTC)
    metrics = list(_metrics(machine))
    values = metric_values(machine, metrics, "Sum", _DAY_SECONDS, now - timedelta(days=days), now)
    sums = {metric: sum(found) for metric, found in values.items()}
    variants = {variant.name: _variant(machine, variant, sums) for variant in machine.variants}
    memory = int(machine.parameters.get("Memory", 1769))
    queues = [url for variant in machine.variants for url in (variant.queue_url, variant.dead_letter_url)]
    return Use(
        days,
        variants,
        Work(
            gigabyte_seconds=sum(use.seconds for use in variants.values()) * memory / 1024,
            invocations=sum(use.invocations for use in variants.values()),
            # Up to ten messages were one request: this is the most that it can have been.
            sqs_requests=sum(sums[_sqs(name, url)] for url in queues for name in _MESSAGES),
            publishes=sums[_published(machine)],
            results=sum(use.made for use in variants.values()),
            reads=READS * sum(use.pictures for use in variants.values()),
            log_gigabytes=sum(sums[_logged(variant)] for variant in machine.variants) / GIGABYTE,
        ),
    )


def metrics_kept(machine: Machine) -> int:
    """How many metrics of pictures CloudWatch keeps of this machine. Raises ClientError."""
    pages = (
        machine.clients["cloudwatch"]
        .get_paginator("list_metrics")
        .paginate(Namespace=NAMESPACE, Dimensions=[{"Name": "stack", "Value": machine.name}])
    )
    return sum(len(page["Metrics"]) for page in pages)


def _variant(machine: Machine, variant: DeployedVariant, sums: Mapping[Metric, float]) -> VariantUse:
    return VariantUse(
        made=sums[_pictures(machine, variant, "made")],
        pictures=sum(sums[_pictures(machine, variant, outcome)] for outcome in _OUTCOMES),
        seconds=sums[_lambda("Duration", variant)] / 1000,
        invocations=sums[_lambda("Invocations", variant)],
    )


def _metrics(machine: Machine) -> Iterable[Metric]:
    yield _published(machine)
    for variant in machine.variants:
        yield from (_pictures(machine, variant, outcome) for outcome in _OUTCOMES)
        yield from (_lambda(name, variant) for name in ("Duration", "Invocations"))
        yield _logged(variant)
        for url in (variant.queue_url, variant.dead_letter_url):
            yield from (_sqs(name, url) for name in _MESSAGES)


def _pictures(machine: Machine, variant: DeployedVariant, outcome: str) -> Metric:
    by = (("stack", machine.name), ("variant", variant.name), ("outcome", outcome))
    return Metric(NAMESPACE, "pictures", by)


def _lambda(name: str, variant: DeployedVariant) -> Metric:
    return Metric("AWS/Lambda", name, (("FunctionName", variant.function),))


def _sqs(name: str, url: str) -> Metric:
    return Metric("AWS/SQS", name, (("QueueName", queue_name(url)),))


def _logged(variant: DeployedVariant) -> Metric:
    return Metric("AWS/Logs", "IncomingBytes", (("LogGroupName", variant.log_group),))


def _published(machine: Machine) -> Metric:
    return Metric("AWS/SNS", "NumberOfMessagesPublished", (("TopicName", machine.topic.rpartition(":")[2]),))
