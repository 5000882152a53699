"""The function's side: a zygote, its children, and how they ended."""

import io
import json
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from imagemachine.pictures.place import Point
from imagemachine.worker.protocol import FRAME, ORDER, PACKET_BYTES, REQUEST, Task

_BOOT = """
import gc, os, sys
gc.disable()  # until all is loaded: nothing of that is garbage, and looking for it takes 10 ms
os.environ.clear()
sys.path[:] = sys.argv[1:]
from imagemachine.worker.zygote import main
main()
"""

_PIECE_BYTES = 1 << 18
"""More than a socket holds."""

_END_SECONDS = 5.0
"""How long the system may take to end a process."""


class WorkerDied(Exception):
    """The picture's process ended or stopped making sense; the message says how."""


class WorkerMissing(WorkerDied):
    """There never was such a process; the message says why."""


class WorkerUnused(WorkerDied):
    """It ended before it had read all of the upload: whatever was the cause, the upload was not."""


class ZygoteDied(Exception):
    """The process that the pictures' processes come from has ended, and they with it."""


class Zygote:
    """A process that has the codecs loaded and forks one more process for every picture.

    Starting does not wait until it is ready. Raises OSError when no process can be started.
    """

    def __init__(self, task: Task) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._numbers = 0
        self._ending: Worker | None = None
        try:
            with theirs:
                self._process = _spawn(theirs)
        except OSError:
            self._control.close()
            raise
        self._control.settimeout(_END_SECONDS)
        with suppress(OSError):  # It is dead already; who orders first will be told.
            self._control.send(pickle.dumps(task))

    def order(self, instead_of: "Worker | None" = None) -> "Worker":
        """Another process for a picture, ready soon; the one that it takes the place of is ended before.

        Raises ZygoteDied; OSError where this process may open no more sockets.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            if instead_of is not None:
                # Closed now, its socket would wake it up, and it would end, for more than a millisecond, on the
                # processor that the function needs to store the result. So the zygote ends it, a little later.
                self._close_ending()
                self._ending = instead_of
            self._numbers += 1
            number = self._numbers
            try:
                packet = ORDER.pack(number, instead_of.number if instead_of else 0)
                socket.send_fds(self._control, [packet], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise ZygoteDied(self._epitaph()) from error
        return Worker(self, number, ours)

    def end(self, worker: "Worker") -> str:
        """End the process, whatever state it is in; says how it ended. Raises WorkerMissing, ZygoteDied."""
        worker.close()
        with self._lock:
            try:
                self._control.send(ORDER.pack(0, worker.number))
                report = json.loads(self._control.recv(PACKET_BYTES) or b"null")
            except (OSError, ValueError) as error:
                raise ZygoteDied(self._epitaph()) from error
        match report:
            case {"status": int(status)}:
                return _ended(status)
            case {"error": str(why)}:
                raise WorkerMissing(why)
        raise ZygoteDied(self._epitaph())

    def close(self) -> None:
        """End it, and with it all that came from it."""
        self._close_ending()
        self._control.close()
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)

    def _close_ending(self) -> None:
        if self._ending is not None:
            self._ending.close()

    def _epitaph(self) -> str:
        """How it ended; where it hangs, it is ended now."""
        with suppress(subprocess.TimeoutExpired):
            return _ended(self._process.wait(timeout=0.5))
        self._process.kill()
        return "it stopped listening"


class Worker:
    """One picture's process, from the order for it to its end."""

    def __init__(self, zygote: Zygote, number: int, connection: socket.socket) -> None:
        self.zygote = zygote
        self.number = number
        self._socket = connection
        self._refused: list[str] | None = None
        self._ordered = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it was ordered."""
        return time.monotonic() - self._ordered

    def refused(self, deadline: float) -> Sequence[str]:
        """Wait until it is ready: a sentence for each part of its confinement that the kernel refused.

        Raises TimeoutError, WorkerDied, ZygoteDied.
        """
        if self._refused is None:
            match self._framed(deadline):
                case {"refused": [*refused]}:
                    self._refused = [str(sentence) for sentence in refused]
                case _:
                    raise WorkerDied("its first words make no sense")
        return self._refused

    def ask(self, upload: bytes, focus: Point | None, deadline: float) -> Any:
        """Have it work on the upload, whose own point of interest is `focus`; its answer.

        Raises TimeoutError, WorkerDied, ZygoteDied.
        """
        try:
            self._within(deadline)
            self._socket.sendall(REQUEST.pack(len(upload), *(focus or (math.nan, math.nan))))
            self._socket.sendall(upload)
        except ConnectionError:
            raise WorkerUnused("it was ended while it waited") from None
        return self._framed(deadline)

    def output(self, length: int, deadline: float) -> bytes:
        """The next `length` bytes of its outputs. Raises TimeoutError, WorkerDied, ZygoteDied."""
        data = io.BytesIO()  # It hands out what it has collected without copying that.
        while length:
            self._within(deadline)
            try:
                piece = self._socket.recv(min(length, _PIECE_BYTES))
            except ConnectionResetError:  # The kernel's way to say that it had not read everything.
                raise WorkerUnused("it was ended while it waited") from None
            if not piece:
                raise WorkerDied(self.zygote.end(self))
            length -= data.write(piece)
        return data.getvalue()

    def close(self) -> None:
        """Say and hear nothing more; it is still to be ended."""
        self._socket.close()

    def _framed(self, deadline: float) -> Any:
        (length,) = FRAME.unpack(self.output(FRAME.size, deadline))
        if length > PACKET_BYTES:
            raise WorkerDied("its answer is too long")
        try:
            return json.loads(self.output(length, deadline))
        except (ValueError, RecursionError) as error:
            raise WorkerDied("its answer makes no sense") from error

    def _within(self, deadline: float) -> None:
        # A timeout of 0 would not wait at all and raise another error.
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))


def _ended(status: int) -> str:
    if status >= 0:
        return f"it ended with status {status}"
    if status == -signal.SIGKILL:
        return "it was ended by signal SIGKILL, as the system does where memory runs out"
    try:
        return f"it was ended by signal {signal.Signals(-status).name}"
    except ValueError:
        return f"it was ended by signal {-status}"


def _spawn(control: socket.socket) -> subprocess.Popen[bytes]:
    """A fresh interpreter with nothing of the environment and one socket; it is told where its modules are.

    What goes wrong while it starts is seen on the function's own standard error.
    """
    path = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100 - pathlib takes 2 ms to load
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOT, *path],
        env={},
        cwd="/",
        stdin=control.fileno(),
        stdout=subprocess.DEVNULL,
    )
