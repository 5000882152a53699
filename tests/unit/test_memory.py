"""What a picture's process finds ready: the pages that it will write to are its own before it begins."""

import ctypes
import json
import mmap
import os
import subprocess
import sys
from collections.abc import Callable

from imagemachine.worker import memory

_PAGES = 64


def in_a_fork(act: Callable[[], object]) -> object:
    """What `act` gives in a fork of this process."""
    out, into = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(into, json.dumps(act()).encode())
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return json.loads(told)


def copied_ahead() -> object:
    """How many of a block's pages are foreseen, and how many are a fork's own before and after it touches them."""
    with mmap.mmap(-1, _PAGES * mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        places = range(0, len(block), mmap.PAGESIZE)
        for number, place in enumerate(places):
            block[place] = number + 1
        start = ctypes.addressof(ctypes.c_char.from_buffer(block))
        wanted = {start + place for place in places}

        def write() -> None:
            for place in places:
                block[place] = 0

        def own() -> int:
            return len(wanted & {page for page, own in memory._pages() if own})

        def touched() -> list[object]:
            before = own()
            memory.touch(pages, 8 << 20)
            return [before, own(), [block[place] for place in places]]

        pages = memory.written_by(write)
        return [len(wanted & {page.address for part in pages for page in part}), in_a_fork(touched)]


def test_what_will_be_written_to_is_copied_ahead_and_stays_what_it_was() -> None:
    """In a process of its own: one that has hidden its memory, as a function does, cannot look into it either."""
    script = "import json\nfrom unit.test_memory import copied_ahead\nprint(json.dumps(copied_ahead()))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [_PAGES, [0, _PAGES, list(range(1, _PAGES + 1))]]


def test_a_page_that_is_gone_holds_nothing_up() -> None:
    gone = (memory._Place * 1)(memory._Place(mmap.PAGESIZE, 1))
    assert in_a_fork(lambda: memory.touch([gone], 8 << 20)) is None
