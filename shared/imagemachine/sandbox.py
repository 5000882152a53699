"""Pictures are worked on in processes that can do nothing else, each in one of its own; nothing they say is trusted.

    with closing(Sandbox(variant, limits, max_memory=...)) as sandbox:
        made = sandbox.run(data, seconds=20)

What such a process can and cannot do is tried out with `python -m imagemachine.worker`.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from imagemachine.errors import ConfigurationError, Reason, Rejected, Retryable
from imagemachine.formats import FORMATS
from imagemachine.pictures.place import Point
from imagemachine.variant import Limits, Made, Output, Variant
from imagemachine.worker.confinement import hide_memory
from imagemachine.worker.process import WorkerDied, WorkerUnused, ZygoteDied
from imagemachine.worker.protocol import MAX_NOTES, TEXT_CHARACTERS, Task
from imagemachine.worker.stock import START_SECONDS, CannotStart, Stock

_TRIES = 3
"""How many processes may end for no reason before the upload is given back to the queue."""

_REASONS = frozenset(Reason)

_IMPRESSION = re.compile(r"(#[0-9a-f]{6}[A-Za-z0-9+/]{8,36}={0,2})?")
"""A colour and a ThumbHash in base64, or neither."""


class Sandbox:
    """Makes one variant of uploads, each in a fresh process; safe to share between threads.

    One process waits for each of the `at_once` pictures that are worked on at the same time, and one more, so that no
    picture waits for its process. `work` names what they do, `module:function`; `rehearsal` what gives files of our own
    that this is tried on before, so that what is made at its first use is made once.
    max_memory, max_output: bytes that the work on a picture may allocate, and of its largest result.
    require: raise ConfigurationError when the kernel refuses a part of the confinement.
    started: called once, with the notes, when the first process is ready.
    """

    def __init__(
        self,
        variant: Variant,
        limits: Limits,
        *,
        max_memory: int,
        max_output: int = 256 * 1024 * 1024,
        at_once: int = 1,
        require: bool = False,
        started: Callable[[tuple[str, ...]], None] = lambda _: None,
        work: str = "imagemachine.render:render",
        rehearsal: str = "imagemachine.rehearsal:pictures",
    ) -> None:
        self._task = Task(work, variant, limits, max_memory=max_memory, max_output=max_output, rehearsal=rehearsal)
        self._bounds = variant.bounds
        self._require = require
        self._started: Callable[[tuple[str, ...]], None] | None = started
        self._own_notes = _hide_own_memory()
        self._stock = Stock(self._task, at_once + 1)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each part of the confinement that the kernel refused. Waits until a process is ready.

        Raises Retryable when none can be started, and ConfigurationError when every part is required.
        """
        try:
            return self._checked(self._stock.refused(time.monotonic() + START_SECONDS))
        except CannotStart as error:
            raise Retryable(f"The codec's process could not be started: {error}.") from error

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        """Do the work on one upload, within `seconds`; `focus` is its point of interest, if it says one itself.

        Raises Rejected as the work did, with TOO_SLOW after `seconds`, with CRASHED when the process died on it;
        Retryable when none can be started, or it died with the one that it came from.
        """
        if len(data) > self._task.limits.max_bytes:
            raise Rejected(
                Reason.TOO_MANY_BYTES, f"It has {len(data):,} bytes; {self._task.limits.max_bytes:,} is the most."
            )
        deadline = time.monotonic() + seconds
        try:
            for _ in range(_TRIES):
                with suppress(WorkerUnused):
                    return self._attempt(data, focus, deadline)
        except TimeoutError:
            raise Rejected(Reason.TOO_SLOW, f"It was not done within {seconds:.1f} seconds.") from None
        except WorkerDied as death:
            raise Rejected(Reason.CRASHED, f"The process that worked on it died: {death}.") from None
        except ZygoteDied as death:
            raise Retryable(f"The process that the codec's processes come from died: {death}.") from None
        except CannotStart as error:
            raise Retryable(f"The codec's process could not be started: {error}.") from error
        raise Retryable(f"{_TRIES} of the codec's processes were ended before they had read the upload.")

    def close(self) -> None:
        """End all processes; the sandbox is of no use afterwards."""
        self._stock.close()

    def _attempt(self, data: bytes, focus: Point | None, deadline: float) -> Made:
        """Raises what Worker and Stock raise, and Rejected."""
        with self._stock.one(deadline) as worker:
            self._checked(worker.refused(deadline))
            answer = worker.ask(data, focus, deadline)
            return self._made(answer, partial(worker.output, deadline=deadline))

    def _checked(self, refused: Sequence[str]) -> tuple[str, ...]:
        """All that the kernel refused; it is said when it is first known. Raises ConfigurationError."""
        notes = (*self._own_notes, *refused)
        started, self._started = self._started, None
        if started is not None:
            started(notes)
        if notes and self._require:
            raise ConfigurationError(
                f"REQUIRE_SANDBOX=1, and this system has only a part of the sandbox: {' '.join(notes)}"
                " REQUIRE_SANDBOX=0 does without the rest, for uploads that are trusted."
            )
        return notes

    def _made(self, answer: object, output: Callable[[int], bytes]) -> Made:
        """The answer, if it is one that an honest process could give; `output` reads what it names. Raises Rejected."""
        match answer:
            case ["rejected", str(reason), str(detail)] if reason in _REASONS and _is_text(detail):
                raise Rejected(Reason(reason), detail)
            case ["out-of-memory"]:
                most = f"{self._task.max_memory // 2**20:,} MiB"
                raise Rejected(Reason.TOO_MANY_PIXELS, f"It takes more than {most} of memory.")
            case ["failed", str(detail)] if _is_text(detail):
                raise Rejected(Reason.CRASHED, f"The codec failed on it: {detail}")
            case ["made", list(files), str(engine), list(notes), [str(colour), str(placeholder)]] if (
                self._are_plausible(files)
                and len(notes) <= MAX_NOTES
                and all(map(_is_text, [engine, *notes]))
                and _IMPRESSION.fullmatch(colour + placeholder)
            ):
                outputs = tuple(Output(output(length), *described) for length, *described in files)
                if all(_begins_like(output.format, output.data) for output in outputs):
                    return Made(outputs, engine, tuple(notes), colour, placeholder)
        raise Rejected(Reason.CRASHED, "The process that worked on it gave an answer that makes no sense.")

    def _are_plausible(self, files: Sequence[Any]) -> bool:
        """Whether an honest process could say that it made these."""
        return (
            1 <= len(files) <= len(self._task.variant.formats)
            and all(map(self._is_plausible, files))
            and sum(length for length, *_ in files) <= self._task.max_output
        )

    def _is_plausible(self, file: object) -> bool:
        match file:
            case [int(length), str(), int(width), int(height), int(frames)]:
                return (
                    not any(isinstance(number, bool) for number in (length, width, height, frames))
                    and min(length, width, height, frames) > 0
                    and width * height * frames <= self._task.limits.max_pixels
                    and self._bounds.hold(width, height)
                )
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_CHARACTERS and value.isprintable()


def _begins_like(name: str, data: bytes) -> bool:
    """What is stored under a picture's content type is a picture, at first sight at least."""
    format_ = FORMATS.get(name)
    return format_ is not None and format_.writable and format_.could_be(data)


def _hide_own_memory() -> tuple[str, ...]:
    """Nobody of the same user may look into this process, which holds the credentials; a note where that fails."""
    try:
        hide_memory()
    except OSError as error:
        return (f"The kernel refused to hide the function's memory: {error}.",)
    return ()
