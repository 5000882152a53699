"""The child's side of the line protocol, for contenders written in Python.

A contender is a process that lives for the whole run. It first prints one line, its versions, and then answers
every line `{"picture": path, "task": {...}, "save": path or null, "peak": whether its memory is of interest}` with
one line `{"seconds": ..., "cpu": ..., "bytes": ..., "peak": bytes or 0}`, or `{"unable": "why"}` where it cannot do
such a task. What is timed is the task from memory to memory; reading the picture and saving the result are not.
"""

import json
import os
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """What to make of a picture, in its own format."""

    degrees: int = 0
    """0: fit into the box; 90 or 270: a quarter turn clockwise or counter-clockwise."""
    width: int = 0
    height: int = 0
    quality: int = 80


_SCHEDULED = 2
"""CPUCLOCK_SCHED of the kernel's include/linux/posix-timers_types.h."""


def serve(versions: dict[str, str], contender: Callable[[bytes, Task], bytes]) -> None:
    """Answer tasks until standard input ends. What the contender itself prints, its log, goes nowhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())

    def say(answer: object) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say(versions)
    path, data = "", b""
    for line in sys.stdin:
        request = json.loads(line)
        if request["picture"] != path:
            path = request["picture"]
            data = Path(path).read_bytes()
        try:
            cpu, start = cpu_seconds(), time.perf_counter()
            result = contender(data, Task(**request["task"]))
            seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
        except Exception as error:  # noqa: BLE001 - what one contender cannot do, the others can
            say({"unable": f"{type(error).__name__}: {error}"})
            continue
        if request["save"]:
            Path(request["save"]).write_bytes(result)
        # To look at all memory takes as long as a small picture, and leaves the caches full of it.
        peak = peak_bytes() if request["peak"] else 0
        size = len(result)
        del result  # The next one is made without it in memory.
        say({"seconds": seconds, "cpu": cpu, "bytes": size, "peak": peak})


def cpu_seconds(without: int = 0) -> float:
    """User and system time of this process and of the processes below it, so far, `without` one of them."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ended = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    below = sum(_scheduled(pid) for pid in _descendants(os.getpid()) if pid != without)
    return ended + below


def peak_bytes() -> int:
    """The most memory that this process and those below it have held, each at its own worst moment.

    Pages of files that several of them have mapped, such as Python's, are counted once, where it may be seen which
    these are. Files in memory, through which they speak, are counted with what they hold now.
    """
    pids = [os.getpid(), *_descendants(os.getpid())]
    return sum(map(_high_water, pids)) - _mapped_again(pids) + _files_in_memory()


def _mapped_again(pids: list[int]) -> int:
    """Bytes that are in more than one of the processes; 0 where they hide it."""
    held: dict[str, Counter[int]] = defaultdict(Counter)
    try:
        for pid in pids:
            place = ""
            for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in ("Shared_Clean", "Shared_Dirty"):
                    held[place][pid] += int(value.split()[0]) * 1024
                elif "-" in line.split()[0]:
                    _, _, offset, device, inode, *path = line.split(None, 5)
                    place = f"{device} {inode} {offset}" if inode != "0" else f"{pid} {path}"
    except OSError:
        return 0
    return sum(sizes.total() - max(sizes.values()) for sizes in held.values())


def _files_in_memory() -> int:
    files = {}
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()).startswith("/memfd:"):
                status = entry.stat()
                files[status.st_ino] = status.st_blocks * 512
    return sum(files.values())


def _descendants(pid: int) -> list[int]:
    children = [int(child) for task in _tasks(pid) for child in (task / "children").read_text().split()]
    return children + [below for child in children for below in _descendants(child)]


def _high_water(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    # A process that has ended and is not yet buried has no line.
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _scheduled(pid: int) -> float:
    """The process's own clock, by the number that clock_getcpuclockid(3) makes of its own.

    Unlike /proc's utime and stime, which count ticks of 10 ms, it is in nanoseconds; unlike the clocks of its threads
    it counts those that have ended.
    """
    return time.clock_gettime(~pid << 3 | _SCHEDULED)
