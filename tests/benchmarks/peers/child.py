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
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """What to make of a picture."""

    degrees: int = 0
    """0: fit into the box; 90 or 270: a quarter turn clockwise or counter-clockwise."""
    width: int = 0
    height: int = 0
    quality: int = 80
    cover: bool = False
    """Fill the box, and cut off what is beyond it, alike on both sides."""
    formats: Sequence[str] = ("keep",)
    """Several are made of one decode; their bytes come one behind the other."""


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
        watched = Watched() if request["peak"] else None
        try:
            cpu, start = cpu_seconds(), time.perf_counter()
            result = contender(data, Task(**request["task"]))
            seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
        except Exception as error:  # noqa: BLE001 - what one contender cannot do, the others can
            say({"unable": f"{type(error).__name__}: {error}"})
            continue
        finally:
            peak = watched.peak() if watched else 0
        if request["save"]:
            Path(request["save"]).write_bytes(result)
        size = len(result)
        del result  # The next one is made without it in memory.
        say({"seconds": seconds, "cpu": cpu, "bytes": size, "peak": peak})


def cpu_seconds(without: int = 0) -> float:
    """User and system time of this process and of the processes below it, so far, `without` one of them.

    Of those that have ended below another one the system tells hundredths of a second only.
    """
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ended = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    below = sum(map(spent, (pid for pid in descendants(os.getpid()) if pid != without)))
    return ended + below


class Watched:
    """The memory of this process and of those below it, looked at over and over again until it is asked for.

    A page that several of them share counts once. It takes time, so nothing is timed meanwhile.
    """

    def __init__(self) -> None:
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def peak(self) -> int:
        """The most bytes at any moment that was looked at."""
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while True:
            family = [os.getpid(), *descendants(os.getpid())]
            self._most = max(self._most, sum(map(_share, family)))
            if self._over.wait(0.001):
                return


def _share(pid: int) -> int:
    """The process's memory, of what it shares its share; nothing where it is no more."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def spent(pid: int) -> float:
    """Seconds of CPU of the process and of those below it that have ended; 0 where it is no more."""
    return _scheduled(pid) + _buried(pid)


def descendants(pid: int) -> list[int]:
    """All processes below it; some may have ended by now."""
    try:
        children = [int(child) for task in _tasks(pid) for child in (task / "children").read_text().split()]
    except OSError:  # It has ended meanwhile.
        return []
    return children + [below for child in children for below in descendants(child)]


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _buried(pid: int) -> float:
    """Seconds of those below the process that have ended, and whose end it has taken note of."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _scheduled(pid: int) -> float:
    """The process's own clock, by the number that clock_getcpuclockid(3) makes of its own.

    Unlike /proc's utime and stime, which count ticks of 10 ms, it is in nanoseconds; unlike the clocks of its threads
    it counts those that have ended.
    """
    try:
        return time.clock_gettime(~pid << 3 | _SCHEDULED)
    except OSError:
        return 0.0
