"""Memory of the zygote and of its children, laid out so that a child finds ready what it will need.

After a fork all memory is shared until one side writes to it; then the system copies the page, which takes as long as
to compute thousands of pixels. The work on a picture writes to hundreds of pages that were there before, most of them
the same ones each time, and to new memory, which comes sooner in huge pages.
"""

import ctypes
import gc
import mmap
import os
import pickle
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_MADV_HUGEPAGE = 14

_HUGE = 2 << 20
"""Bytes of a huge page."""
_AHEAD = 2
"""Huge pages that a child touches ahead: a picture of two megapixels needs them."""
_LARGEST_HOLE, _SMALLEST_HOLE = 1 << 20, 1 << 12
"""Bytes of the free pieces of its heap that the zygote keeps from its children."""
_CHUNK = 16
"""Bytes that the C library puts before each block."""

_WINDOW = 1 << 16
"""Bytes around a page of a file that the system maps with it: its setting fault_around_bytes, unless changed."""

_PRESENT, _FILE, _OWN = 1 << 63, 1 << 61, 1 << 56
"""Bits of /proc/self/pagemap: https://docs.kernel.org/admin-guide/mm/pagemap.html"""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = (ctypes.c_size_t,)
_libc.sbrk.restype = ctypes.c_size_t
_libc.sbrk.argtypes = (ctypes.c_ssize_t,)
_libc.free.argtypes = (ctypes.c_void_p,)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class _Place(ctypes.Structure):
    """The system's `struct iovec`."""

    _fields_ = (("address", ctypes.c_size_t), ("length", ctypes.c_size_t))


Pages = ctypes.Array[_Place]
"""The first byte of each page."""

_AT_ONCE = 1024
"""Places of one system call: IOV_MAX. A pipe holds more bytes."""


class Used(NamedTuple):
    """What some work uses of the memory that was there before it."""

    written: Sequence[Pages] = ()
    """Pages that a process has to have copied for it."""
    mapped: Sequence[Pages] = ()
    """Of files, of which no fork takes along where they are: one page for all that the system maps with it."""


class _Heap(ctypes.Structure):
    """The C library's `struct mallinfo2`: ten numbers of bytes."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 7),
        ("free", ctypes.c_size_t),
        ("top", ctypes.c_size_t),
    )


_TELLS = hasattr(_libc, "mallinfo2")
"""Whether the C library says what is free; it came with glibc 2.33."""
if _TELLS:
    _libc.mallinfo2.restype = _Heap


def keep_on_heap() -> None:
    """Use freed memory again instead of giving it back to the system, which would have to clear it anew."""
    _libc.mallopt(_M_MMAP_MAX, 0)
    _libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def settle() -> None:
    """Before a fork: what is there stays as it is, and what a child allocates is new memory, not the holes between."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if not _TELLS:
        return
    _libc.malloc_trim(0)
    size = _LARGEST_HOLE
    while size >= _SMALLEST_HOLE:
        heap = _libc.mallinfo2()
        block = _libc.malloc(size - _CHUNK) if heap.free - heap.top >= size else None
        if block is None or _libc.mallinfo2().size > heap.size:  # There is no hole of that size.
            _libc.free(block)
            size //= 2


def touch(used: Used, reserve: int) -> None:
    """In a child: have this memory at hand, and new memory for a picture, of which there may be `reserve` bytes."""
    _pass(used.written, back=True)
    _pass(used.mapped, back=False)
    if not _TELLS:
        return
    # What was the zygote's, up to the first whole huge page behind it, stays unused.
    end = _libc.sbrk(0)
    _libc.malloc(max(0, _libc.mallinfo2().top + -end % _HUGE - 4 * _CHUNK))
    block = _libc.malloc(reserve)
    if block is None:
        return
    start = block + -block % _HUGE
    _libc.madvise(start, (block + reserve - start) // _HUGE * _HUGE, _MADV_HUGEPAGE)
    for number in range(min(_AHEAD, reserve // _HUGE - 1)):
        ctypes.memset(start + number * _HUGE, 0, 1)
    _libc.free(block)


def _pass(pages: Sequence[Pages], *, back: bool) -> None:
    """The first byte of each goes through a pipe, and `back` to where it was, by the system, which finds out where no
    page is any more; process_vm_writev, which would need no pipe, is ruled out in many containers.
    """
    out, into = os.pipe2(os.O_NONBLOCK)  # Where there is no page, nothing is in it, and nothing to wait for.
    for part in pages:
        _libc.writev(into, part, len(part))
        if back:
            _libc.readv(out, part, len(part))
    os.close(into)
    os.close(out)


def used_by(act: Callable[[], None]) -> Used:
    """The memory that `act` uses, which is tried out in a child; none where the system does not tell."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            shared = {page for page, entry in _pages("rw") if not entry & (_OWN | _FILE)}
            act()
            written = [page for page, entry in _pages("rw") if entry & _OWN and page in shared]
            mapped = {page // _WINDOW: page for page, entry in _pages("r") if entry & _FILE}
            with os.fdopen(into, "wb") as pipe:
                pickle.dump((written, [*mapped.values()]), pipe)
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return Used(*map(_places, pickle.loads(told))) if told else Used()  # noqa: S301 - our own words


def _places(pages: Sequence[int]) -> list[Pages]:
    places = [_Place(page, 1) for page in pages]
    parts = (places[at : at + _AT_ONCE] for at in range(0, len(places), _AT_ONCE))
    return [(_Place * len(part))(*part) for part in parts]


def _pages(rights: str) -> Iterator[tuple[int, int]]:
    """The pages that this process has and has these rights to, and what the system tells of each."""
    with suppress(OSError), Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
        for line in Path("/proc/self/maps").read_text().splitlines():
            limits, allowed, *_, name = line.split(maxsplit=5)
            if not allowed.startswith(rights) or not allowed.endswith("p") or name.startswith("[v"):
                continue  # [vvar] and its like are the kernel's own.
            start, end = (int(limit, 16) for limit in limits.split("-"))
            pagemap.seek(start // mmap.PAGESIZE * 8)
            entries = pagemap.read((end - start) // mmap.PAGESIZE * 8)
            for number, (entry,) in enumerate(struct.iter_unpack("=Q", entries)):
                if entry & _PRESENT:
                    yield start + number * mmap.PAGESIZE, entry
