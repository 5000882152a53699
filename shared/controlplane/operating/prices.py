"""AWS's prices, out of one dated data file; its keys are the names used here."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("aws.toml")


@dataclass(frozen=True)
class Prices:
    """In US dollars, before free tiers."""

    checked: date
    region: str
    gigabyte_second: Mapping[str, float]
    """By architecture."""
    million_invocations: float
    poller_hour: float
    million_sqs_requests: float
    million_publishes: float
    thousand_puts: float
    """LIST costs the same."""
    thousand_gets: float
    """HEAD costs the same."""
    gigabyte_of_logs: float
    stored_gigabyte_month: float
    metric_month: float
    alarm_month: float
    dashboard_month: float

    @classmethod
    def load(cls, path: Path = FILE) -> "Prices":
        """Raises KeyError where the file lacks a number."""
        data: dict[str, Any] = tomllib.loads(path.read_text())
        return cls(
            checked=data["checked"],
            region=data["region"],
            gigabyte_second=data["lambda_price"]["gigabyte_second"],
            million_invocations=data["lambda_price"]["million_requests"],
            poller_hour=data["lambda_price"]["poller_hour"],
            million_sqs_requests=data["sqs"]["million_requests"],
            million_publishes=data["sns"]["million_publishes"],
            thousand_puts=data["s3"]["thousand_puts"],
            thousand_gets=data["s3"]["thousand_gets"],
            gigabyte_of_logs=data["cloudwatch"]["gigabyte_of_logs"],
            stored_gigabyte_month=data["s3"]["gigabyte_month"],
            metric_month=data["cloudwatch"]["metric_month"],
            alarm_month=data["cloudwatch"]["alarm_month"],
            dashboard_month=data["cloudwatch"]["dashboard_month"],
        )
