"""Serves the page, from a thread of this process."""

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from controlplane.errors import Failure
from controlplane.page.app import application
from controlplane.page.desk import Desk
from controlplane.page.guard import Guard
from controlplane.page.source import Source

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost")
_END_SECONDS = 5.0


class Server:
    """The page of `source` at `url`, for as long as the block lasts."""

    def __init__(self, source: Source, desk: Desk | None, port: int) -> None:
        """Takes the port, any free one for 0. Raises Failure where it cannot be had."""
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((ADDRESS, port))
            self._socket.listen()  # So that nobody is refused who comes before the server has started.
        except OSError as error:
            self._socket.close()
            raise Failure(f"Port {port}, for the page, is taken: name another with --port.") from error
        taken = self._socket.getsockname()[1]
        self.url = f"http://{ADDRESS}:{taken}/"
        config = uvicorn.Config(
            Guard(application(source, desk), [f"{name}:{taken}" for name in _NAMES]),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            # A page that is open listens for news without end.
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="page", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_END_SECONDS)
        self._socket.close()
