"""One object, as S3 tells of it without sending it."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from controlplane.account import code
from controlplane.operating.listing import Listed

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


def head(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    """What S3 says of an object; None where it says that there is none. Raises ClientError for everything else."""
    try:
        answer: dict[str, Any] = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code(error) in _ABSENT:
            return None
        raise
    return answer


def listed(path: str, answer: Mapping[str, Any]) -> Listed:
    """The object as a listing would show it."""
    return Listed(path, answer["ETag"].strip('"'), answer["LastModified"], answer["ContentLength"])
