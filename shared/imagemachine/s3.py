"""S3's three calls of every picture, without what boto3 does around each of them, and without loading it.

GetObject, HeadObject and PutObject are signed and sent here, once. Whatever does not simply succeed (no such object, a
redirect, an error, a broken connection, a wrong checksum) is asked of boto3's client, which knows when to try again,
where else to look, and how to say what went wrong. Every other call is asked of it anyway.
"""

import http.client
import os
import re
import select
import ssl
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha1, sha256
from hmac import digest
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlsplit

_CONNECT_SECONDS, _READ_SECONDS = 3.0, 15.0
_PAUSE_SECONDS = 1.0
"""The longest, where S3 is in trouble."""

_MOST_IDLE = 10
"""Connections: one for each picture of a batch."""

_REGION = re.compile(r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-[a-z]+-[0-9]")
_IN_HOST = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""A bucket that can stand in front of its host's name: a dot would not fit S3's certificate."""

_LEFT_TO_BOTO3 = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)

_WHERE = {"Bucket", "Key"}
_HEADERS = {"ContentType": "content-type", "CacheControl": "cache-control"}
_METADATA = "x-amz-meta-"

_NO_ANSWER = (OSError, http.client.HTTPException)

_UNSIGNED = "UNSIGNED-PAYLOAD"
"""What is signed in the place of a body that TLS and its checksum protect."""

_CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda data: sha1(data, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda data: sha256(data).digest(),
}


class Access(NamedTuple):
    """Where S3 is, and the credentials for it."""

    region: str
    key_id: str
    secret: str
    token: str | None = None
    endpoint: str | None = None
    """An emulator's; None: AWS."""
    certificates: str | None = None
    """A file or folder of those that are trusted; None: those that come with botocore."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self | None:
        """From an environment such as Lambda's; None where it asks for what only boto3 can do."""
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        proxies = any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in environ)
        special = proxies or any(environ.get(name) for name in _LEFT_TO_BOTO3)
        if special or not key_id or not secret or not _REGION.fullmatch(region):
            return None
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None
        token, certificates = environ.get("AWS_SESSION_TOKEN") or None, environ.get("AWS_CA_BUNDLE") or None
        return cls(region, key_id, secret, token, endpoint, certificates)


class S3:
    """boto3's S3 client, with a shorter way for three of its calls; safe to share between threads.

    boto3: gives that client, made when it is first asked for.
    """

    def __init__(self, access: Access, boto3: Callable[[], Any]) -> None:
        self._access = access
        self._boto3 = boto3
        self._connections = _Connections(access.certificates)

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
    ) -> "_Answer | None":
        """The answer, where it is a success; what a GET gives is still to be read."""
        secure, host, path = place(self._access, where["Bucket"], where["Key"])
        payload = _UNSIGNED if secure and body else sha256(body).hexdigest()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = signed(self._access, method, host, path, headers, payload, moment)
        try:
            answer = self._connections.ask(secure, host, method, path, headers, body)
            if method != "GET" or answer.status != http.client.OK:
                answer.read()
        except _NO_ANSWER:
            return None
        if answer.status == http.client.OK and (method == "PUT" or answer.headers.keys() >= {"etag", "content-length"}):
            return answer
        answer.close()
        if answer.status >= http.client.INTERNAL_SERVER_ERROR or answer.status == http.client.TOO_MANY_REQUESTS:
            time.sleep(os.urandom(1)[0] / 255 * _PAUSE_SECONDS)  # Not everybody asks again at the same moment.
        return None


def place(access: Access, bucket: str, key: str) -> tuple[bool, str, str]:
    """Where an object is: whether behind TLS, at which host, under which path."""
    path = "/" + quote(key, safe="/")
    if access.endpoint:
        # An emulator is one host, and has no name for each bucket.
        url = urlsplit(access.endpoint)
        return url.scheme == "https", url.netloc, f"{url.path.rstrip('/')}/{bucket}{path}"
    domain = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
    service = f"s3.{access.region}.{domain}"
    return (True, f"{bucket}.{service}", path) if _IN_HOST.fullmatch(bucket) else (True, service, f"/{bucket}{path}")


def signed(
    access: Access, method: str, host: str, path: str, headers: Mapping[str, str], payload: str, moment: str
) -> dict[str, str]:
    """`headers`, whose names are lower-case, with those that prove who asks, and when.

    payload: the body's SHA-256 in hexadecimal, or "UNSIGNED-PAYLOAD"; moment: such as 20261120T120000Z.
    Source: "Signature Version 4" in the Amazon S3 API Reference.
    """
    headers = {**headers, "host": host, "x-amz-content-sha256": payload, "x-amz-date": moment}
    if access.token:
        headers["x-amz-security-token"] = access.token
    names = sorted(headers)
    lines = (f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    canonical = f"{method}\n{path}\n\n{''.join(lines)}\n{';'.join(names)}\n{payload}"
    scope = (moment[:8], access.region, "s3", "aws4_request")
    key = f"AWS4{access.secret}".encode()
    for part in scope:
        key = digest(key, part.encode(), "sha256")
    text = "\n".join(("AWS4-HMAC-SHA256", moment, "/".join(scope), sha256(canonical.encode()).hexdigest()))
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access.key_id}/{'/'.join(scope)}, SignedHeaders={';'.join(names)},"
        f" Signature={digest(key, text.encode(), 'sha256').hex()}"
    )
    return headers


