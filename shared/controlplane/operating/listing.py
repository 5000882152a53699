"""A bucket's objects in the order of their keys, a page ahead of whoever takes them, and never more than two pages."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.errors import Failure


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    path: str
    """Its key without the prefix that all of its kind share."""
    etag: str
    modified: datetime
    size: int
    """In bytes."""


def objects(
    s3: Any, ahead: Executor, bucket: str, prefix: str, below: str = "", without: Sequence[str] = ()
) -> Iterator[Listed]:
    """What lies in `bucket` under `prefix`, of that only the paths that begin with `below`, in order.

    Folder markers are left out, and keys under one of the prefixes `without`. `ahead` fetches the next page while
    this one is worked on. Raises Failure where the listing is not in order: whoever merges it would be misled.
    """
    last = ""
    for entry in _entries(s3, ahead, bucket, prefix + below):
        key: str = entry["Key"]
        if key < last:
            raise Failure(f"The listing of s3://{bucket}/{prefix} is not in the order of its keys, as S3's is.")
        last = key
        marker = key.endswith("/") and entry["Size"] == 0
        if not marker and not key.startswith(tuple(without)):
            yield Listed(key.removeprefix(prefix), entry["ETag"].strip('"'), entry["LastModified"], entry["Size"])


def _entries(s3: Any, ahead: Executor, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    asked: dict[str, str] = {"Bucket": bucket, "Prefix": prefix}
    page: Future[dict[str, Any]] | None = ahead.submit(s3.list_objects_v2, **asked)
    while page is not None:
        answer = page.result()
        token = answer.get("NextContinuationToken")
        page = ahead.submit(s3.list_objects_v2, **asked, ContinuationToken=token) if token else None
        yield from answer.get("Contents", ())
