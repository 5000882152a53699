"""Several of a kind, of which each is for one user at a time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Pool(Generic[T_co]):
    """There is one from the start; others are made in the background, when somebody would have to wait.

    another: makes one that can be used at once; until then the others are. most: how many there may be.
    """

    def __init__(self, first: T_co, another: Callable[[], T_co] | None = None, most: int = 1) -> None:
        self.first = first
        self.most = most
        self._another = another
        self._lock = threading.Lock()
        self._made = 1
        # The last one given back is the next one taken: its memory is warm.
        self._idle: LifoQueue[T_co] = LifoQueue()
        self._idle.put(first)

    @contextmanager
    def one(self) -> Iterator[T_co]:
        """One of them, for as long as the block lasts; waits where all are in use."""
        try:
            item = self._idle.get_nowait()
        except Empty:
            self._grow()
            item = self._idle.get()
        try:
            yield item
        finally:
            self._idle.put(item)

    def _grow(self) -> None:
        with self._lock:
            if self._another is None or self._made == self.most:
                return
            self._made += 1
        another = self._another
        threading.Thread(target=lambda: self._idle.put(another()), name="pool", daemon=True).start()
