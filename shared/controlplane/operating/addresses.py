"""What a person types to name an upload, a part of them, or a time."""

import re
from datetime import UTC, datetime, timedelta

from controlplane.errors import UsageError
from controlplane.machine import Machine

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def upload_key(machine: Machine, text: str) -> str:
    """The key of the upload that `text` names: with or without the ingest prefix, or as an S3 URI.

    Raises UsageError.
    """
    key = machine.ingest_prefix + path_below(machine, text)
    if key == machine.ingest_prefix:
        raise UsageError("The key is empty: name an upload, such as holiday/cat.jpg.")
    return key


def path_below(machine: Machine, text: str) -> str:
    """What `text`, a key or the beginning of one in any of these forms, names below the ingest prefix.

    Raises UsageError.
    """
    if not text:
        raise UsageError("An empty name was given: leave it out, or name an upload or the beginning of its key.")
    if not text.startswith("s3://"):
        return text.removeprefix(machine.ingest_prefix)
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if bucket != machine.source_bucket or not key.startswith(machine.ingest_prefix):
        raise UsageError(
            f"{text} is no upload of {machine.name}: those are s3://{machine.source_bucket}/{machine.ingest_prefix}..."
        )
    return key.removeprefix(machine.ingest_prefix)


def moment(text: str, now: datetime) -> datetime:
    """The time that `text` names: so long ago, as in `90s`, `10m`, `2h`, `3d`, or ISO 8601. Raises UsageError."""
    if match := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return now - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time: 90s, 10m, 2h or 3d ago, or 2026-11-25T14:00.") from error
    return found.astimezone(UTC)


def iso(when: datetime) -> str:
    """A time as ISO 8601 in UTC, to the second: 2026-11-25T14:00:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
