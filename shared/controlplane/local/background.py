"""Work that goes on beside a block, and ends with it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

END_SECONDS = 10.0
"""For what it is at when the block ends."""


@contextmanager
def background(name: str, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have `work` done in a thread within the block; it returns soon after the event that it is given is set."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(END_SECONDS)