class _Answer:
    """An answer whose body has not been read, and the connection that it comes by."""

    def __init__(self, pool: "_Connections", host: str, connection: http.client.HTTPConnection) -> None:
        self._pool, self._host, self._connection = pool, host, connection
        self._kept = False
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.headers.items()}

    def read(self) -> bytes:
        """The body; the connection is then there for others. Raises OSError, HTTPException where it ends early."""
        try:
            body = self._response.read()
        except BaseException:
            self.close()
            raise
        self._kept = self._pool.keep(self._host, self._connection)
        return body

    def close(self) -> None:
        """Do without what has not been read."""
        if not self._kept:
            self._response.close()
            self._connection.close()


class _Body:
    """An object's bytes; where they do not come whole, `again` gives boto3's answer for the same ones."""

    def __init__(self, answer: _Answer, again: Callable[[], Mapping[str, Any]]) -> None:
        self._answer = answer
        self._again = again

    def read(self) -> bytes:
        """All of them, complete and as they were stored; can be called once."""
        told = self._answer.headers
        # The checksum of an upload in parts is one of the parts' checksums, with their number behind a hyphen.
        names = [name for name in _CHECKSUMS if name in told and "-" not in told[name]]
        with suppress(*_NO_ANSWER):
            data = self._answer.read()
            if all(told[name] == _checksum(name, data) for name in names):
                return data
        whole: bytes = self._again()["Body"].read()
        return whole

    def close(self) -> None:
        """Do without what has not been read."""
        self._answer.close()


class _Connections:
    """Connections that wait for their next request."""

    def __init__(self, certificates: str | None) -> None:
        self._certificates = certificates
        self._lock = threading.Lock()
        self._idle: list[tuple[str, http.client.HTTPConnection]] = []
        self._tls: ssl.SSLContext | None = None

    def ask(self, secure: bool, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Answer:
        """Send a request. Raises OSError, HTTPException."""
        while True:
            connection = self._taken(host) or self._made(secure, host)
            used = connection.sock is not None
            try:
                if not used:
                    connection.connect()
                    connection.sock.settimeout(_READ_SECONDS)
                connection.putrequest(method, path, skip_host=True)
                for name, value in headers.items():
                    connection.putheader(name, value)
                if body:
                    connection.putheader("content-length", str(len(body)))
                connection.endheaders(body or None)
                return _Answer(self, host, connection)
            except (ConnectionError, ssl.SSLEOFError):
                connection.close()
                # S3 ends connections that were idle for long, perhaps at this very moment.
                if not used:
                    raise
            except BaseException:
                connection.close()
                raise

    def keep(self, host: str, connection: http.client.HTTPConnection) -> bool:
        """For the next request; False where the other side has ended it."""
        if connection.sock is None:
            return False
        with self._lock:
            self._idle.append((host, connection))
            surplus = self._idle[:-_MOST_IDLE]
            del self._idle[:-_MOST_IDLE]
        for _, oldest in surplus:
            oldest.close()
        return True

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            while self._idle:
                self._idle.pop()[1].close()

    def _taken(self, host: str) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                place = next((place for place, (name, _) in enumerate(self._idle) if name == host), None)
                if place is None:
                    return None
                connection = self._idle.pop(place)[1]
            poll = select.poll()
            poll.register(connection.sock, select.POLLIN)
            if not poll.poll(0):
                return connection
            connection.close()  # By the other side: there is nothing that it could have said.

    def _made(self, secure: bool, host: str) -> http.client.HTTPConnection:
        if not secure:
            return http.client.HTTPConnection(host, timeout=_CONNECT_SECONDS)
        with self._lock:
            self._tls = self._tls or _trusting(self._certificates)
        return http.client.HTTPSConnection(host, timeout=_CONNECT_SECONDS, context=self._tls)


def _trusting(certificates: str | None) -> ssl.SSLContext:
    import botocore  # noqa: PLC0415 - for its certificates: every computer has these, and boto3 trusts them

    path = Path(certificates) if certificates else Path(botocore.__file__).with_name("cacert.pem")
    return ssl.create_default_context(cafile=None if path.is_dir() else path, capath=path if path.is_dir() else None)


def _described(answer: _Answer) -> dict[str, Any]:
    headers = answer.headers
    described: dict[str, Any] = {
        "ETag": headers["etag"],
        "ContentLength": int(headers["content-length"]),
        "Metadata": {
            name.removeprefix(_METADATA): value for name, value in headers.items() if name.startswith(_METADATA)
        },
    }
    if "x-amz-version-id" in headers:
        described["VersionId"] = headers["x-amz-version-id"]
    return described


def _checksum(name: str, data: bytes) -> str:
    return b64encode(_CHECKSUMS[name](data)).decode()
