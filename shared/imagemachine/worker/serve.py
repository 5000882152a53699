"""The process in which hostile pictures are decoded: what runs inside it.

It is a fresh interpreter, not a fork, so its memory never held the function's credentials. It loads everything it
will need, gives up every right that it can, and then answers one request after the other.
"""

import codecs
import ctypes
import gc
import importlib
import json
import mmap
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagemachine.errors import Reason, Rejected
from imagemachine.source import Source, Stored
from imagemachine.variant import Limits, Made, Variant
from imagemachine.worker import seccomp
from imagemachine.worker.protocol import MAX_NOTES, PACKET_BYTES, REQUEST, TEXT_CHARACTERS, Task

Work = Callable[[Variant, Source, Limits], Made]

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
_ENCODINGS = ("ascii", "latin-1", "utf-16", "utf-16-be", "utf-16-le")
"""In which pictures hold text; Python loads each when it is first used."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(socket_fd: int, file_fd: int) -> None:
    """Serve until the sandbox closes its end of the socket."""
    # Ctrl-C reaches the whole group of processes; the sandbox decides when its worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task: Task = pickle.loads(os.read(socket_fd, PACKET_BYTES))  # noqa: S301 - the sandbox's own words
    try:
        _keep_memory(task.kept_memory)
        work = _load(task)
        refused = _confine(task)
    except Exception as error:  # noqa: BLE001 - reported in full on standard error, in short to the sandbox
        traceback.print_exc()
        _say(socket_fd, {"error": _printable(_described(error))})
        return
    _say(socket_fd, {"refused": refused})
    _serve(task, work, socket_fd, file_fd)


def _keep_memory(most: int) -> None:
    """Use freed memory again for the next picture, up to `most` bytes, instead of giving it back to the system.

    To have the system clear it anew takes as long as to turn the picture: without this, one of 12 megapixels that is
    decoded, turned and encoded in 70 ms takes 140 ms.
    """
    # None apart from the heap: what is, goes back at once.
    _libc.mallopt(_M_MMAP_MAX, 0)
    _libc.mallopt(_M_TRIM_THRESHOLD, most)
    # One heap for all threads: each further one would reserve 64 MiB of the address space, which is bounded.
    _libc.mallopt(_M_ARENA_MAX, 1)


class _Heap(ctypes.Structure):
    """The C library's `struct mallinfo2`: ten numbers, of which one counts here."""

    _fields_ = (("before", ctypes.c_size_t * 8), ("free", ctypes.c_size_t), ("last", ctypes.c_size_t))


def _give_back(most: int) -> None:
    """Give freed memory back where it is more than `most` bytes; that between what is still used never goes by itself.

    A worker that had grown with one huge picture would have to be replaced, which takes a hundred times as long.
    """
    if not hasattr(_libc, "mallinfo2"):  # It came with glibc 2.33.
        return
    _libc.mallinfo2.restype = _Heap
    if _libc.mallinfo2().free > most:
        _libc.malloc_trim(0)


def _load(task: Task) -> Work:
    """Import everything now: later no file can be opened."""
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)
    for name in task.preload:
        with suppress(Exception):
            importlib.import_module(name)
    module_name, _, function_name = task.work.partition(":")
    module = importlib.import_module(module_name)
    # What is there now stays; with it out of the way, collecting after each picture costs next to nothing.
    gc.freeze()
    gc.enable()
    work: Work = getattr(module, function_name)
    return work


def _serve(task: Task, work: Work, socket_fd: int, file_fd: int) -> None:
    while request := os.read(socket_fd, PACKET_BYTES):
        length, seconds = REQUEST.unpack(request)
        # Nobody would end a worker whose sandbox died while it was at work.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer = _answer(task, work, length, file_fd)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _give_back(task.kept_memory)
        _say(socket_fd, answer)
        gc.collect()


def _answer(task: Task, work: Work, length: int, file_fd: int) -> list[Any]:
    try:
        made = work(task.variant, Stored(file_fd, length), task.limits)
    except Rejected as rejected:
        return ["rejected", rejected.reason, _printable(rejected.detail)]
    except MemoryError:
        return ["out-of-memory"]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it becomes this picture's outcome
        return ["failed", _printable(_described(error))]
    size = sum(len(output.data) for output in made.outputs)
    if size > task.max_output:
        detail = f"Its result has {size:,} bytes; {task.max_output:,} is the most."
        return ["rejected", Reason.TOO_MANY_BYTES, detail]
    files, place = [], 0
    for output in made.outputs:
        place += os.pwrite(file_fd, output.data, place)
        files.append([len(output.data), output.format, output.width, output.height, output.frames])
    notes = [_printable(note) for note in made.notes[:MAX_NOTES]]
    return ["made", files, _printable(made.engine), notes]


def _say(socket_fd: int, what: object) -> None:
    os.write(socket_fd, json.dumps(what, ensure_ascii=False).encode())


def _described(error: BaseException) -> str:
    """Kind, message and place of an unforeseen error, on one line."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__}: {error} ({where})"


def _printable(text: str) -> str:
    """Codecs quote the picture in their messages; a log line should survive that."""
    short = text[:TEXT_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in short)


def _confine(task: Task) -> list[str]:
    """Give up every right that the work does not need; returns a sentence for each part that the kernel refused."""
    os.environ.clear()  # Python itself puts LC_CTYPE there.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)
    with suppress(OSError):  # Where all memory runs out, this process is to go and not the function.
        Path("/proc/self/oom_score_adj").write_text("1000")
    most_memory = _address_space() + task.max_memory
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("to rule out new privileges", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        ("to hide the worker's memory", lambda: _prctl(_PR_SET_DUMPABLE, 0)),
        ("to rule out core dumps", lambda: _bound(resource.RLIMIT_CORE, 0)),
        ("to bound the result", lambda: _bound(resource.RLIMIT_FSIZE, task.max_output)),
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


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


def _bound(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (least, least))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
