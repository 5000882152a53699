"""How a machine is doing: its queues, functions and alarms, in numbers, and in sentences where something is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.batches import batches
from controlplane.words import count, duration

HOUR = timedelta(hours=1)
TOO_OLD_SECONDS = 3600
"""However often it is retried, and however many came with it, a message that has waited so long needs a look."""

_QUERIES = 500
"""In one request for metrics, at most."""
_ALIVE = frozenset({"Active", "Pending", "Inactive"})
_READING = frozenset({"Enabled", "Enabling", "Creating", "Updating"})
_AT_ONCE = 16


@dataclass(frozen=True)
class VariantStatus:
    """One variant's queues and function."""

    name: str
    queued: int
    in_flight: int
    oldest_seconds: int | None
    """How long the oldest message has waited; None where CloudWatch does not know it (yet)."""
    dead_letters: int
    errors: int
    """Invocations that failed in the last hour: not a picture's fault, the function died or ran out of time."""
    throttles: int
    """In the last hour."""
    image: str


@dataclass(frozen=True)
class Status:
    """The whole machine."""

    variants: tuple[VariantStatus, ...]
    alarms: tuple[str, ...]
    """The names of those that are going off."""
    problems: tuple[str, ...]
    """What is wrong and what to do, a sentence each."""

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """As `status --json` prints it."""
        return {
            "healthy": self.healthy,
            "variants": [asdict(variant) for variant in self.variants],
            "alarms": list(self.alarms),
            "problems": list(self.problems),
        }


class Metric(NamedTuple):
    """One of CloudWatch's time series."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def status(machine: Machine) -> Status:
    """How the machine is doing now. Raises ClientError."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        alarms = pool.submit(_alarms, machine)
        counters = pool.submit(_counters, machine)
        functions = [pool.submit(_function, machine, variant) for variant in machine.variants]
        waiting = [pool.submit(depths, machine.clients["sqs"], variant.queue_url) for variant in machine.variants]
        set_aside = [
            pool.submit(depths, machine.clients["sqs"], variant.dead_letter_url) for variant in machine.variants
        ]
        found = []
        problems: list[str] = []
        for number, variant in enumerate(machine.variants):
            queued, in_flight = waiting[number].result()
            image, complaints = functions[number].result()
            one = VariantStatus(
                name=variant.name,
                queued=queued,
                in_flight=in_flight,
                oldest_seconds=counters.result().oldest(variant) if queued + in_flight else 0,
                dead_letters=sum(set_aside[number].result()),
                errors=counters.result().errors(variant),
                throttles=counters.result().throttles(variant),
                image=image or variant.image,
            )
            found.append(one)
            problems += [*complaints, *_complaints(one)]
        ringing = alarms.result()
    if dead := {variant.name: variant.dead_letters for variant in found if variant.dead_letters}:
        which = ", ".join(f"{number:,} of {name}" for name, number in dead.items())
        problems.append(f"{count(sum(dead.values()), 'dead letter')}, {which}: `./deploy.sh rejected` says why.")
    problems += [f"The alarm {name} is going off: {why}" for name, why in ringing.items()]
    return Status(tuple(found), tuple(ringing), tuple(problems))


def depths(sqs: Any, url: str) -> tuple[int, int]:
    """How many messages a queue holds, about: waiting (also for their time to come), and in flight.

    `sqs` is boto3's client.
    """
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    ]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    visible, delayed, hidden = (int(told.get(name, 0)) for name in names)
    return visible + delayed, hidden


def _complaints(variant: VariantStatus) -> Iterator[str]:
    name = variant.name
    if variant.errors:
        yield (
            f"The {name} function failed {count(variant.errors, 'time')} in the last hour: "
            f"`./deploy.sh logs {name} --errors --since 1h` says why."
        )
    if (variant.oldest_seconds or 0) > TOO_OLD_SECONDS:
        yield (
            f"The oldest message of {name} has waited {duration(variant.oldest_seconds or 0)}: "
            f"`./deploy.sh logs {name} --errors --since 1h` says what holds it up."
        )


