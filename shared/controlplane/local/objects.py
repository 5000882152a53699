"""The objects of the emulated S3, each put or taken by one plain HTTP request.

boto3 would spend several times as long on each as the emulator does, on processors that the functions need.
"""

import http.client
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from controlplane.local.disk import Output

TIMEOUT_SECONDS = 60.0
_ATTEMPTS = 3


class TransferError(Exception):
    """The object could not be put or taken; the message says why."""


class Objects:
    """Puts and takes objects, over a connection for each thread. Thread-safe.

    The requests are not signed: the emulator does not ask who sends them.
    """

    def __init__(self, endpoint: str) -> None:
        self._address = urlsplit(endpoint).netloc
        self._own = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close all connections; nobody may be using one."""
        for connection in self._opened:
            connection.close()

    def put(self, bucket: str, key: str, file: BinaryIO, length: int, content_type: str) -> None:
        """Store the first `length` bytes of `file`. Raises TransferError."""

        def send(connection: http.client.HTTPConnection) -> None:
            connection.putrequest("PUT", _path(bucket, key))
            connection.putheader("Content-Type", content_type)
            connection.putheader("Content-Length", str(length))
            connection.endheaders()
            channel: socket.socket = connection.sock
            # Of no bytes, sendfile would make all that there are.
            if length and channel.sendfile(file, 0, length) != length:
                raise OSError("the file became shorter meanwhile")

        self._exchange(send, lambda answer: answer.read())

    def get(self, bucket: str, key: str, target: Path) -> None:
        """Write an object to the file `target`. Raises TransferError, and OSError where that cannot be opened."""
        with Output(target) as output:

            def take(answer: http.client.HTTPResponse) -> None:
                output.write(answer.readinto)
                if answer.length:
                    raise OSError(f"{answer.length:,} bytes are missing")

            self._exchange(lambda connection: connection.request("GET", _path(bucket, key)), take)

    def _exchange(
        self,
        send: Callable[[http.client.HTTPConnection], None],
        take: Callable[[http.client.HTTPResponse], object],
    ) -> None:
        """Send a request and take its answer, again where that fails on the way."""
        for attempt in range(1, _ATTEMPTS + 1):
            connection = self._connection()
            try:
                send(connection)
                answer = connection.getresponse()
                if answer.status == http.client.OK:
                    take(answer)
                    return
                answer.read()
                trouble: object = f"S3 answered {answer.status} {answer.reason}"
                lasting = answer.status < http.client.INTERNAL_SERVER_ERROR
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                trouble, lasting = error or type(error).__name__, False
            if lasting or attempt == _ATTEMPTS:
                raise TransferError(f"{trouble}")

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's own; it opens itself again when it was closed."""
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
            self._own.connection = connection
            self._opened.append(connection)
        return connection


def _path(bucket: str, key: str) -> str:
    return f"/{bucket}/{quote(key, safe='/~')}"
