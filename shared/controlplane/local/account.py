"""The emulated account as it is served: MiniStack's application, with a shorter way to S3's objects.

Nearly all that the machine asks of it is to give, take or describe one object. MiniStack first looks whether such a
request may be meant for any of a hundred other services and hosts, which takes longer than S3's own answer. What S3
does with it (who owns the bucket, conditions, checksums, versions, notifications) is MiniStack's own, on both ways.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from ministack import app as ministack
from ministack.core import responses, router, sigv4
from ministack.services import s3

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_METHODS = frozenset({"GET", "HEAD", "PUT"})
_HOST = re.compile(r"(?:[0-9.]+|localhost|host\.docker\.internal)(?::[0-9]+)?")
"""One that names no bucket, API or function."""
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/[^/]+/[^/]+/s3/aws4_request,.*")
_SPECIAL = frozenset(
    {"origin", "transfer-encoding", "x-amz-copy-source", "x-amz-decoded-content-length", "x-amz-target"}
)


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """What uvicorn calls for each request."""
    headers = plain(scope)
    if headers is None:
        await ministack.app(scope, receive, send)
    else:
        await _answer(scope, headers, receive, send)


def plain(scope: Message) -> dict[str, str] | None:
    """The headers of a request for one object that S3 can be handed as it is; None for everything else."""
    if ministack.AUTH or scope["type"] != "http" or scope["method"] not in _METHODS or scope["query_string"]:
        return None
    bucket, _, key = scope["path"][1:].partition("/")
    if not key or s3._bucket_owner_account(bucket) is None:  # noqa: SLF001 - as it looks for it
        return None
    pairs = [(name.decode("latin-1"), sigv4.decode_header_value(value)) for name, value in scope["headers"]]
    headers = dict(pairs)
    signature = headers.get("authorization")
    if (
        len(headers) != len(pairs)
        or not _SPECIAL.isdisjoint(headers)
        or not _HOST.fullmatch(headers.get("host", ""))
        or (signature is not None and not _SIGNED.fullmatch(signature))
        or "aws-chunked" in headers.get("content-encoding", "")
        or headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        or (scope["method"] == "PUT") != ("content-length" in headers)
    ):
        return None
    return headers


async def _answer(scope: Message, headers: dict[str, str], receive: Receive, send: Send) -> None:
    """As ministack.app does, from the request's account and region to the response's headers."""
    method, path = scope["method"], scope["path"]
    responses.set_request_client_ip((scope.get("client") or ("127.0.0.1",))[0])
    async with ministack._get_reset_lock():  # noqa: SLF001 - nothing is answered out of half an account
        pass
    if access_key := router.extract_access_key_id(headers):
        responses.set_request_account_id(access_key)
    responses.set_request_region(router.extract_region(headers))
    try:
        body = await _body(receive) if method == "PUT" else b""
    except ConnectionError:
        return  # Nobody is there to be answered.
    status, told, body = await s3.handle_request(method, path, headers, body, {})
    described = method == "HEAD" and s3.is_standard_object_request(method, path, headers, {})
    if described:
        status, told, body = s3.format_head_response(path, headers, (status, told, body))
    lines = {"date": formatdate(usegmt=True), **{name.lower(): str(value) for name, value in told.items()}}
    if not described:
        lines.setdefault("content-length", str(len(body)))
    encode = ministack._encode_header_value  # noqa: SLF001 - metadata need not be Latin-1
    encoded = [(name.encode("latin-1"), encode(value)) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    """All of it: uvicorn has seen to its length. Raises ConnectionError where the client goes before its end."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        pieces.append(message["body"])
        if not message["more_body"]:
            return b"".join(pieces)
