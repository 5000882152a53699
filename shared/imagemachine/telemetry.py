"""One JSON line on standard output per picture and variant: the log, and CloudWatch's metrics, in one.

Source of the metrics' form: "Specification: Embedded metric format" in the Amazon CloudWatch User Guide.
"""

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "ImageMachine"

_writing = threading.Lock()


def emit(
    properties: Mapping[str, Any],
    metrics: Mapping[str, str],
    dimensions: Sequence[Sequence[str]],
) -> None:
    """Write `properties` as a line; those named by `metrics` (name to unit) are metrics by `dimensions`.

    A metric whose value is None is left out, as is every dimension set of which a property is None.
    """
    embedded = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [list(names) for names in dimensions],
                "Metrics": [
                    {"Name": name, "Unit": unit} for name, unit in metrics.items() if properties.get(name) is not None
                ],
            }
        ],
    }
    line = json.dumps({"_aws": embedded, **properties}) + "\n"
    with _writing:
        sys.stdout.write(line)
        sys.stdout.flush()
