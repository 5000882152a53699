"""What a picture's process finds ready: pages that it will write to are its own, those of files are there."""

import ctypes
import gc
import json
import mmap
import os
import platform
import re
import resource
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagemachine.worker import memory
from imagemachine.worker.confinement import address_space

_PAGES = 64


def in_a_fork(act: Callable[[], object]) -> object:
    """What `act` gives in a fork of this process."""
    out, into = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(into, json.dumps(act()).encode())
        except BaseException:  # noqa: BLE001 - whatever it is, it is shown
            traceback.print_exc()
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


@cache
def _looked() -> dict[str, Any]:
    """What each of LOOKS gives in a fork of a fresh process: one that has hidden its memory cannot look into it."""
    script = (
        "import json\nfrom unit import test_memory as of\n"
        "print(json.dumps({look: of.in_a_fork(getattr(of, look)) for look in of.LOOKS}))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    looked: dict[str, Any] = json.loads(done.stdout)
    return looked


LOOKS = ("copied_ahead", "mapped_ahead", "laid_out", "no_room", "kept", "settled", "mapped_once")


def in_its_own_process(look: str) -> Any:
    return _looked()[look]


def test_what_will_be_written_to_is_copied_ahead_and_stays_what_it_was() -> None:
    assert in_its_own_process("copied_ahead") == [_PAGES, [0, _PAGES, list(range(1, _PAGES + 1))]]


def test_a_file_that_will_be_read_is_mapped_ahead() -> None:
    assert in_its_own_process("mapped_ahead") == [False, True]


@pytest.mark.parametrize("kind", memory.Used._fields)
def test_a_page_that_is_gone_holds_nothing_up(kind: str) -> None:
    gone = (memory._Place * 1)(memory._Place(mmap.PAGESIZE, 1))
    assert in_a_fork(lambda: memory.touch(memory.Used(**{kind: [gone]}), 8 << 20)) is None


def laid_out() -> object:
    """For several reserves: where a picture's memory begins, which huge pages of it are there, and which may be."""
    memory.keep_on_heap()
    memory.settle()

    def tried(reserve: int) -> list[object]:
        end = memory._libc.sbrk(0)
        first = end + -end % memory._HUGE
        memory.touch(memory.Used(), reserve)
        block = memory._libc.malloc(reserve) - first
        there = [page - first for page, _ in memory._pages("rw") if 0 <= page - first < block + reserve]
        areas = [
            [int(limit, 16) - first for limit in area.split()[0].split("-")]
            for area in re.split(r"\n(?=[0-9a-f]+-)", Path("/proc/self/smaps").read_text())
            if " hg" in area
        ]
        return [block, [page for page in there if page % memory._HUGE == 0], areas]

    return [in_a_fork(partial(tried, reserve)) for reserve in RESERVES]


RESERVES = [1 << 20, 2 << 20, 4 << 20, (6 << 20) - 4096, 6 << 20, 8 << 20]


of_an_older_heap = pytest.mark.skipif(
    tuple(map(int, (platform.libc_ver()[1] or "0").split("."))) >= (2, 41),
    reason="this C library lays out its heap otherwise",
)
"""What is looked at is to the byte where the C library puts its blocks."""


@of_an_older_heap
def test_new_memory_begins_at_a_huge_page_of_which_two_are_there() -> None:
    if "madvise" not in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text():
        pytest.skip("this kernel has no huge pages")
    mib = 1 << 20
    for reserve, (block, there, areas) in zip(RESERVES, in_its_own_process("laid_out"), strict=True):
        assert -64 <= block <= 0, "what was the zygote's stays unused, and no more than that"
        whole = (block + reserve) // (2 * mib)
        assert there == [0, 2 * mib][: max(0, min(2, reserve // (2 * mib) - 1))]
        assert areas == ([[0, whole * 2 * mib]] if whole else [])


def no_room() -> object:
    """With memory for nothing more."""
    memory.keep_on_heap()

    def tried() -> int:
        most = address_space() + (1 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        memory.touch(memory.Used(), 1 << 30)
        return 1

    return in_a_fork(tried)


def test_where_there_is_no_room_nothing_is_touched_ahead() -> None:
    assert in_its_own_process("no_room") == 1


def kept() -> object:
    """What a large block leaves behind that is freed, and whether it was a mapping of its own."""
    libc = memory._libc

    def tried(keep: bool) -> list[bool]:
        if keep:
            memory.keep_on_heap()
        block = libc.malloc(64 << 20)
        end = libc.sbrk(0)
        mapped = Path("/proc/self/maps").read_text().count("\n")
        libc.free(block)
        return [mapped != Path("/proc/self/maps").read_text().count("\n"), end == libc.sbrk(0)]

    before = libc.sbrk(0)

    def grown() -> bool:
        memory.keep_on_heap()
        libc.free(libc.malloc(64 << 20))
        return bool(libc.sbrk(0) - before > 60 << 20)

    return [in_a_fork(partial(tried, True)), in_a_fork(grown)]


def test_freed_memory_is_kept_and_lies_on_the_heap() -> None:
    assert in_its_own_process("kept") == [[False, True], True]


def settled() -> object:
    """Where blocks come from whose sizes fitted holes: from between the others, or from beyond all of them."""
    libc = memory._libc
    sizes = [4096 << number for number in range(9)]

    def tried(settle: bool) -> list[bool]:
        memory.keep_on_heap()
        blocks = [(libc.malloc(size - 16), libc.malloc(4000))[0] for size in sizes for _ in range(3)]
        for block in blocks:
            libc.free(block)
        if settle:
            memory.settle()
        return [libc.malloc(size - 16) > max(blocks) for size in sizes]

    def collected() -> list[bool]:
        gc.disable()
        memory.settle()
        return [gc.isenabled(), gc.get_freeze_count() > 1000]

    return [in_a_fork(partial(tried, settle)) for settle in (False, True)] + [in_a_fork(collected)]


@of_an_older_heap
def test_after_settling_no_hole_from_a_page_to_a_mebibyte_is_left() -> None:
    unsettled, settled, collected = in_its_own_process("settled")
    assert not all(unsettled)
    assert all(settled)
    assert collected == [True, True]


def mapped_once() -> object:
    """Of a file that is read page by page: the pages that are foreseen, of this many windows of 64 KiB."""
    with Path(np.__file__).with_name("_core").joinpath("_add_newdocs.py").open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
    start, size = np.frombuffer(content, np.uint8).ctypes.data, len(content)

    def read() -> None:
        for place in range(0, size, mmap.PAGESIZE):
            assert content[place] >= 0

    used = memory.used_by(read)
    foreseen = [page.address for part in used.mapped for page in part if start <= page.address < start + size]
    windows = {(start + place) // 65_536 for place in range(0, size, mmap.PAGESIZE)}
    return [
        sorted({page // 65_536 for page in foreseen}) == sorted(windows),
        len(foreseen) - len(windows),
        len(windows) > 2,
    ]


def test_of_a_file_one_page_is_foreseen_for_all_that_the_system_maps_with_it() -> None:
    assert in_its_own_process("mapped_once") == [True, 0, True]


def test_pages_are_passed_in_as_many_as_one_call_takes() -> None:
    parts = memory._places(range(0, 2500 * 4096, 4096))
    assert [len(part) for part in parts] == [1024, 1024, 452]
    assert [(place.address, place.length) for part in parts for place in part] == [
        (number * 4096, 1) for number in range(2500)
    ]


@pytest.mark.usefixtures("visible_memory")
def test_only_private_pages_of_those_rights_are_told() -> None:
    """Each page by itself, in the order in which they lie, and none of the kernel's."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    areas = [
        [int(limit, 16) for limit in line.split()[0].split("-")]
        for line in maps
        if line.split()[1].startswith("r-") and line.split()[1].endswith("p") and "[v" not in line
    ]
    pages = [page for page, _ in memory._pages("r-")]
    assert pages == sorted(set(pages))
    assert len(pages) > 100
    assert all(any(start <= page < end for start, end in areas) for page in pages)
