"""S3 over HTTP with as little of its own as can be: what a client costs and what waiting costs show.

    python -m benchmarks.peers.s3_server [MILLISECONDS]

prints the port it has taken, and answers every request after MILLISECONDS. It ends with its standard input.
"""

import hashlib
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Objects:
    """All objects by their path, with what their upload said of them."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.held: dict[str, tuple[bytes, str, dict[str, str]]] = {}


class Handler(BaseHTTPRequestHandler):
    """GET, HEAD, PUT and DELETE of objects; listing finds nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    objects: Objects

    def do_PUT(self) -> None:
        """Take an object."""
        data = self._body()
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        told = ("content-type", "x-amz-meta-")
        kept = {name: value for name, value in self.headers.items() if name.lower().startswith(told)}
        self.objects.held[self._path()] = data, etag, kept
        self._answer(200, b"", {"ETag": f'"{etag}"'})

    def do_GET(self) -> None:
        """Give an object; a path with a query is a listing."""
        if "list-type" in self.path:
            empty = b'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
            self._answer(200, empty, {"Content-Type": "application/xml"})
        elif held := self.objects.held.get(self._path()):
            data, etag, kept = held
            self._answer(200, data, {"ETag": f'"{etag}"', **kept})
        else:
            self._answer(404, b"", {})

    def do_HEAD(self) -> None:
        """As GET, without the object."""
        self.do_GET()

    def do_DELETE(self) -> None:
        """Forget an object."""
        self.objects.held.pop(self._path(), None)
        self._answer(204, b"", {})

    def log_message(self, *_: object) -> None:
        """Nothing: the log would be timed too."""

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _body(self) -> bytes:
        """As sent whole, or in AWS's chunks: size and signature, data, and so on to an empty one with trailers."""
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        time.sleep(self.objects.delay)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve(milliseconds: float) -> None:
    """Until standard input ends."""
    Handler.objects = Objects(milliseconds / 1000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
