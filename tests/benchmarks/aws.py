"""AWS's quotas and scaling rules beside its prices, out of one dated data file; its keys are the names used here."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from controlplane.operating.prices import FILE, Prices


@dataclass(frozen=True)
class Rules:
    """What may run at once and how fast that may grow."""

    concurrency: int
    requests_per_concurrency: int
    megabytes_per_cpu: int
    environments_per_10_seconds: int
    standard_start: int
    standard_per_minute: int
    standard_most: int
    least_pollers: int
    most_pollers: int
    invocations_per_poller: int
    polls_per_second_and_poller: int
    provisioned_per_minute: int
    messages_per_request: int
    in_flight: int
    publishes_per_second: int
    puts_per_second: int
    gets_per_second: int


@dataclass(frozen=True)
class Aws:
    """The data file."""

    checked: date
    region: str
    prices: Prices
    rules: Rules


def load(path: Path = FILE) -> Aws:
    """Raises KeyError where the file lacks a number."""
    data: dict[str, Any] = tomllib.loads(path.read_text())
    quota, standard, provisioned = data["lambda_quota"], data["standard_polling"], data["provisioned_polling"]
    prices = Prices.load(path)
    rules = Rules(
        concurrency=quota["concurrency"],
        requests_per_concurrency=quota["requests_per_concurrency"],
        megabytes_per_cpu=quota["megabytes_per_cpu"],
        environments_per_10_seconds=quota["environments_per_10_seconds"],
        standard_start=standard["start"],
        standard_per_minute=standard["per_minute"],
        standard_most=standard["most"],
        least_pollers=provisioned["least_pollers"],
        most_pollers=provisioned["most_pollers"],
        invocations_per_poller=provisioned["invocations_per_poller"],
        polls_per_second_and_poller=provisioned["polls_per_second_and_poller"],
        provisioned_per_minute=provisioned["invocations_per_minute"],
        messages_per_request=data["sqs"]["messages_per_request"],
        in_flight=data["sqs"]["in_flight"],
        publishes_per_second=data["sns"]["publishes_per_second"],
        puts_per_second=data["s3"]["puts_per_second"],
        gets_per_second=data["s3"]["gets_per_second"],
    )
    return Aws(checked=prices.checked, region=prices.region, prices=prices, rules=rules)
