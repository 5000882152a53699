"""The filter program, run by a small interpreter, so that every machine's is tested on any."""

import errno
import os
import struct
from collections.abc import Callable

import pytest

from imagemachine.worker import confinement, seccomp

ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM
HIGHEST = 600
"""Beyond the last system call there is."""

MACHINES = ("x86_64", "aarch64")
ALLOWED = {
    "brk": (12, 214),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "futex": (202, 98),
    "getcwd": (79, 17),
    "getpid": (39, 172),
    "getrandom": (318, 278),
    "gettimeofday": (96, 169),
    "madvise": (28, 233),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "nanosleep": (35, 101),
    "read": (0, 63),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "write": (1, 64),
}
"""What a picture's process may call, with the kernel's numbers on each machine, read off its own tables and not ours:
torvalds/linux, arch/x86/entry/syscalls/syscall_64.tbl (17ae69aba89d) and scripts/syscall.tbl (26fef9d0bbeb).
"""

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64: the kind of ELF file, 64 bits, little-endian."""


def numbers(machine: str) -> dict[str, int]:
    """The calls of ALLOWED by name."""
    return {name: both[MACHINES.index(machine)] for name, both in ALLOWED.items()}


def verdict(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter answers to one call (https://www.kernel.org/doc/html/latest/networking/filter.html)."""
    known = seccomp._MACHINES[machine]
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<iIQ6Q", number, AUDIT[machine] if audit is None else audit, 0, *padded)
    program = b"".join(seccomp._program(known))
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x54:
                accumulator &= value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case 0x06:
                return int(value)
            case _:
                pytest.fail(f"unknown instruction {code:#x}")


@pytest.mark.parametrize("machine", MACHINES)
def test_allows_what_is_listed_and_nothing_else(machine: str) -> None:
    allowed = {number for number in range(HIGHEST) if verdict(machine, number) == ALLOW}
    # With all arguments 0, mmap is of a file, and mprotect takes rights away only.
    assert allowed == {number for name, number in numbers(machine).items() if name != "mmap"}


def test_no_other_machine_is_known() -> None:
    assert set(seccomp._MACHINES) == set(MACHINES)


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 317), ("aarch64", 277)])
def test_the_filter_is_installed_by_the_right_call(machine: str, number: int) -> None:
    assert seccomp._MACHINES[machine].seccomp == number


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_or_convention_is_killed(machine: str) -> None:
    read = numbers(machine)["read"]
    for audit in {*AUDIT.values(), 0x40000003, 0} - {AUDIT[machine]}:
        assert verdict(machine, read, audit=audit) == KILL
    assert verdict(machine, 0x40000000 | read) == KILL
    assert (verdict(machine, 0x3FFFFFFF), verdict(machine, 0x40000000)) == (EPERM, KILL)
    assert verdict(machine, -1) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("mmap", (0, 4096, 3, 0x22), ALLOW),  # malloc
        ("mmap", (0, 4096, 0, 0x4022), ALLOW),  # a heap's reserve
        ("mmap", (0, 4096, 7, 0x22), EPERM),
        ("mmap", (0, 4096, 4, 0x22), EPERM),
        ("mmap", (0, 4096, 3, 0x21), EPERM),  # shared
        ("mmap", (0, 4096, 3, 0x23), EPERM),  # shared, and validated
        ("mmap", (0, 4096, 3, 0x02), EPERM),  # a file
        ("mprotect", (0, 4096, 3), ALLOW),
        ("mprotect", (0, 4096, 4), EPERM),
        ("mprotect", (0, 4096, 7), EPERM),
    ],
)
def test_arguments_count(machine: str, name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert verdict(machine, numbers(machine)[name], *arguments) == answer


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "_MACHINES", {})
    seccomp.program.cache_clear()
    with pytest.raises(OSError, match=f"no filter is written for {os.uname().machine}"):
        seccomp.confine()


@pytest.mark.skipif(os.uname().machine not in MACHINES, reason="no filter is written for this machine")
def test_the_kernel_takes_the_filter_once_and_for_good() -> None:
    """In a process of its own: what it may still do is to tell what it could not, and to end."""

    def tried(act: Callable[[], object]) -> int:
        try:
            act()
        except OSError as error:
            return error.errno or -1
        return 0

    out, into = os.pipe()
    if (child := os.fork()) == 0:
        try:
            confinement._prctl(confinement._PR_SET_NO_NEW_PRIVS, 1)
            told = [
                tried(seccomp.confine),
                tried(lambda: os.open("/", os.O_RDONLY)),
                tried(lambda: os.write(into, b"")),
                tried(os.getpid),
                tried(seccomp.confine),
            ]
            os.write(into, bytes(told))
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        told = list(pipe.read())
    os.waitpid(child, 0)
    assert told == [0, errno.EPERM, 0, 0, errno.EPERM]
