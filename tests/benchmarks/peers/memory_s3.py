"""S3 in a dictionary, with as much of boto3's client as the machine uses."""

import hashlib
import io
import threading
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

Answer = dict[str, Any]


class MemoryS3:
    """`delay`: seconds that every call takes, as on a network."""

    def __init__(self, delay: float = 0.0) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self._metadata: dict[tuple[str, str], dict[str, str]] = {}
        self._etags: dict[tuple[str, str], str] = {}
        self._delay = delay
        self.calls = 0
        """How often it was called."""
        self.most_at_once = 0
        """Calls."""
        self._lock = threading.Lock()
        self._running = 0

    def _call(self) -> None:
        with self._lock:
            self.calls += 1
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        if self._delay:  # Even a sleep of 0 takes a twentieth of a millisecond.
            time.sleep(self._delay)
        with self._lock:
            self._running -= 1

    def put_object(self, **request: Any) -> Answer:
        """The store that the machine does; the entity tag is the content's hash, as S3's is."""
        self._call()
        where = request["Bucket"], request["Key"]
        self.objects[where] = bytes(request["Body"])
        self._metadata[where] = request.get("Metadata", {})
        self._etags.pop(where, None)
        return {}

    def get_object(self, **request: Any) -> Answer:
        """With `Body`, a stream."""
        answer = self.head_object(**request)
        return answer | {"Body": io.BytesIO(self.objects[request["Bucket"], request["Key"]])}

    def head_object(self, **request: Any) -> Answer:
        """Raises ClientError(404) for what is not there."""
        self._call()
        where = request["Bucket"], request["Key"]
        if where not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        data = self.objects[where]
        if where not in self._etags:
            self._etags[where] = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return {"ETag": f'"{self._etags[where]}"', "ContentLength": len(data), "Metadata": self._metadata[where]}

    def delete_object(self, **request: Any) -> Answer:
        """Succeeds whether it was there or not."""
        self._call()
        self.objects.pop((request["Bucket"], request["Key"]), None)
        return {}

    def get_paginator(self, _: str) -> "MemoryS3":
        """The lister of keys: itself."""
        return self

    def paginate(self, **request: Any) -> Iterator[Answer]:
        """All keys of a prefix, in one page."""
        self._call()
        bucket, prefix = request["Bucket"], request["Prefix"]
        yield {"Contents": [{"Key": key} for place, key in self.objects if place == bucket and key.startswith(prefix)]}
