"""S3 in memory, as far as the machine uses it: tests see each request, and have their answer at once."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class Buckets:
    """A client for all of them; whatever bucket is named is there."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What each was put with, by bucket and key."""
    before: Callable[[str, str], None] = lambda call, key: None
    """Called with each call's name and key, before it is answered."""
    versioned: bool = False
    _puts: int = 0

    def keys(self) -> set[str]:
        return {key for _, key in self.objects}

    def put_object(self, **request: Any) -> dict[str, Any]:
        self.before("put", request["Key"])
        self._puts += 1
        version = {"VersionId": f"v{self._puts}"} if self.versioned else {}
        etag = md5(request["Body"], usedforsecurity=False).hexdigest()
        self.objects[request["Bucket"], request["Key"]] = {"ETag": f'"{etag}"', **version, **request}
        return {"ETag": f'"{etag}"'}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        found = self._found("get", Bucket, Key)
        return {**found, "Body": io.BytesIO(found["Body"]), "ContentLength": len(found["Body"])}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return self._found("head", Bucket, Key)

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        self.before("delete", Key)
        self.objects.pop((Bucket, Key), None)

    def get_paginator(self, name: str) -> "Buckets":
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        """A page for each, and one that holds nothing."""
        yield {}
        for bucket, key in sorted(self.objects):
            if bucket == Bucket and key.startswith(Prefix):
                yield {"Contents": [{"Key": key}]}

    def _found(self, call: str, bucket: str, key: str) -> dict[str, Any]:
        self.before(call, key)
        if (bucket, key) not in self.objects:
            code = "404" if call == "head" else "NoSuchKey"
            raise ClientError({"Error": {"Code": code}}, call)
        return {"Metadata": {}, **self.objects[bucket, key]}
