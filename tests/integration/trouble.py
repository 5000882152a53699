"""Trouble on the wire: an HTTP proxy in front of the emulated account that does what networks and services do.

The functions are given its address as their AWS endpoint. What goes wrong with a request is decided by a plan,
a function from the request to a `Trouble`; `Storm` is a seeded random one. `hold` stops matching requests until
they are released, so that a test can let things happen at one exact moment.
"""

import http.client
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class Trouble(StrEnum):
    """What can happen to one request."""

    SLOW = "slow"
    """It takes a while."""
    INTERNAL_ERROR = "500"
    """S3 answers 500, and has done nothing."""
    SLOW_DOWN = "503"
    """S3 answers 503 SlowDown, and has done nothing."""
    RESET_BEFORE = "reset-before"
    """The connection breaks before the request has arrived."""
    RESET_AFTER = "reset-after"
    """The request is carried out, and the connection breaks before the answer has arrived."""
    TRUNCATED = "truncated"
    """The answer's body ends early."""


Plan = Callable[[str, str], Trouble | None]
"""From a request's method and path to what happens to it."""


class Once:
    """One trouble, at the call number `when` from 0 on; the methods of all calls are in `calls`."""

    def __init__(self, trouble: Trouble, when: int) -> None:
        self.calls: list[str] = []
        self._trouble = trouble
        self._when = when

    def __call__(self, method: str, path: str) -> Trouble | None:
        self.calls.append(method)
        return self._trouble if len(self.calls) == self._when + 1 else None


class Storm:
    """Trouble for a share of all requests, at random from a seed."""

    def __init__(self, seed: int, share: float) -> None:
        self._random = random.Random(seed)
        self._share = share
        self._lock = threading.Lock()
        self.seen: Counter[str] = Counter()

    def __call__(self, method: str, path: str) -> Trouble | None:
        with self._lock:
            if self._random.random() >= self._share:
                return None
            trouble = self._random.choice(list(Trouble))
            self.seen[trouble] += 1
            return trouble


class Hold:
    """Requests that wait: `arrived` is set by the first, `release` lets all of them go."""

    def __init__(self, method: str, pattern: str) -> None:
        self.arrived = threading.Event()
        self._released = threading.Event()
        self._method = method
        self._pattern = re.compile(pattern)

    def release(self) -> None:
        self._released.set()

    def pass_by(self, method: str, path: str) -> None:
        if method == self._method and self._pattern.search(path) and not self._released.is_set():
            self.arrived.set()
            self._released.wait(60)


class Proxy:
    """Listens on `endpoint` and hands requests on to `upstream`, but for the trouble that `plan` makes."""

    def __init__(self, upstream: str) -> None:
        self.plan: Plan = lambda method, path: None
        self.holds: list[Hold] = []
        self._address = urlsplit(upstream).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # A body that waits for its headers to be acknowledged comes 40 ms late.

            def handle_any(self) -> None:
                proxy._serve(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server's names

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's name
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def hold(self, method: str, pattern: str) -> Iterator[Hold]:
        """Stop requests whose path matches the regular expression `pattern`, until released or the block ends."""
        hold = Hold(method, pattern)
        self.holds.append(hold)
        try:
            yield hold
        finally:
            self.holds.remove(hold)
            hold.release()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = _body(request)
        trouble = self.plan(request.command, request.path)
        for hold in list(self.holds):
            hold.pass_by(request.command, request.path)
        match trouble:
            case Trouble.SLOW:
                time.sleep(0.2)
            case Trouble.INTERNAL_ERROR:
                return _answer_error(request, 500, "InternalError")
            case Trouble.SLOW_DOWN:
                return _answer_error(request, 503, "SlowDown")
            case Trouble.RESET_BEFORE:
                return _reset(request)
        status, headers, answer = self._answer(request, body)
        if trouble is Trouble.RESET_AFTER:
            return _reset(request)
        request.send_response_only(status)
        for name, value in headers:
            request.send_header(name, value)
        request.end_headers()
        if trouble is Trouble.TRUNCATED and answer:
            request.wfile.write(answer[: len(answer) // 2])
            return _reset(request)
        request.wfile.write(answer)
        return None

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body: the account's own, unless whoever stands before it has something to say."""
        return self._forward(request, body)

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self._address, timeout=60)
        try:
            upstream.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in {"connection", "expect", "content-length", "transfer-encoding"}:
                    upstream.putheader(name, value)
            if body or request.command in {"PUT", "POST", "PATCH"}:
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            response = upstream.getresponse()
            answer = response.read()
            headers = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower() not in {"connection", "transfer-encoding", "content-length"}
            ]
            length = response.getheader("Content-Length") if request.command == "HEAD" else None
            headers.append(("Content-Length", length or str(len(answer))))
            return response.status, headers, answer
        finally:
            upstream.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed has hung up: that is what is being tested."""


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """All of it, whichever way its length is told."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    chunks = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
    while request.rfile.readline().strip():
        pass
    return b"".join(chunks)


def _answer_error(request: BaseHTTPRequestHandler, status: int, code: str) -> None:
    text = f"<Error><Code>{code}</Code><Message>Trouble.</Message></Error>".encode()
    request.send_response_only(status)
    request.send_header("Content-Type", "application/xml")
    request.send_header("Content-Length", str(len(text)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(text)


def _reset(request: BaseHTTPRequestHandler) -> None:
    """Close with a reset, not in good order."""
    request.wfile.flush()
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True
