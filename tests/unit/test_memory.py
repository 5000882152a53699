"""What a picture's process finds ready: pages that it will write to are its own, those of files are there."""

import ctypes
import json
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

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
            return len(wanted & {page for page, entry in memory._pages("rw") if entry & memory._OWN})

        def touched() -> list[object]:
            before = own()
            memory.touch(used, 8 << 20)
            return [before, own(), [block[place] for place in places]]

        used = memory.used_by(write)
        return [len(wanted & {page.address for part in used.written for page in part}), in_a_fork(touched)]


def mapped_ahead() -> object:
    """Whether a page of a file is there in a fork, before and after it touches what is foreseen."""
    with Path(__file__).open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as content:
        place = np.frombuffer(content, np.uint8).ctypes.data

        def there() -> bool:
            return place in {page for page, _ in memory._pages("r")}

        def touched() -> list[bool]:
            before = there()
            memory.touch(used, 8 << 20)
            return [before, there()]

        def read() -> None:
            assert content[0]

        used = memory.used_by(read)
        return in_a_fork(touched)


def in_its_own_process(name: str) -> object:
    """What a function of these gives in a fresh one: one that has hidden its memory cannot look into it either."""
    script = f"import json\nfrom unit import test_memory\nprint(json.dumps(test_memory.{name}()))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_will_be_written_to_is_copied_ahead_and_stays_what_it_was() -> None:
    assert in_its_own_process("copied_ahead") == [_PAGES, [0, _PAGES, list(range(1, _PAGES + 1))]]


def test_a_file_that_will_be_read_is_mapped_ahead() -> None:
    assert in_its_own_process("mapped_ahead") == [False, True]


@pytest.mark.parametrize("kind", memory.Used._fields)
def test_a_page_that_is_gone_holds_nothing_up(kind: str) -> None:
    gone = (memory._Place * 1)(memory._Place(mmap.PAGESIZE, 1))
    assert in_a_fork(lambda: memory.touch(memory.Used(**{kind: [gone]}), 8 << 20)) is None
