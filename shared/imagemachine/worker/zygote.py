"""The process that all pictures' processes are forked from.

It is a fresh interpreter, not a fork of the function, so its memory never held the function's credentials. It loads
everything that the work will need, and reads not one byte of an upload: each of those goes to a child.
"""

import codecs
import ctypes
import importlib
import json
import math
import os
import pickle
import signal
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from imagemachine.worker import child, memory
from imagemachine.worker.confinement import address_space, confine
from imagemachine.worker.protocol import ORDER, PACKET_BYTES, REQUEST, Task

_ENCODINGS = ("ascii", "latin-1", "utf-16", "utf-16-be", "utf-16-le")
"""In which pictures hold text; Python loads each when it is first used."""

_STORING_SECONDS = 0.003
"""How long the function computes with a result until it waits for S3. Then is the time to end the process that made it
and to get another one ready: there is one waiting already."""

_fork = ctypes.PyDLL(None, use_errno=True).fork
"""The C library's. Python's own puts threads' locks in order again after it, of which a process without threads has
none, and that takes as long as the rest of it."""


def main() -> None:
    """Obey the sandbox's orders until it closes its end of the socket, which is standard input."""
    # Neither a child that is got ready nor one that ends is to delay the function, which stores a result meanwhile.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    # Ctrl-C reaches the whole group of processes; the sandbox decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    zygote = _Zygote(pickle.loads(control.recv(PACKET_BYTES)))  # noqa: S301 - the sandbox's own words
    while True:
        packet, fds, _, _ = socket.recv_fds(control, ORDER.size, 1)
        if not packet:
            return
        wanted, ended = ORDER.unpack(packet)
        if wanted and ended:
            time.sleep(_STORING_SECONDS)
        report = zygote.end(ended)
        if not wanted:
            control.send(json.dumps(report).encode())
            if zygote.failure:
                return
            continue
        if ended:  # The first picture was not to wait for it; now the function stores that one's result.
            zygote.rehearse()
        zygote.fork(wanted, *fds)


class _Zygote:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._children: dict[int, int] = {}
        """The processes' ids by their numbers."""
        self._failures: dict[int, str] = {}
        """Why there was no such child."""
        self.failure = ""
        """Why there can be none."""
        self._used = memory.Used()
        """What every child will use of the memory that is there, as far as is known."""
        self._rehearsed = False
        self._pid = os.getpid()
        try:
            self._load()
        except Exception as error:  # noqa: BLE001 - reported in full on standard error, in short to the sandbox
            traceback.print_exc()
            self.failure = child.printable(child.described(error))

    def fork(self, number: int, socket_fd: int) -> None:
        """Have another child, with its end of a socket."""
        pid = -1
        if not self.failure:
            pid = _fork()
            if pid == 0:
                self._live(socket_fd)
        os.close(socket_fd)
        if pid > 0:
            self._children[number] = pid
        else:
            self._failures[number] = self.failure or os.strerror(ctypes.get_errno())

    def end(self, number: int) -> dict[str, str | int]:
        """End the child, whatever state it is in, and say how it ended, or why there was none."""
        if (pid := self._children.pop(number, 0)) == 0:
            return {"error": self._failures.pop(number, "there is no such process")}
        os.kill(pid, signal.SIGKILL)  # Of one that has ended by itself it changes nothing.
        _, status = os.waitpid(pid, 0)
        return {"status": os.waitstatus_to_exitcode(status)}

    def rehearse(self) -> None:
        """Do the work once on files of our own: what is made at its first use is then there for all children."""
        if self._rehearsed or self.failure:
            return
        self._rehearsed = True
        if samples := self._samples():
            self._try(*samples)
            self._settle()
            self._used = memory.used_by(lambda: self._live_once(samples[0]))
            self._settle()  # To find them out has left holes.

    def _try(self, *samples: bytes) -> None:
        for sample in samples:
            with suppress(Exception):
                self._work(self._task.variant, sample, self._task.limits)

    def _live_once(self, sample: bytes) -> None:
        """All that a child does with an upload, but for what of its answer no socket holds: nobody takes it."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with ours, suppress(Exception):
            ours.sendall(REQUEST.pack(len(sample), math.nan, math.nan) + sample)
            ours.shutdown(socket.SHUT_WR)
            child.serve(self._task, self._work, theirs.detach(), ())

    def _load(self) -> None:
        """Import everything now: a child can open no file."""
        with suppress(OSError):  # Where all memory runs out, a child is to go and not the function.
            Path("/proc/self/oom_score_adj").write_text("1000")
        os.environ.clear()  # Python itself puts LC_CTYPE there.
        memory.keep_on_heap()
        for encoding in _ENCODINGS:
            codecs.lookup(encoding)
        for name in self._task.preload:
            with suppress(Exception):
                importlib.import_module(name)
        self._work: child.Work = _named(self._task.work)
        self._samples: Callable[[], Sequence[bytes]] = _named(self._task.rehearsal) if self._task.rehearsal else tuple
        self._settle()

    def _settle(self) -> None:
        memory.settle()
        self._most_memory = address_space() + self._task.max_memory

    def _live(self, socket_fd: int) -> NoReturn:
        """Be the child from here on."""
        try:
            # Standard output is nowhere. The others were the way to the sandbox, and the function's log.
            os.dup2(1, 0)
            os.dup2(1, 2)
            memory.touch(self._used, self._task.max_memory // 2)
            refused = confine(self._pid, self._most_memory)
            child.serve(self._task, self._work, socket_fd, refused)
            os._exit(0)
        finally:
            os._exit(1)


def _named(name: str) -> Any:
    """What is called `module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
