"""AWS's prices, quotas and scaling rules, out of one dated data file; its keys are the names used here."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("aws.toml")


@dataclass(frozen=True)
class Prices:
    """In US dollars."""

    gigabyte_second: dict[str, float]
    """By architecture."""
    million_invocations: float
    poller_hour: float
    million_sqs_requests: float
    million_publishes: float
    thousand_puts: float
    thousand_gets: float
    gigabyte_of_logs: float


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
    prices = Prices(
        gigabyte_second=data["lambda_price"]["gigabyte_second"],
        million_invocations=data["lambda_price"]["million_requests"],
        poller_hour=data["lambda_price"]["poller_hour"],
        million_sqs_requests=data["sqs"]["million_requests"],
        million_publishes=data["sns"]["million_publishes"],
        thousand_puts=data["s3"]["thousand_puts"],
        thousand_gets=data["s3"]["thousand_gets"],
        gigabyte_of_logs=data["cloudwatch"]["gigabyte_of_logs"],
    )
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
    return Aws(checked=data["checked"], region=data["region"], prices=prices, rules=rules)
