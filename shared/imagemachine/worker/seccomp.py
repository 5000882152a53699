"""A system call filter that leaves a process its memory, one open socket and its own end, and nothing else.

The program is assembled here because a general library for it is a native dependency of the one process that
must have few. Background: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

_EPERM = 0x00050000 | errno.EPERM
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000

_X32_BIT = 0x40000000
"""Set in the number of every call of x86's third, rarely watched calling convention."""

_PROT_EXEC = 0x4
_MAP_TYPE_OR_ANONYMOUS = 0x2F
_MAP_PRIVATE_ANONYMOUS = 0x22

_CONDITIONAL = frozenset({"mmap", "mprotect"})
"""The calls below that are not free; `program` says what they may do."""


@dataclass(frozen=True)
class _Machine:
    audit: int
    """How the kernel names the calling convention (linux/audit.h)."""
    seccomp: int
    """The number of the call that installs the filter, which does not allow it again."""
    calls: Mapping[str, int]
    """Reading and writing what is open, memory, time, the process's own end; all else is forbidden.

    And getcwd, which says "/": Pillow compares file names, even empty ones, before it saves; and futex, which the C
    library asks where a library sets itself up at its first use (pthread_once): encoding AVIF would end in a crash.
    """


def _calls(text: str) -> Mapping[str, int]:
    pairs = (item.split("=") for item in text.split())
    return {name: int(number) for name, number in pairs}


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        317,
        _calls(
            "read=0 write=1 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 "
            "sched_yield=24 mremap=25 madvise=28 nanosleep=35 getpid=39 exit=60 getcwd=79 gettimeofday=96 "
            "futex=202 sched_getaffinity=204 restart_syscall=219 clock_gettime=228 clock_nanosleep=230 exit_group=231 "
            "getrandom=318"
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        277,
        _calls(
            "getcwd=17 read=63 write=64 exit=93 exit_group=94 futex=98 nanosleep=101 clock_gettime=113 "
            "clock_nanosleep=115 sched_getaffinity=123 sched_yield=124 restart_syscall=128 rt_sigaction=134 "
            "rt_sigprocmask=135 rt_sigreturn=139 gettimeofday=169 getpid=172 brk=214 munmap=215 mremap=216 mmap=222 "
            "mprotect=226 madvise=233 getrandom=278"
        ),
    ),
}


def confine() -> None:
    """Install the filter for good; the process has one thread, and no_new_privs was set before.

    Raises OSError where the kernel refuses it or the machine is none that the filter knows.
    """
    code = program()
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(code))
    set_mode_filter, no_flags = 1, 0
    result = _libc.syscall(
        ctypes.c_long(_machine().seccomp),
        ctypes.c_ulong(set_mode_filter),
        ctypes.c_ulong(no_flags),
        ctypes.c_char_p(header),
    )
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def program() -> ctypes.Array[ctypes.c_char]:
    """The filter for this machine. Raises OSError where it is none that the filter knows."""
    code = b"".join(_program(_machine()))
    return ctypes.create_string_buffer(code, len(code))


_libc = ctypes.CDLL(None, use_errno=True)


def _machine() -> _Machine:
    name = os.uname().machine
    if name not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter is written for {name}")
    return _MACHINES[name]


def _program(machine: _Machine) -> Iterator[bytes]:
    """The filter, instruction by instruction. Few: the kernel tries every call there is when it is installed.

    A forbidden call fails with EPERM rather than killing the process: either way it does nothing, and a library
    that merely asks (how many processors there are, say) goes on without.
    """
    call = machine.calls
    yield from (_load(_ARCHITECTURE), _jump(_EQUAL, machine.audit, 1, 0), _return(_KILL_PROCESS))
    yield from (_load(_NUMBER), _jump(_AT_LEAST, _X32_BIT, 0, 1), _return(_KILL_PROCESS))
    end = [
        *_on(
            call["mmap"],
            [
                _load(_argument(2)),
                _jump(_ANY_BIT, _PROT_EXEC, 3, 0),
                _load(_argument(3)),
                _and(_MAP_TYPE_OR_ANONYMOUS),
                _jump(_EQUAL, _MAP_PRIVATE_ANONYMOUS, 1, 0),
                _return(_EPERM),
                _return(_ALLOW),
            ],
        ),
        *_on(
            call["mprotect"],
            [_load(_argument(2)), _jump(_ANY_BIT, _PROT_EXEC, 0, 1), _return(_EPERM), _return(_ALLOW)],
        ),
        _return(_EPERM),
        _return(_ALLOW),
    ]
    free = sorted(call[name] for name in call.keys() - _CONDITIONAL)
    for left, number in zip(reversed(range(len(free))), free, strict=True):
        yield _jump(_EQUAL, number, left + len(end) - 1, 0)
    yield from end


def _on(number: int, block: Iterable[bytes]) -> Iterator[bytes]:
    """`block`, which ends in a return, for the call `number`; the accumulator holds the number before and after."""
    instructions = list(block)
    yield _jump(_EQUAL, number, 0, len(instructions))
    yield from instructions


_NUMBER, _ARCHITECTURE = 0, 4
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45


def _argument(index: int) -> int:
    """Where the low half of an argument lies; the calls checked here ignore the high half."""
    return 16 + 8 * index


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(0x20, offset)


def _and(mask: int) -> bytes:
    return _instruction(0x54, mask)


def _jump(test: int, value: int, if_true: int, if_false: int) -> bytes:
    """Skip that many instructions."""
    return _instruction(test, value, if_true, if_false)


def _return(action: int) -> bytes:
    return _instruction(0x06, action)
