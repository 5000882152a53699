"""HTTP connections that are used again, shared between threads.

Only as much of HTTP as it takes to hear that S3 simply succeeded: http.client would spend longer on an answer's headers
than everything else that is done for the request.
"""

import select
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """What came is not all of an answer, or one of a kind that is not read here."""


NO_ANSWER = (OSError, NoAnswer)
"""What is raised where none comes, or not all of it."""

_CONNECT_SECONDS, _READ_SECONDS = 3.0, 15.0
_LONGEST_LINE, _MOST_HEADERS = 16_384, 100
_MOST_IDLE = 10
"""One for each picture of a batch."""

_WITHOUT_BODY = frozenset({204, 304})


class Answer:
    """An answer whose body has not been read, and the connection that it comes by."""

    def __init__(self, pool: "Connections", connection: "_Connection", method: str) -> None:
        """Raises OSError, NoAnswer."""
        self._pool, self._connection = pool, connection
        self._kept = False
        self.status, self.headers = connection.answer()
        self._length = self.headers.get("content-length", "")
        if method == "HEAD" or self.status in _WITHOUT_BODY:
            self._length = "0"

    def read(self) -> bytes:
        """The body; the connection is then there for others. Raises OSError, NoAnswer where it ends early."""
        try:
            if not self._length.isdecimal() or "transfer-encoding" in self.headers:
                raise NoAnswer("How long it is, is not told.")
            body = self._connection.read(int(self._length))
        except BaseException:
            self.close()
            raise
        if "close" in self.headers.get("connection", "").lower():
            self._connection.close()
        else:
            self._pool.keep(self._connection)
            self._kept = True
        return body

    def close(self) -> None:
        """Do without what has not been read."""
        if not self._kept:
            self._connection.close()


class Connections:
    """Those that wait for their next request.

    certificates: a file or folder of those that are trusted; None: those that come with botocore.
    """

    def __init__(self, certificates: str | None) -> None:
        self._certificates = certificates
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._tls: ssl.SSLContext | None = None

    def ask(self, secure: bool, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request. Raises OSError, NoAnswer; ValueError for what no request may hold."""
        head = _head(method, path, headers, body)
        while True:
            used = self._taken(host)
            connection = used or _Connection(host, self._trust() if secure else None)
            try:
                connection.send(head, body)
                return Answer(self, connection, method)
            except (ConnectionError, ssl.SSLEOFError):
                connection.close()
                # S3 ends connections that were idle for long, perhaps at this very moment.
                if not used:
                    raise
            except BaseException:
                connection.close()
                raise

    def keep(self, connection: "_Connection") -> None:
        """For the next request."""
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle[:-_MOST_IDLE]
            del self._idle[:-_MOST_IDLE]
        for oldest in surplus:
            oldest.close()

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _taken(self, host: str) -> "_Connection | None":
        while True:
            with self._lock:
                connection = next((connection for connection in self._idle if connection.host == host), None)
                if connection is None:
                    return None
                self._idle.remove(connection)
            if connection.quiet():
                return connection
            connection.close()  # By the other side: there is nothing that it could have said.

    def _trust(self) -> ssl.SSLContext:
        with self._lock:
            self._tls = self._tls or _trusting(self._certificates)
        return self._tls


class _Connection:
    """One connection to a host, for one request after the other."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        """Raises OSError."""
        self.host = host
        where = urlsplit(f"//{host}")
        name = where.hostname or ""
        self._socket = socket.create_connection((name, where.port or (443 if tls else 80)), _CONNECT_SECONDS)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self._socket = tls.wrap_socket(self._socket, server_hostname=name)
            self._socket.settimeout(_READ_SECONDS)
            self._reader = self._socket.makefile("rb")
        except BaseException:
            self._socket.close()
            raise

    def send(self, head: bytes, body: bytes) -> None:
        """Send a request."""
        self._socket.sendall(head)
        if body:
            self._socket.sendall(body)

    def answer(self) -> tuple[int, dict[str, str]]:
        """The status of what comes, and its headers by their names in lower case."""
        version, _, status = self._line(ConnectionResetError("The connection was ended.")).partition(" ")
        # HTTP/1.0 would end the connection, and what begins with 1 is not the answer yet.
        if version != "HTTP/1.1" or not status[:3].isdecimal() or status.startswith("1"):
            raise NoAnswer(f"{version} {status} does not begin an answer that is read here.")
        headers: dict[str, str] = {}
        while line := self._line(NoAnswer("Its headers have no end.")):
            name, colon, value = line.partition(":")
            if not colon or len(headers) == _MOST_HEADERS:
                raise NoAnswer(f"{line} is no header, or one too many.")
            headers[name.lower()] = value.strip()
        return int(status[:3]), headers

    def read(self, length: int) -> bytes:
        """So many bytes of a body."""
        body = self._reader.read(length)
        if len(body) != length:
            raise NoAnswer(f"{length - len(body):,} bytes are missing.")
        return body

    def quiet(self) -> bool:
        """Whether nothing has come, its end neither."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def _line(self, ended: Exception) -> str:
        line = self._reader.readline(_LONGEST_LINE)
        if not line:
            raise ended
        if not line.endswith(b"\n"):
            raise NoAnswer("A line has no end.")
        return line.decode("latin-1").rstrip("\r\n")


def _head(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request up to its body."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method == "PUT":
        lines.append(f"content-length: {len(body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("A header or a path of more than one line.")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1")


def _trusting(certificates: str | None) -> ssl.SSLContext:
    import botocore  # noqa: PLC0415 - for its certificates: every computer has these, and boto3 trusts them

    path = Path(certificates) if certificates else Path(botocore.__file__).with_name("cacert.pem")
    return ssl.create_default_context(cafile=None if path.is_dir() else path, capath=path if path.is_dir() else None)
