"""Where processor time goes: seconds by kind of process, watched from outside while a local machine runs."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_EVERY_SECONDS = 0.1
_DOCKER_EVERY_SECONDS = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")

CODEC = "the codec's processes"
KINDS: tuple[tuple[str, str], ...] = (
    ("aws-lambda-rie --", "Runtime Interface Emulators"),
    ("imagemachine.worker", CODEC),
    ("-m awslambdaric", "the functions"),
    ("-m uvicorn", "the emulated account"),
    ("controlplane/local/look.py", "looking at the results"),
    ("controlplane/__main__.py", "deploy.sh: uploads, downloads, report"),
)
"""What a command line holds, and what such a process is; the first that fits."""
REST = "others that deploy.sh started"


def kind(command: str) -> str:
    """What the process with this command line is."""
    return next((name for part, name in KINDS if part in command), REST)


@dataclass
class Usage:
    """Samples a process, all below it, and the containers that it named after itself, from `with` to its end.

    What a process uses after its last sample is not seen: at most a tenth of a second's worth of each. A picture's
    process lives shorter than that: its time counts, with its zygote's, as soon as it has ended.
    """

    pid: int
    containers: bool = False
    idle: float = 0.0
    """Seconds in which processors had nothing to do, added over all."""
    _seconds: dict[int, float] = field(default_factory=dict)
    _commands: dict[int, str] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.idle = -_idle_seconds()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.idle += _idle_seconds()

    @property
    def by_kind(self) -> dict[str, float]:
        """Processor seconds, user's and system's, the most first."""
        found: dict[str, float] = {}
        for pid, seconds in self._seconds.items():
            name = kind(self._commands.get(pid, ""))
            found[name] = found.get(name, 0.0) + seconds
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def _watch(self) -> None:
        inside: set[str] = set()
        asked = time.monotonic()
        while not self._ended.wait(_EVERY_SECONDS):
            if self.containers and time.monotonic() - asked > _DOCKER_EVERY_SECONDS:
                inside |= _containers(self.pid)
                asked = time.monotonic()
            self.sample(inside)

    def sample(self, containers: set[str]) -> None:
        """Look at everything once."""
        processes = dict(_processes())
        wanted = {self.pid}
        while below := {pid for pid, (parent, *_) in processes.items() if parent in wanted} - wanted:
            wanted |= below
        if containers:
            wanted |= {pid for pid in processes if any(name in _read(pid, "cgroup") for name in containers)}
        for pid in wanted & processes.keys():
            # One that has ended and is not yet buried has none any more.
            if command := _read(pid, "cmdline").replace("\0", " "):
                self._commands[pid] = command
        for pid in wanted & processes.keys():
            parent, own, of_ended = processes[pid]
            if not self._is_codec(parent):
                self._seconds[pid] = own + (of_ended if self._is_codec(pid) else 0.0)

    def _is_codec(self, pid: int) -> bool:
        return kind(self._commands.get(pid, "")) == CODEC


def _processes() -> Iterator[tuple[int, tuple[int, float, float]]]:
    """Each process with its parent and the seconds that it has used, and that those have that ended below it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (text := _read(int(entry.name), "stat")):
            # The name, in parentheses, may hold anything.
            fields = text.rpartition(")")[2].split()
            own, of_ended = (sum(map(int, fields[place : place + 2])) / _TICKS for place in (11, 13))
            yield int(entry.name), (int(fields[1]), own, of_ended)


def _read(pid: int, name: str) -> str:
    """A file of the process; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _idle_seconds() -> float:
    fields = Path("/proc/stat").read_text().split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / _TICKS


def _containers(pid: int) -> set[str]:
    """The identities of the running containers that deploy.sh of this process started."""
    command = ["docker", "ps", "--no-trunc", "--quiet", "--filter", f"name=-{pid}$"]
    return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())
