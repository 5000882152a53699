"""HTTP connections that are used again, shared between threads."""

import http.client
import select
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path

NO_ANSWER = (OSError, http.client.HTTPException)
"""What is raised where none comes, or not all of it."""

_CONNECT_SECONDS, _READ_SECONDS = 3.0, 15.0
_MOST_IDLE = 10
"""One for each picture of a batch."""


class Answer:
    """An answer whose body has not been read, and the connection that it comes by."""

    def __init__(self, pool: "Connections", host: str, connection: http.client.HTTPConnection) -> None:
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


class Connections:
    """Those that wait for their next request.

    certificates: a file or folder of those that are trusted; None: those that come with botocore.
    """

    def __init__(self, certificates: str | None) -> None:
        self._certificates = certificates
        self._lock = threading.Lock()
        self._idle: list[tuple[str, http.client.HTTPConnection]] = []
        self._tls: ssl.SSLContext | None = None

    def ask(self, secure: bool, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
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
                return Answer(self, host, connection)
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
