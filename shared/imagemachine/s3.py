"""S3's three calls of every picture, without what boto3 does around each of them, and without loading it.

GetObject, HeadObject and PutObject are signed and sent here, once. Whatever does not simply succeed (no such object, a
redirect, an error, a broken connection, a wrong checksum) is asked of boto3's client, which knows when to try again,
where else to look, and how to say what went wrong. Every other call is asked of it anyway.
"""

import os
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha1, sha256
from http import HTTPStatus
from typing import Any

from imagemachine.connections import NO_ANSWER, Answer, Connections
from imagemachine.signature import UNSIGNED, Access, place, signed

_PAUSE_SECONDS = 1.0
"""The longest, where S3 is in trouble."""

_WHERE = {"Bucket", "Key"}
_HEADERS = {
    "ContentType": "content-type",
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
}
_METADATA = "x-amz-meta-"

_CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda data: sha1(data, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda data: sha256(data).digest(),
}


class S3:
    """boto3's S3 client, with a shorter way for three of its calls; safe to share between threads.

    boto3: gives that client, made when it is first asked for.
    """

    def __init__(self, access: Access, boto3: Callable[[], Any]) -> None:
        self._access = access
        self._boto3 = boto3
        self._connections = Connections(access.certificates)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._boto3(), name)

    def get_object(self, **request: Any) -> Mapping[str, Any]:
        """With the `Body` still to be read."""
        answer = self._ask("GET", request, {"x-amz-checksum-mode": "ENABLED"}) if request.keys() == _WHERE else None
        if answer is None:
            return self._left("get_object", request)
        described = _described(answer)
        # Whatever is there by then, what was announced is what is to be read.
        again = partial(self._left, "get_object", {**request, "IfMatch": described["ETag"]})
        return {**described, "Body": _Body(answer, again)}

    def head_object(self, **request: Any) -> Mapping[str, Any]:
        """What is known of an object."""
        answer = self._ask("HEAD", request, {}) if request.keys() == _WHERE else None
        return self._left("head_object", request) if answer is None else _described(answer)

    def put_object(self, **request: Any) -> Mapping[str, Any]:
        """Store an object whose body S3 compares with its checksum."""
        body = request.get("Body")
        if not isinstance(body, bytes) or not request.keys() - _HEADERS.keys() <= _WHERE | {"Body", "Metadata"}:
            return self._left("put_object", request)
        headers = {
            "x-amz-sdk-checksum-algorithm": "CRC32",
            "x-amz-checksum-crc32": _checksum("x-amz-checksum-crc32", body),
            **{header: request[name] for name, header in _HEADERS.items() if name in request},
            **{_METADATA + name.lower(): value for name, value in request.get("Metadata", {}).items()},
        }
        answer = self._ask("PUT", request, headers, body)
        return self._left("put_object", request) if answer is None else {"ETag": answer.headers.get("etag")}

    def close(self) -> None:
        """End the connections that wait."""
        self._connections.close()

    def _left(self, call: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = getattr(self._boto3(), call)(**request)
        return answer

    def _ask(
        self, method: str, where: Mapping[str, str], headers: Mapping[str, str], body: bytes = b""
    ) -> Answer | None:
        """The answer, where it is a success; what a GET gives is still to be read."""
        secure, host, path = place(self._access, where["Bucket"], where["Key"])
        # Its checksum is signed. AWS is only ever asked behind TLS; what is asked without is an emulator.
        payload = UNSIGNED if body else sha256(body).hexdigest()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = signed(self._access, method, host, path, headers, payload, moment)
        try:
            answer = self._connections.ask(secure, host, method, path, headers, body)
            measured = answer.headers.get("content-length", "").isdecimal()
            if answer.status == HTTPStatus.OK and measured and (method == "PUT" or "etag" in answer.headers):
                if method != "GET":
                    answer.read()
                return answer
        except NO_ANSWER:
            return None
        answer.close()
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            time.sleep(os.urandom(1)[0] / 255 * _PAUSE_SECONDS)  # Not everybody asks again at the same moment.
        return None


class _Body:
    """An object's bytes; where they do not come whole, `again` gives boto3's answer for the same ones."""

    def __init__(self, answer: Answer, again: Callable[[], Mapping[str, Any]]) -> None:
        self._answer = answer
        self._again = again

    def read(self) -> bytes:
        """All of them, complete and as they were stored; can be called once."""
        told = self._answer.headers
        # The checksum of an upload in parts is one of the parts' checksums, with their number behind a hyphen.
        names = [name for name in _CHECKSUMS if name in told and "-" not in told[name]]
        with suppress(*NO_ANSWER):
            data = self._answer.read()
            if all(told[name] == _checksum(name, data) for name in names):
                return data
        whole: bytes = self._again()["Body"].read()
        return whole

    def close(self) -> None:
        """Do without what has not been read."""
        self._answer.close()


def _described(answer: Answer) -> dict[str, Any]:
    headers = answer.headers
    described: dict[str, Any] = {
        "ETag": headers["etag"],
        "ContentLength": int(headers["content-length"]),
        "Metadata": {
            name.removeprefix(_METADATA): value for name, value in headers.items() if name.startswith(_METADATA)
        },
    }
    described |= {name: headers[header] for name, header in _HEADERS.items() if header in headers}
    if "x-amz-version-id" in headers:
        described["VersionId"] = headers["x-amz-version-id"]
    return described


def _checksum(name: str, data: bytes) -> str:
    return b64encode(_CHECKSUMS[name](data)).decode()
