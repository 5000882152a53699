"""Processes that cannot outlive this one, however it ends."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

GRACE_SECONDS = 3.0
"""How long a process may take to end by itself."""

_LEADER = """
trap '' HUP INT TERM
read -r _
kill -TERM 0
sleep 2
rm -rf -- "$1"
kill -KILL 0
"""
"""Waits until the other end of its standard input is closed, then ends its process group and removes a folder."""


class Family:
    """Child processes in a process group of their own, and the folder they work in.

    The group's leader holds one end of a pipe, this process the other: when this one is killed, by whatever
    signal, the kernel closes the pipe and the leader ends the group. The terminal's Ctrl-C reaches this process
    alone, which can then stop its children in the right order.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self._leader = subprocess.Popen(
            ["/bin/sh", "-c", _LEADER, "image-machine", str(workspace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._leader.pid, signal.SIGKILL)
        self._leader.communicate()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        folder: Path,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start `command` in `folder` with nothing but `environment`."""
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            process_group=self._leader.pid,
        )


def stop(child: subprocess.Popen[bytes]) -> None:
    """End `child`, politely first."""
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
