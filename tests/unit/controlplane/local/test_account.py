"""The short way to an object ends as the long one does, and only what is plain takes it."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ministack import app as ministack
from ministack.services import s3

from controlplane.local import account

BUCKET = "pictures"
HOST = {"host": "127.0.0.1:4566"}
SIGNED = HOST | {
    "authorization": "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/s3/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=00"
}
OURS = {"date", "x-amz-request-id", "x-amz-id-2", "x-amzn-requestid", "last-modified"}
"""Which differ from one request to the next, or which browsers alone ask for."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Answer = tuple[int, dict[str, str], bytes]


def scope(method: str, path: str, headers: Mapping[str, str] = HOST, query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }


def asked(app: Any, method: str, path: str, headers: Mapping[str, str] = HOST, body: bytes = b"") -> Answer:
    """The answer of `app`, in which the body comes in two pieces."""
    said: list[dict[str, Any]] = []
    if method == "PUT":
        headers = {**headers, "content-length": str(len(body))}
    pieces = [
        {"type": "http.request", "body": body[:3], "more_body": True},
        {"type": "http.request", "body": body[3:], "more_body": False},
    ]

    async def receive() -> dict[str, Any]:
        return pieces.pop(0)

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    asyncio.run(app(scope(method, path, headers), receive, send))
    start, content = said
    told = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    told = {name: value for name, value in told.items() if name not in OURS and "access-control" not in name}
    return start["status"], told, re.sub(rb"<(RequestId|HostId)>[^<]*", b"", content["body"])


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    assert asked(account.app, "PUT", f"/{BUCKET}")[0] == 200
    yield
    s3.reset()


STORED = {"content-type": "image/jpeg", "cache-control": "no-store", "x-amz-meta-recipe": "ü r"}


@pytest.mark.parametrize("who", [HOST, SIGNED])
@pytest.mark.parametrize(
    ("method", "key", "more", "body"),
    [
        ("GET", "a b+ü.jpg", {}, b""),
        ("HEAD", "a b+ü.jpg", {}, b""),
        ("GET", "nothing.jpg", {}, b""),
        ("HEAD", "nothing.jpg", {}, b""),
        ("GET", "a b+ü.jpg", {"range": "bytes=2-4"}, b""),
        ("GET", "a b+ü.jpg", {"if-none-match": '"44f9baec7aee8fbc19f0d5a7a3ed9f1e"'}, b""),
        ("GET", "a b+ü.jpg", {"if-match": '"0"'}, b""),
        ("GET", "a b+ü.jpg", {"x-amz-checksum-mode": "ENABLED"}, b""),
        ("PUT", "new.jpg", STORED, b"another picture"),
        ("PUT", "empty.jpg", STORED, b""),
        ("PUT", "new.jpg", {"x-amz-checksum-crc32": "AAAAAA=="}, b"another picture"),
        ("PUT", "new.jpg", {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"another picture"),
        ("PUT", "a b+ü.jpg", {"if-none-match": "*"}, b"another picture"),
    ],
)
def test_the_short_way_ends_as_the_long_one(
    who: dict[str, str], method: str, key: str, more: dict[str, str], body: bytes
) -> None:
    path, headers = f"/{BUCKET}/{key}", who | more
    asked(ministack.app, "PUT", f"/{BUCKET}/a b+ü.jpg", who | STORED, b"a picture")
    length = {"content-length": str(len(body))} if method == "PUT" else {}
    assert account.plain(scope(method, path, headers | length)) == headers | length
    answers, stored = [], []
    for app in (ministack.app, account.app):
        answers.append(asked(app, method, path, headers, body))
        stored.append(asked(ministack.app, "GET", path))
        if key == "new.jpg":
            asked(ministack.app, "DELETE", path)
    assert answers[0] == answers[1]
    assert stored[0] == stored[1]


@pytest.mark.parametrize(
    "request_",
    [
        scope("DELETE", f"/{BUCKET}/a.jpg"),
        scope("POST", f"/{BUCKET}/a.jpg"),
        scope("GET", f"/{BUCKET}"),
        scope("GET", f"/{BUCKET}/"),
        scope("GET", "/"),
        scope("GET", "/another/a.jpg"),
        scope("GET", "/_ministack/health"),
        scope("GET", f"/{BUCKET}/a.jpg", query=b"versionId=1"),
        scope("GET", f"/{BUCKET}/a.jpg", {"host": f"{BUCKET}.s3.amazonaws.com"}),
        scope("GET", f"/{BUCKET}/a.jpg", {"host": "abc.execute-api.localhost:4566"}),
        scope("GET", f"/{BUCKET}/a.jpg", {}),
        scope("GET", f"/{BUCKET}/a.jpg", HOST | {"origin": "http://localhost"}),
        scope("GET", f"/{BUCKET}/a.jpg", HOST | {"x-amz-target": "DynamoDB_20120810.GetItem"}),
        scope("GET", f"/{BUCKET}/a.jpg", SIGNED | {"authorization": SIGNED["authorization"].replace("/s3/", "/sqs/")}),
        scope("GET", f"/{BUCKET}/a.jpg", HOST | {"authorization": "AWS test:00"}),
        scope("GET", f"/{BUCKET}/a.jpg", HOST | {"content-length": "3"}),
        scope("PUT", f"/{BUCKET}/a.jpg"),
        scope("PUT", f"/{BUCKET}/a.jpg", HOST | {"content-length": "0", "x-amz-copy-source": "/a/b"}),
        scope("PUT", f"/{BUCKET}/a.jpg", HOST | {"content-length": "9", "content-encoding": "aws-chunked"}),
        scope("PUT", f"/{BUCKET}/a.jpg", HOST | {"content-length": "9", "x-amz-decoded-content-length": "1"}),
        scope("PUT", f"/{BUCKET}/a.jpg", HOST | {"content-length": "9", "x-amz-content-sha256": "STREAMING-X"}),
        {"type": "lifespan"},
    ],
)
def test_everything_else_goes_the_long_way(request_: dict[str, Any]) -> None:
    assert account.plain(request_) is None


def test_where_roles_are_enforced_nothing_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack, "AUTH", True)
    assert account.plain(scope("GET", f"/{BUCKET}/a.jpg")) is None


def test_an_upload_that_is_broken_off_is_not_stored() -> None:
    pieces: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"pic", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return pieces.pop(0)

    async def send(_: object) -> None:
        raise AssertionError("nobody is there")

    asyncio.run(account.app(scope("PUT", f"/{BUCKET}/a.jpg", HOST | {"content-length": "7"}), receive, send))
    assert asked(account.app, "HEAD", f"/{BUCKET}/a.jpg")[0] == 404
