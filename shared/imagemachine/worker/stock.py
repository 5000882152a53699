"""Processes that wait for a picture, so that no picture waits for its process."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from imagemachine.worker.process import Worker, WorkerDied, WorkerMissing, Zygote, ZygoteDied
from imagemachine.worker.protocol import Task

START_SECONDS = 60.0
"""How long a process may take to be ready: a tenth of a second, but of a computer that does a dozen things at once."""

_TRIES = 3
"""How many that wait may be found ended before something must be wrong."""


class CannotStart(Exception):
    """No process can be started; the message says why."""


class Stock:
    """`size` processes of which each is for one picture, those at work included, and the zygote that they come from.

    They are ordered at once, and again when the zygote has died; safe to share between threads.
    """

    def __init__(self, task: Task, size: int) -> None:
        self._task = task
        self._size = size
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None
        self._waiting: list[Worker] = []
        self._at_work = 0
        self._closed = False
        with self._lock:
            self._fill()

    @contextmanager
    def one(self, deadline: float) -> Iterator[Worker]:
        """A process that is ready, for one picture: it is ended when the block is left. Raises CannotStart."""
        worker = self._ready(deadline)
        try:
            yield worker
        finally:
            self._replace(worker)

    def refused(self, deadline: float) -> Sequence[str]:
        """What the kernel refused to the process that is the next one's. Raises CannotStart."""
        worker = self._ready(deadline)
        with self._lock:
            self._at_work -= 1
            self._waiting.insert(0, worker)
        return worker.refused(deadline)

    def close(self) -> None:
        """End all processes; the stock is of no use afterwards."""
        with self._lock:
            self._closed = True
            self._drop()

    def _ready(self, deadline: float) -> Worker:
        death: Exception | None = None
        for _ in range(_TRIES):
            with self._lock:
                worker = self._waiting.pop(0) if self._waiting else self._ordered(None)
                self._at_work += 1
            try:
                worker.refused(deadline)
            except TimeoutError:
                if worker.age > START_SECONDS:
                    worker.zygote.close()  # It hangs; the next picture is to find another one.
                self._replace(worker)
                raise CannotStart("it took too long") from None
            except WorkerMissing as missing:
                self._replace(worker)
                raise CannotStart(str(missing)) from None
            except (WorkerDied, ZygoteDied) as error:  # Who knows who ended it while it waited.
                self._replace(worker)
                death = error
            else:
                return worker
        raise CannotStart(str(death))

    def _replace(self, worker: Worker) -> None:
        """End the process, and have another one wait in its place."""
        with self._lock:
            self._at_work -= 1
            self._fill(instead_of=worker)

    def _fill(self, instead_of: Worker | None = None) -> None:
        """For whoever holds the lock."""
        with suppress(CannotStart):  # Whoever needs the next one tries again and is told.
            while len(self._waiting) + self._at_work < self._size:
                self._waiting.append(self._ordered(instead_of))
                instead_of = None
        if instead_of is not None:
            with suppress(WorkerDied, ZygoteDied):
                instead_of.zygote.end(instead_of)

    def _ordered(self, instead_of: Worker | None) -> Worker:
        """Another process, of another zygote where that has died; for whoever holds the lock. Raises CannotStart."""
        if self._closed:
            raise CannotStart("its function is at an end")
        if instead_of is not None and instead_of.zygote is not self._zygote:
            instead_of.close()  # It has ended with its zygote.
            instead_of = None
        try:
            if self._zygote is not None:
                with suppress(ZygoteDied):
                    return self._zygote.order(instead_of)
                self._drop()
            self._zygote = Zygote(self._task)
            return self._zygote.order()
        except (OSError, ZygoteDied) as error:
            raise CannotStart(str(error)) from error

    def _drop(self) -> None:
        """End the zygote and all that has come from it; for whoever holds the lock."""
        for worker in self._waiting:
            worker.close()
        self._waiting.clear()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None
