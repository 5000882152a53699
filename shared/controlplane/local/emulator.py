"""MiniStack, the AWS that the machine runs on here, as a process of ours."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from controlplane.errors import Failure
from controlplane.local.children import Family, stop

START_SECONDS = 30.0
_ATTEMPTS = 3

_KEEP_ALIVE_SECONDS = 75
"""Longer than a client keeps a connection that it does not use: none is closed under a request."""


@contextmanager
def emulator(
    family: Family, workspace: Path, address: str, environment: Mapping[str, str], port: int = 0
) -> Iterator[str]:
    """An empty AWS account on `port` of `address`, with `environment` beside its own settings; yields its URL.

    The port is any free one for 0. Raises Failure if it does not come up, or the port is another's.
    """
    if port and not is_free(port):
        raise Failure(f"Port {port} is taken: stop what listens there, or name another with --port.")
    log = workspace / "emulator.log"
    state = workspace / "emulator"
    state.mkdir()
    for _ in range(_ATTEMPTS):
        taken = port or free_port()
        child = _start(family, state, log, {**environment, "GATEWAY_PORT": str(taken), "BIND_HOST": address})
        try:
            url = f"http://127.0.0.1:{taken}"
            if _wait(child, url):
                yield url
                return
        finally:
            stop(child)
    said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
    raise Failure(f"The emulator did not come up. Its last words: {said[0]}")


def free_port() -> int:
    """A port that nobody listens on at this moment; who takes it has to expect that another was quicker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of this computer."""
    with socket.socket() as probe:
        # As servers do it: connections that have ended may linger on a port that can be had.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _start(family: Family, state: Path, log: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": "/usr/bin:/bin",
        # Everything that it might write goes where the machine cleans up.
        "HOME": str(state),
        "TMPDIR": str(state),
        "STATE_DIR": str(state),
        "S3_DATA_DIR": str(state / "s3"),
        "LOG_LEVEL": "WARNING",
        # Brokers that it would start beside AWS's own endpoint, with a certificate made for each start.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        **settings,
    }
    # By a server written in C: the emulator takes its share of the processors that the functions need, and with the
    # server that it brings two thirds of that went into HTTP.
    command = [
        *(sys.executable, "-s", "-m", "uvicorn", "ministack.app:app"),
        *("--host", settings["BIND_HOST"], "--port", settings["GATEWAY_PORT"]),
        *("--http", "httptools", "--loop", "uvloop", "--ws", "none", "--interface", "asgi3"),
        *("--timeout-keep-alive", str(_KEEP_ALIVE_SECONDS), "--timeout-graceful-shutdown", "1"),
        *("--log-level", "warning", "--no-access-log"),
        *("--no-server-header", "--no-date-header", "--no-proxy-headers"),
    ]
    with log.open("ab") as output:
        return family.start(command, environment=environment, folder=state, stdout=output, stderr=output)


def _wait(child: subprocess.Popen[bytes], url: str) -> bool:
    """Whether it answers before it ends."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/_ministack/health", timeout=START_SECONDS):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    return False