def _function(machine: Machine, variant: DeployedVariant) -> tuple[str, list[str]]:
    """The image that a variant's function runs, and what is wrong with it and its mapping."""
    functions = machine.clients["lambda"]
    described = functions.get_function(FunctionName=variant.function)
    state = described["Configuration"]
    problems = []
    if state.get("State", "Active") not in _ALIVE:
        problems.append(f"The function {variant.function} is {state['State']}: {state.get('StateReason', '')}")
    if state.get("LastUpdateStatus") == "Failed":
        problems.append(f"The last update of {variant.function} failed: {state.get('LastUpdateStatusReason', '')}")
    mappings = functions.list_event_source_mappings(FunctionName=variant.function)["EventSourceMappings"]
    if _READING.isdisjoint(mapping.get("State", "Enabled") for mapping in mappings):
        problems.append(
            f"Nothing takes messages out of the queue of {variant.name}, its event source mapping is "
            f"{mappings[0]['State'].lower() if mappings else 'gone'}: `./deploy.sh up` makes it as it was."
        )
    return described.get("Code", {}).get("ImageUri", ""), problems


def resources(machine: Machine) -> Iterator[tuple[str, str]]:
    """Kind and physical id of everything in the stack. Raises ClientError."""
    pages = machine.clients["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=machine.name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            yield resource["ResourceType"], resource.get("PhysicalResourceId", "")


def _alarms(machine: Machine) -> dict[str, str]:
    """The reasons of the stack's alarms that are going off, by name."""
    names = [name for kind, name in resources(machine) if kind == "AWS::CloudWatch::Alarm" and name]
    ringing = {}
    for some in batches(names, 100):
        described = machine.clients["cloudwatch"].describe_alarms(AlarmNames=some, StateValue="ALARM")
        for alarm in described.get("MetricAlarms", ()):
            ringing[alarm["AlarmName"]] = alarm.get("StateReason", "")
    return ringing


class _Counters:
    """What CloudWatch counted lately."""

    def __init__(self, values: Mapping[Metric, list[float]]) -> None:
        self._values = values

    def errors(self, variant: DeployedVariant) -> int:
        return round(sum(self._values[_lambda("Errors", variant)]))

    def throttles(self, variant: DeployedVariant) -> int:
        return round(sum(self._values[_lambda("Throttles", variant)]))

    def oldest(self, variant: DeployedVariant) -> int | None:
        values = self._values[_age(variant)]
        return round(values[0]) if values else None


def _counters(machine: Machine) -> _Counters:
    now = datetime.now(UTC)
    sums = [_lambda(name, variant) for variant in machine.variants for name in ("Errors", "Throttles")]
    values = metric_values(machine, sums, "Sum", 300, now - HOUR, now)
    # CloudWatch hears of a queue once a minute, and a little later.
    ages = [_age(variant) for variant in machine.variants]
    return _Counters(values | metric_values(machine, ages, "Maximum", 60, now - timedelta(minutes=10), now))


def _lambda(name: str, variant: DeployedVariant) -> Metric:
    return Metric("AWS/Lambda", name, (("FunctionName", variant.function),))


def _age(variant: DeployedVariant) -> Metric:
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", queue_name(variant.queue_url)),))


def objects_about(machine: Machine) -> int | None:
    """How many objects the uploads' bucket held when S3 last counted, once a day; None where it has not."""
    by = (("BucketName", machine.source_bucket), ("StorageType", "AllStorageTypes"))
    metric, now = Metric("AWS/S3", "NumberOfObjects", by), datetime.now(UTC)
    counts = metric_values(machine, [metric], "Average", 86_400, now - timedelta(days=3), now)[metric]
    return round(counts[0]) if counts else None


def queue_name(url: str) -> str:
    """The last part of a queue's URL."""
    return url.rpartition("/")[2]


def metric_values(
    machine: Machine, metrics: Sequence[Metric], statistic: str, period: int, start: datetime, end: datetime
) -> dict[Metric, list[float]]:
    """The values of each metric, newest first, one for each `period` in seconds of which there is any."""
    found: dict[Metric, list[float]] = {metric: [] for metric in metrics}
    for some in batches(metrics, _QUERIES):
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": metric.namespace,
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                    },
                    "Period": period,
                    "Stat": statistic,
                },
            }
            for number, metric in enumerate(some)
        ]
        pages = (
            machine.clients["cloudwatch"]
            .get_paginator("get_metric_data")
            .paginate(MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampDescending")
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[some[int(result["Id"][1:])]] += result["Values"]
    return found
