"""What a process gives up before it sees an upload: every right that working on a picture does not need."""

import ctypes
import mmap
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

from imagemachine.worker import seccomp

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def hide_memory() -> None:
    """Let nobody of the same user look into this process. Raises OSError where the kernel refuses."""
    _prctl(_PR_SET_DUMPABLE, 0)


def confine(parent: int, most_memory: int) -> list[str]:
    """Give up every right but to read, write, compute and end; returns a sentence for each part that was refused.

    parent: the process that this one is to end with. most_memory: bytes of address space, those in use included.
    """
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("to end the worker with its function", lambda: _end_with(parent)),
        ("to rule out new privileges", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        ("to hide the worker's memory", hide_memory),
        ("to rule out core dumps", lambda: _bound(resource.RLIMIT_CORE, 0)),
        ("to rule out files", lambda: _bound(resource.RLIMIT_FSIZE, 0)),
        ("to rule out opened files", lambda: _bound(resource.RLIMIT_NOFILE, 0)),
        ("to bound the worker's memory", lambda: _bound(resource.RLIMIT_AS, most_memory)),
        ("to filter the worker's system calls", seccomp.confine),
    )
    refused = []
    for aim, step in steps:
        try:
            step()
        except (OSError, ValueError) as error:
            refused.append(f"The kernel refused {aim}: {error}.")
    return refused


def address_space() -> int:
    """Bytes of address space that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


def _end_with(parent: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # It has ended already.
        os._exit(0)


def _bound(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (least, least))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
