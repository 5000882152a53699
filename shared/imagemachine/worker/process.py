"""The sandbox's side of one worker: starting it, asking it, learning how it died."""

import errno
import json
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from imagemachine.worker.protocol import PACKET_BYTES, REQUEST, Task

_BOOT = """
import gc, os, sys
gc.disable()  # until all is loaded: nothing of that is garbage, and looking for it takes 10 ms
os.environ.clear()
sys.path[:] = sys.argv[3:]
from imagemachine.worker.serve import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
_ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""For the C library, which reads it before anything else runs: pictures in huge pages take a third less time."""

_GRACE_SECONDS = 5.0
"""A worker is ended by its sandbox; this much later it would end itself."""


class WorkerDied(Exception):
    """The worker ended or stopped making sense; the message says how."""


class SharedFile:
    """A file without a name, in memory, that the workers see too.

    It is read and written, not mapped, on this side: whatever a worker does to it, a read only comes out short.
    """

    def __init__(self) -> None:
        try:
            self.fd = os.memfd_create("pictures")
        except OSError:
            import tempfile  # noqa: PLC0415 - every start would wait for what hardly any needs

            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())

    def write(self, data: bytes) -> None:
        """Put `data` at the beginning. Raises OSError where there is no room."""
        if os.pwrite(self.fd, data, 0) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def read(self, length: int) -> bytes:
        """At most `length` bytes from the beginning."""
        return os.pread(self.fd, length, 0)

    def trim(self, kept: int) -> None:
        """Where it takes up more than `kept` bytes, give all of them back to the system."""
        if os.fstat(self.fd).st_blocks * 512 > kept:
            os.ftruncate(self.fd, 0)

    def close(self) -> None:
        """Close it here; a worker keeps its own descriptor."""
        os.close(self.fd)


class WorkerProcess:
    """One worker, from its start to its end. Starting does not wait until it is ready.

    Raises OSError when no process can be started.
    """

    def __init__(self, task: Task, file: SharedFile) -> None:
        # Packets instead of a stream: whatever the worker does, one receive is one whole answer of bounded length.
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = _spawn(theirs.fileno(), file.fd)
        except OSError:
            self._socket.close()
            raise
        self._hello: dict[str, Any] | None = None
        self._statm: int | None = None
        with suppress(OSError):  # It is dead already; who asks it next will be told.
            self._socket.send(pickle.dumps(task))

    def hello(self, deadline: float) -> dict[str, Any]:
        """What the worker said about its start. Raises TimeoutError, WorkerDied."""
        if self._hello is None:
            hello = self._receive(deadline)
            if not isinstance(hello, dict):
                raise WorkerDied("its first words make no sense")
            self._hello = hello
        return self._hello

    def ask(self, length: int, deadline: float) -> Any:
        """Have it work on the upload in the shared file. Raises TimeoutError, WorkerDied."""
        try:
            self._socket.send(REQUEST.pack(length, max(0.0, deadline - time.monotonic()) + _GRACE_SECONDS))
        except OSError:
            raise WorkerDied(self._epitaph()) from None
        return self._receive(deadline)

    def _receive(self, deadline: float) -> Any:
        # A timeout of 0 would not wait at all and raise another error.
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            packet = self._socket.recv(PACKET_BYTES)
        except ConnectionError:
            packet = b""
        if not packet:
            raise WorkerDied(self._epitaph())
        try:
            return json.loads(packet)
        except (ValueError, RecursionError) as error:
            raise WorkerDied("its answer makes no sense") from error

    def _epitaph(self) -> str:
        """How the worker ended that has closed its socket."""
        try:
            status = self._process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return "it stopped listening"
        if status >= 0:
            return f"it ended with status {status}"
        try:
            return f"it was ended by signal {signal.Signals(-status).name}"
        except ValueError:
            return f"it was ended by signal {-status}"

    def private_bytes(self) -> int:
        """Bytes of memory that are the worker's alone; 0 where the system does not tell."""
        try:
            if self._statm is None:  # Kept open: to open it takes longer than all else that is done after a picture.
                self._statm = os.open(f"/proc/{self._process.pid}/statm", os.O_RDONLY)
            resident, shared = map(int, os.pread(self._statm, PACKET_BYTES, 0).split()[1:3])
        except (OSError, ValueError):  # The worker is gone, and its numbers with it.
            return 0
        return (resident - shared) * mmap.PAGESIZE

    def kill(self) -> None:
        """End it, whatever state it is in."""
        self._process.kill()
        self._socket.close()
        if self._statm is not None:
            os.close(self._statm)
            self._statm = None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)


def _spawn(socket_fd: int, file_fd: int) -> subprocess.Popen[bytes]:
    """A fresh interpreter with nothing of the environment and two descriptors; it is told where its modules are.

    What goes wrong while it starts is seen on the function's own standard error.
    """
    path = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100 - pathlib takes 2 ms to load
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOT, str(socket_fd), str(file_fd), *path],
        env=_ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(socket_fd, file_fd),
    )
