"""One JSON line on standard output per picture and variant: the log, and CloudWatch's metrics, in one.

Source of the metrics' form: "Specification: Embedded metric format" in the Amazon CloudWatch User Guide.
"""

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMESPACE = "ImageMachine"

_writing = threading.Lock()


@dataclass(frozen=True)
class Measures:
    """Which of a line's properties CloudWatch makes metrics of; each combination of their dimensions is billed."""

    units: Mapping[str, str]
    """By the property's name: Count, Milliseconds, Bytes, ..."""
    by: Sequence[str]
    """The properties that are the metrics' dimensions."""


def emit(properties: Mapping[str, Any], *measures: Measures) -> None:
    """Write `properties` as a line, and have `measures` taken of it.

    A property that is None is not measured; where a dimension is None, nothing is measured by it.
    """
    embedded = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [list(measure.by)],
                "Metrics": [
                    {"Name": name, "Unit": unit}
                    for name, unit in measure.units.items()
                    if properties.get(name) is not None
                ],
            }
            for measure in measures
            if all(properties.get(name) is not None for name in measure.by)
        ],
    }
    line = json.dumps({"_aws": embedded, **properties}) + "\n"
    with _writing:
        sys.stdout.write(line)
        sys.stdout.flush()
