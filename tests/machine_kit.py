"""Deployed machines for tests, without any account."""

import inspect
from datetime import UTC, datetime
from typing import Any

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.auditing import Count
from controlplane.operating.listing import Listed
from controlplane.operating.repairing import Survey
from controlplane.operating.worklist import Entry, WorkList


def machine(*names: str) -> Machine:
    """One with variants of these names; all else that it says is what the field is called, and it has no account."""
    fields = inspect.signature(DeployedVariant).parameters
    variants = tuple(DeployedVariant(**{field: field for field in fields} | {"name": name}) for name in names)
    said: dict[str, Any] = {field: field for field in inspect.signature(Machine).parameters}
    return Machine(**said | {"variants": variants, "parameters": {}, "outputs": {}, "clients": None})


def survey(uploads: int, looked: int, due: int, orphans: int, **counts: Count) -> Survey:
    """What an audit found: so many uploads, results looked at, results due and orphans, and each variant's counts."""
    found = Survey(dict(counts), WorkList(), WorkList(), uploads, looked)
    upload = Listed("ingest/a.jpg", "e", datetime(2030, 1, 2, tzinfo=UTC), 1)
    for number in range(max(due, orphans)):
        name = list(counts)[number % len(counts)]
        if number < due:
            found.due.add(Entry(name, upload, alone=False))
        if number < orphans:
            found.orphans.add(Entry(name, upload, alone=True))
    return found
