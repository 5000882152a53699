"""HTTP connections that are used again, shared between threads."""

import select
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path

NO_ANSWER = (OSError, HTTPException)
"""What is raised where no answer comes, or not all of it, or none that makes sense."""

_CONNECT_SECONDS, _READ_SECONDS = 3.0, 15.0
_MOST_IDLE = 10
"""One for each picture of a batch."""


class Answer:
    """An answer whose body has not been read, and the connection that it comes by."""

    def __init__(self, pool: "Connections", connection: "_Connection", response: HTTPResponse) -> None:
        self._pool, self._connection, self._response = pool, connection, response
        self._kept = False
        self.status = response.status
        self.headers = {name.lower(): value.strip() for name, value in response.headers.items()}

    def read(self) -> bytes:
        """The body; the connection is then there for others. Raises what is in NO_ANSWER where it ends early."""
        try:
            body = self._response.read()
        except BaseException:
            self.close()
            raise
        if self._response.will_close:
            self.close()
        else:
            self._pool.keep(self._connection)
            self._kept = True
        return body

    def close(self) -> None:
        """Do without what has not been read."""
        if not self._kept:
            self._response.close()
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
        """Send a request. Raises what is in NO_ANSWER; ValueError for what no request may hold."""
        place = secure, host
        while True:
            used = self._taken(place)
            connection = used or _Connection(place, self._trust() if secure else None)
            try:
                connection.http.request(method, path, body, headers)
                return Answer(self, connection, connection.http.getresponse())
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

    def _taken(self, place: tuple[bool, str]) -> "_Connection | None":
        while True:
            with self._lock:
                connection = next((connection for connection in self._idle if connection.place == place), None)
                if connection is None:
                    return None
                self._idle.remove(connection)
            if connection.is_quiet():
                return connection
            connection.close()  # By the other side: there is nothing that it could have said.

    def _trust(self) -> ssl.SSLContext:
        with self._lock:
            self._tls = self._tls or _trusting(self._certificates)
        return self._tls


class _Connection:
    """One connection to a place, for one request after the other. Raises OSError."""

    def __init__(self, place: tuple[bool, str], tls: ssl.SSLContext | None) -> None:
        self.place = place
        self.http = HTTPConnection(place[1], timeout=_CONNECT_SECONDS)
        if tls:
            self.http = HTTPSConnection(place[1], timeout=_CONNECT_SECONDS, context=tls)
        try:
            self.http.connect()
        except BaseException:
            self.close()
            raise
        self.http.sock.settimeout(_READ_SECONDS)

    def is_quiet(self) -> bool:
        """Whether nothing has come, its end neither."""
        poll = select.poll()
        poll.register(self.http.sock, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self.http.close()


def _trusting(certificates: str | None) -> ssl.SSLContext:
    import botocore  # noqa: PLC0415 - for its certificates: every computer has these, and boto3 trusts them

    path = Path(certificates) if certificates else Path(botocore.__file__).with_name("cacert.pem")
    return ssl.create_default_context(cafile=None if path.is_dir() else path, capath=path if path.is_dir() else None)
