"""What a picture's process finds ready: the pages that it will write to are its own before it begins."""

import ctypes
import json
import mmap
import os
from collections.abc import Callable

from imagemachine.worker import memory

_PAGES = 64


def in_a_child(act: Callable[[], object]) -> object:
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


def test_what_will_be_written_to_is_copied_ahead_and_stays_what_it_was() -> None:
    with mmap.mmap(-1, _PAGES * mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        places = range(0, len(block), mmap.PAGESIZE)
        for number, place in enumerate(places):
            block[place] = number + 1
        start = ctypes.addressof(ctypes.c_char.from_buffer(block))
        wanted = {start + place for place in places}

        def write() -> None:
            for place in places:
                block[place] = 0

        pages = memory.written_by(write)
        assert wanted <= {page.address for part in pages for page in part}

        def own() -> int:
            return len(wanted & {page for page, own in memory._pages() if own})

        def touched() -> list[object]:
            before = own()
            memory.touch(pages, 8 << 20)
            return [before, own(), [block[place] for place in places]]

        assert in_a_child(touched) == [0, _PAGES, list(range(1, _PAGES + 1))]


def test_a_page_that_is_gone_holds_nothing_up() -> None:
    gone = (memory._Place * 1)(memory._Place(mmap.PAGESIZE, 1))
    assert in_a_child(lambda: memory.touch([gone], 8 << 20)) is None
