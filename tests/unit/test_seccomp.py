"""The filter program, run by a small interpreter, so that every machine's is tested on any."""

import errno
import os
import struct

import pytest

from imagemachine.worker import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
OWN_PID = 4321
MACHINES = sorted(seccomp._MACHINES)
HIGHEST = 600
"""Beyond the last system call there is."""


def verdict(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter answers to one call (https://www.kernel.org/doc/html/latest/networking/filter.html)."""
    known = seccomp._MACHINES[machine]
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<iIQ6Q", number, known.audit if audit is None else audit, 0, *padded)
    program = b"".join(seccomp._program(known, OWN_PID))
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
    calls = seccomp._MACHINES[machine].calls
    allowed = {number for number in range(HIGHEST) if verdict(machine, number) == ALLOW}
    free = {number for name, number in calls.items() if name not in seccomp._CONDITIONAL}
    # With all arguments 0, mprotect takes rights away only.
    assert allowed == free | {calls["mprotect"]}


@pytest.mark.parametrize("machine", MACHINES)
def test_knows_the_same_calls_on_every_machine(machine: str) -> None:
    assert seccomp._MACHINES[machine].calls.keys() == seccomp._MACHINES["x86_64"].calls.keys()


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_or_convention_is_killed(machine: str) -> None:
    read = seccomp._MACHINES[machine].calls["read"]
    others = {known.audit for name, known in seccomp._MACHINES.items() if name != machine} | {0x40000003, 0}
    for audit in others:
        assert verdict(machine, read, audit=audit) == KILL
    assert verdict(machine, 0x40000000 | read) == KILL
    assert verdict(machine, -1) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("mmap", (0, 4096, 3, 0x22), ALLOW),  # malloc
        ("mmap", (0, 4096, 0, 0x4022), ALLOW),  # a heap's reserve
        ("mmap", (0, 4096, 3, 0x20022), ALLOW),  # a thread's stack
        ("mmap", (0, 4096, 7, 0x22), EPERM),
        ("mmap", (0, 4096, 4, 0x22), EPERM),
        ("mmap", (0, 4096, 3, 0x21), EPERM),  # shared
        ("mmap", (0, 4096, 3, 0x02), EPERM),  # a file
        ("mprotect", (0, 4096, 3), ALLOW),
        ("mprotect", (0, 4096, 4), EPERM),
        ("mprotect", (0, 4096, 7), EPERM),
        ("tgkill", (OWN_PID, 1, 6), ALLOW),
        ("tgkill", (1, 1, 9), EPERM),
        ("clone", (0x003D0F00,), ALLOW),
        ("clone", (17,), EPERM),
        ("clone", (0x003D0F00 | 0x10000000,), EPERM),
        ("clone3", (), ENOSYS),
        ("seccomp", (1, 0, 0), EPERM),
    ],
)
def test_arguments_count(machine: str, name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert verdict(machine, seccomp._MACHINES[machine].calls[name], *arguments) == answer


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "_MACHINES", {})
    with pytest.raises(OSError, match=f"no filter is written for {os.uname().machine}"):
        seccomp.confine()
