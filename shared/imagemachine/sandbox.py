"""Pictures are worked on in a process that can do nothing else, and nothing that comes out of it is trusted.

    with closing(Sandbox(variant, limits, max_memory=...)) as sandbox:
        made = sandbox.run(data, seconds=20)

What such a process can and cannot do is tried out with `python -m imagemachine.worker`.
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from imagemachine.errors import ConfigurationError, Reason, Rejected, Retryable
from imagemachine.formats import FORMATS
from imagemachine.variant import Limits, Made, Output, Variant
from imagemachine.worker.process import SharedFile, WorkerDied, WorkerProcess
from imagemachine.worker.protocol import MAX_NOTES, TEXT_CHARACTERS, Task

START_SECONDS = 10.0
"""How long a worker may take to start."""

_IN_USE = 64 * 1024 * 1024
"""A worker that between two pictures has so much more memory of its own than what it may keep is replaced."""

_KEPT_SHARED = 64 * 1024 * 1024
"""A larger shared file is given back between two pictures; what is kept need not be cleared again."""

_REASONS = frozenset(Reason)

_PR_SET_DUMPABLE = 4


class _Suspect(Exception):
    """The worker failed on a picture; the picture or what came before it may be the cause."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(str(rejected))
        self.rejected = rejected


class Sandbox:
    """A worker process for one variant, replaced whenever it dies, hangs, grows or talks nonsense.

    The first worker starts at once and in the background. `work` names what it does, `module:function`.
    max_memory, max_output: bytes that the work may allocate, and of the largest result.
    require: raise ConfigurationError when the kernel refuses a part of the confinement.
    started: called once, with the notes, when the first worker has started; its first use waits for that, and raises
    Retryable when no worker can be started.
    """

    def __init__(
        self,
        variant: Variant,
        limits: Limits,
        *,
        max_memory: int,
        max_output: int = 256 * 1024 * 1024,
        require: bool = False,
        started: Callable[[tuple[str, ...]], None] = lambda _: None,
        work: str = "imagemachine.render:render",
    ) -> None:
        self._task = Task(work, variant, limits, max_memory=max_memory, max_output=max_output)
        self._bounds = variant.bounds
        self._require = require
        self._started: Callable[[tuple[str, ...]], None] | None = started
        self._lock = threading.Lock()
        self._own_notes = _hide_own_memory()
        self._file = SharedFile()
        self._worker: WorkerProcess | None = None
        self._replace()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each part of the confinement that the kernel refused. Waits until the worker has started.

        Raises Retryable when it does not, and ConfigurationError when every part is required.
        """
        with self._lock:
            return self._ready(time.monotonic() + START_SECONDS)[1]

    def run(self, data: bytes, seconds: float) -> Made:
        """Do the work on one upload, within `seconds`; threads that come at the same time wait for each other.

        Raises Rejected as the work did, with TOO_SLOW after `seconds`, with CRASHED when the work died on it;
        Retryable when no worker can be started.
        """
        if len(data) > self._task.limits.max_bytes:
            raise Rejected(
                Reason.TOO_MANY_BYTES, f"It has {len(data):,} bytes; {self._task.limits.max_bytes:,} is the most."
            )
        with self._lock:
            deadline = time.monotonic() + seconds
            try:
                return self._run(data, seconds, deadline)
            finally:
                self._tidy()

    def close(self) -> None:
        """End the worker; the sandbox is of no use afterwards."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()
                self._worker = None
            self._file.close()

    def _run(self, data: bytes, seconds: float, deadline: float) -> Made:
        """A failure is believed of a fresh worker only: an earlier picture may have left this one damaged."""
        try:
            return self._attempt(data, seconds, deadline)
        except _Suspect as suspect:
            first = suspect.rejected
        try:
            return self._attempt(data, seconds, deadline)
        except _Suspect as suspect:
            raise suspect.rejected from None
        except (Rejected, Retryable):
            if time.monotonic() < deadline:
                raise
            raise first from None  # There was no time to ask again.

    def _attempt(self, data: bytes, seconds: float, deadline: float) -> Made:
        worker, _ = self._ready(deadline)
        try:
            self._file.write(data)
        except OSError as error:
            raise Retryable(f"The codec cannot be given the upload: {error}.") from error
        try:
            answer = worker.ask(len(data), deadline)
        except TimeoutError:
            self._replace()
            raise Rejected(Reason.TOO_SLOW, f"It was not done within {seconds:.1f} seconds.") from None
        except WorkerDied as death:
            self._replace()
            raise _Suspect(Rejected(Reason.CRASHED, f"The process that worked on it died: {death}.")) from None
        try:
            return self._made(answer)
        except _Suspect:
            self._replace()
            raise

    def _made(self, answer: object) -> Made:
        """The worker's answer, if it is one that an honest worker could give. Raises Rejected, _Suspect."""
        match answer:
            case ["rejected", str(reason), str(detail)] if reason in _REASONS and _is_text(detail):
                raise Rejected(Reason(reason), detail)
            case ["out-of-memory"]:
                most = f"{self._task.max_memory // 2**20:,} MiB"
                raise _Suspect(Rejected(Reason.TOO_MANY_PIXELS, f"It takes more than {most} of memory."))
            case ["failed", str(detail)] if _is_text(detail):
                raise _Suspect(Rejected(Reason.CRASHED, f"The codec failed on it: {detail}"))
            case ["made", list(files), str(engine), list(notes)] if (
                1 <= len(files) <= len(self._task.variant.formats)
                and len(notes) <= MAX_NOTES
                and all(map(_is_text, [engine, *notes]))
            ):
                outputs = self._outputs(files)
                if outputs:
                    return Made(outputs, engine, tuple(notes))
        raise _Suspect(Rejected(Reason.CRASHED, "The process that worked on it gave an answer that makes no sense."))

    def _outputs(self, files: list[Any]) -> tuple[Output, ...]:
        """The files that the worker says it has made, each as an honest worker could make it; otherwise none."""
        if not all(self._is_plausible(file) for file in files):
            return ()
        total = sum(file[0] for file in files)
        if total > self._task.max_output:
            return ()
        # Copied before it is looked at: the worker could still write to the original.
        data = self._file.read(total)
        outputs, place = [], 0
        for length, name, width, height, frames in files:
            part = data[place : place + length] if len(files) > 1 else data
            outputs.append(Output(part, name, width, height, frames))
            place += length
        sound = len(data) == total and all(_begins_like(output.format, output.data) for output in outputs)
        return tuple(outputs) if sound else ()

    def _is_plausible(self, file: object) -> bool:
        match file:
            case [int(length), str(), int(width), int(height), int(frames)]:
                return (
                    not any(isinstance(number, bool) for number in (length, width, height, frames))
                    and length > 0
                    and min(width, height, frames) > 0
                    and width * height * frames <= self._task.limits.max_pixels
                    and self._bounds.hold(width, height)
                )
        return False

    def _ready(self, deadline: float) -> tuple[WorkerProcess, tuple[str, ...]]:
        """A worker that has started, and what the kernel refused."""
        worker = self._worker or self._start()
        try:
            hello = worker.hello(deadline)
        except (TimeoutError, WorkerDied) as error:
            hello = {"error": str(error) or "it took too long"}
        match hello:
            case {"refused": [*refused]}:
                notes = (*self._own_notes, *map(str, refused))
            case _:
                worker.kill()
                self._worker = None
                raise Retryable(f"The codec's process could not be started: {hello.get('error')}.")
        if self._started is not None:
            self._started(notes)
            self._started = None
        if notes and self._require:
            raise ConfigurationError(f"REQUIRE_SANDBOX=1, but: {' '.join(notes)}")
        return worker, notes

    def _start(self) -> WorkerProcess:
        try:
            self._worker = WorkerProcess(self._task, self._file)
        except OSError as error:
            raise Retryable(f"The codec's process could not be started: {error}.") from error
        return self._worker

    def _replace(self) -> None:
        """End the worker and start another at once, so that the next picture waits for it as little as possible."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
        with suppress(Retryable):  # Whoever needs it next tries again and is told.
            self._start()

    def _tidy(self) -> None:
        """Keep what is held between two pictures small."""
        self._file.trim(_KEPT_SHARED)
        if self._worker is not None and self._worker.private_bytes() > self._task.kept_memory + _IN_USE:
            self._replace()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_CHARACTERS and value.isprintable()


def _begins_like(name: str, data: bytes) -> bool:
    """What is stored under a picture's content type is a picture, at first sight at least."""
    format_ = FORMATS.get(name)
    return format_ is not None and format_.writable and format_.could_be(data)


def _hide_own_memory() -> tuple[str, ...]:
    """Nobody of the same user may look into this process, which holds the credentials; a note where that fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, *map(ctypes.c_ulong, (0, 0, 0, 0))) == 0:
        return ()
    return (f"The kernel refused to hide the function's memory: {os.strerror(ctypes.get_errno())}.",)
