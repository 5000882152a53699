"""A system call filter that leaves a process its memory, its threads, its open descriptors and nothing else.

The program is assembled here because a general library for it is a native dependency of the one process that
must have few. Background: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_EPERM = 0x00050000 | errno.EPERM
_ENOSYS = 0x00050000 | errno.ENOSYS
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000

_X32_BIT = 0x40000000
"""Set in the number of every call of x86's third, rarely watched calling convention."""

_PROT_EXEC = 0x4
_MAP_TYPE_OR_ANONYMOUS = 0x2F
_MAP_PRIVATE_ANONYMOUS = 0x22
_PTHREAD_CREATE = 0x003D0F00
"""The flags with which the C library starts a thread; a new process or a namespace needs others."""

_CONDITIONAL = frozenset({"mmap", "mprotect", "tgkill", "clone", "clone3", "seccomp"})
"""The calls below that are not free; `_program` says what they may do."""


@dataclass(frozen=True)
class _Machine:
    audit: int
    """How the kernel names the calling convention (linux/audit.h)."""
    calls: Mapping[str, int]
    """Memory, time, the process's own end and signals, and what threads need; all else is forbidden.

    And getcwd, which says "/": Pillow compares file names, even empty ones, before it saves.
    """


def _calls(text: str) -> Mapping[str, int]:
    pairs = (item.split("=") for item in text.split())
    return {name: int(number) for name, number in pairs}


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        _calls(
            "read=0 write=1 close=3 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14 "
            "rt_sigreturn=15 pread64=17 pwrite64=18 sched_yield=24 mremap=25 madvise=28 nanosleep=35 setitimer=38 "
            "getpid=39 clone=56 exit=60 getcwd=79 gettimeofday=96 sigaltstack=131 gettid=186 futex=202 "
            "sched_getaffinity=204 restart_syscall=219 clock_gettime=228 clock_nanosleep=230 exit_group=231 "
            "tgkill=234 set_robust_list=273 seccomp=317 getrandom=318 rseq=334 clone3=435"
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        _calls(
            "getcwd=17 close=57 read=63 write=64 pread64=67 pwrite64=68 exit=93 exit_group=94 futex=98 "
            "set_robust_list=99 nanosleep=101 setitimer=103 clock_gettime=113 clock_nanosleep=115 "
            "sched_getaffinity=123 sched_yield=124 restart_syscall=128 tgkill=131 sigaltstack=132 "
            "rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139 gettimeofday=169 getpid=172 gettid=178 brk=214 "
            "munmap=215 mremap=216 clone=220 mmap=222 mprotect=226 madvise=233 seccomp=277 getrandom=278 rseq=293 "
            "clone3=435"
        ),
    ),
}


def confine() -> None:
    """Install the filter for every thread of this process, for good; no_new_privs must be set before.

    Raises OSError where the kernel refuses it or the machine is none that the filter knows.
    """
    machine = _MACHINES.get(os.uname().machine)
    if machine is None:
        raise OSError(errno.ENOSYS, f"no filter is written for {os.uname().machine}")
    program = b"".join(_program(machine, os.getpid()))
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    set_mode_filter, all_threads = 1, 1
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(
        ctypes.c_long(machine.calls["seccomp"]),
        ctypes.c_ulong(set_mode_filter),
        ctypes.c_ulong(all_threads),
        ctypes.c_char_p(header),
    )
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _program(machine: _Machine, own_pid: int) -> Iterator[bytes]:
    """The filter, instruction by instruction.

    A forbidden call fails with EPERM rather than killing the process: either way it does nothing, and a library
    that merely asks (how many processors there are, say) goes on without.
    """
    call = machine.calls
    yield from (_load(_ARCHITECTURE), _jump(_EQUAL, machine.audit, 1, 0), _return(_KILL_PROCESS))
    yield from (_load(_NUMBER), _jump(_AT_LEAST, _X32_BIT, 0, 1), _return(_KILL_PROCESS))
    for name in call.keys() - _CONDITIONAL:
        yield from _on(call[name], [_return(_ALLOW)])
    yield from _on(
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
    )
    yield from _on(
        call["mprotect"],
        [_load(_argument(2)), _jump(_ANY_BIT, _PROT_EXEC, 0, 1), _return(_EPERM), _return(_ALLOW)],
    )
    yield from _on(call["tgkill"], _only_with_first_argument(own_pid))
    yield from _on(call["clone"], _only_with_first_argument(_PTHREAD_CREATE))
    # Its flags lie in memory, which a filter cannot read; the C library goes back to clone.
    yield from _on(call["clone3"], [_return(_ENOSYS)])
    yield _return(_EPERM)


def _on(number: int, block: Iterable[bytes]) -> Iterator[bytes]:
    """`block`, which ends in a return, for the call `number`; the accumulator holds the number before and after."""
    instructions = list(block)
    yield _jump(_EQUAL, number, 0, len(instructions))
    yield from instructions


def _only_with_first_argument(value: int) -> list[bytes]:
    return [_load(_argument(0)), _jump(_EQUAL, value, 1, 0), _return(_EPERM), _return(_ALLOW)]


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
