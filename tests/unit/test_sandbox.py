"""A worker that dies, hangs, eats, leaks or lies costs one picture and nothing else."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from imagemachine.errors import ConfigurationError, Reason, Rejected, Retryable
from imagemachine.sandbox import Sandbox, _Suspect
from imagemachine.variant import Fit, Limits, Made, Output, Turn, Variant
from unit import sandbox_work

MIB = 1024 * 1024
LIMITS = Limits(max_bytes=16 * MIB, max_pixels=1_000_000)
FITTED = Variant("thumbnail", [Fit(320, 200)])
TURNED = Variant("clockwise", [Turn(90)])


def sandboxed(work: str = "obey", variant: Variant = FITTED, **changes: Any) -> Sandbox:
    arguments: dict[str, Any] = {
        "max_memory": 256 * MIB,
        "max_output": 16 * MIB,
        "work": f"{sandbox_work.__name__}:{work}",
    }
    return Sandbox(variant, LIMITS, **arguments | changes)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with closing(sandboxed()) as sandbox:
        yield sandbox


def pid(sandbox: Sandbox) -> int:
    assert sandbox._worker is not None
    return sandbox._worker._process.pid


def rejected(sandbox: Sandbox, order: bytes, seconds: float = 10) -> Rejected:
    with pytest.raises(Rejected) as caught:
        sandbox.run(order, seconds)
    return caught.value


def test_makes_what_the_worker_makes(sandbox: Sandbox) -> None:
    assert sandbox.run(b"hello", 10) == Made((Output(b"BMhello", "bmp", 1, 1, 1),), "echo", ("a note",))


@pytest.mark.parametrize("size", [2, 4095, 4096, 4097, MIB, 16 * MIB])
def test_carries_uploads_and_results_of_any_size(size: int) -> None:
    data = (b"BM" + os.urandom(8191)) * (size // 8193 + 1)
    with closing(sandboxed("echo")) as sandbox:
        assert sandbox.run(data[:size], 10).data == data[:size]


def test_an_upload_beyond_the_limit_never_reaches_the_worker(sandbox: Sandbox) -> None:
    before = pid(sandbox)
    assert rejected(sandbox, bytes(LIMITS.max_bytes + 1)).reason is Reason.TOO_MANY_BYTES
    assert pid(sandbox) == before


def test_threads_take_turns(sandbox: Sandbox) -> None:
    results: dict[int, bytes] = {}

    def work(number: int) -> None:
        results[number] = sandbox.run(b"%d" % number, 10).data

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: b"BM%d" % number for number in range(20)}


def test_a_rejection_travels_with_its_reason_and_detail(sandbox: Sandbox) -> None:
    before = pid(sandbox)
    error = rejected(sandbox, "reject The picture ends early: 80 \N{PER MILLE SIGN}.".encode())
    assert (error.reason, error.detail) == (Reason.CORRUPT, "The picture ends early: 80 \N{PER MILLE SIGN}.")
    assert pid(sandbox) == before, "a plain rejection costs no worker"


@pytest.mark.parametrize(
    ("order", "reason", "detail"),
    [
        (b"raise bad\nluck\x1b[31m", Reason.CRASHED, "ZeroDivisionError: bad luck [31m (serve.py:"),
        (b"raise " + b"x" * 100_000, Reason.CRASHED, "ZeroDivisionError: xxx"),
        (b"exit", Reason.CRASHED, "SystemExit: 3"),
        (b"quit", Reason.CRASHED, "status 3"),
        (b"segfault", Reason.CRASHED, "SIGSEGV"),
        (b"signal 6", Reason.CRASHED, "SIGABRT"),
        (b"exhaust", Reason.TOO_MANY_PIXELS, "more than 256 MiB of memory"),
        (b"fill", Reason.TOO_MANY_PIXELS, "more than 256 MiB of memory"),
        (b"large 16777217", Reason.TOO_MANY_BYTES, "16,777,217 bytes; 16,777,216 is the most"),
    ],
)
def test_failure_is_a_rejection_and_the_next_picture_is_made(
    sandbox: Sandbox, order: bytes, reason: Reason, detail: str
) -> None:
    error = rejected(sandbox, order)
    assert error.reason is reason
    assert detail in error.detail
    assert error.detail.isprintable()
    assert sandbox.run(b"next", 10).data == b"BMnext"


@pytest.mark.parametrize("order", [b"hang", b"spin", b"say [", b"deaf"])
def test_nothing_lasts_longer_than_allowed(sandbox: Sandbox, order: bytes) -> None:
    _ = sandbox.notes
    before, start = pid(sandbox), time.monotonic()
    error = rejected(sandbox, order, seconds=0.5)
    assert error.reason in (Reason.TOO_SLOW, Reason.CRASHED)
    assert time.monotonic() - start < 3
    assert not Path(f"/proc/{before}").exists()
    assert sandbox.run(b"next", 10).data == b"BMnext"


def test_too_slow_says_how_long(sandbox: Sandbox) -> None:
    error = rejected(sandbox, b"hang", seconds=0.25)
    assert (error.reason, error.detail) == (Reason.TOO_SLOW, "It was not done within 0.2 seconds.")


@pytest.mark.parametrize("order", [b"innocent", b"confused"])
def test_a_damaged_worker_is_not_held_against_the_next_picture(sandbox: Sandbox, order: bytes) -> None:
    sandbox.run(b"damage", 10)
    assert sandbox.run(order, 10).data == b"BM" + order


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_killed_between_two_pictures_is_replaced(sandbox: Sandbox, number: int) -> None:
    sandbox.run(b"before", 10)
    os.kill(pid(sandbox), number)
    assert sandbox.run(b"after", 10).data == b"BMafter"


def test_a_worker_killed_from_outside_in_the_middle_gets_another_try(sandbox: Sandbox) -> None:
    sandbox.run(b"before", 10)
    victim = pid(sandbox)
    threading.Timer(0.2, os.kill, (victim, signal.SIGKILL)).start()
    assert rejected(sandbox, b"hang", seconds=0.8).reason is Reason.CRASHED, "the first failure is the true one"
    assert not Path(f"/proc/{victim}").exists()


def test_fresh_memory_after_every_kind_of_end(sandbox: Sandbox) -> None:
    """No process is left over but the one worker that waits."""
    _ = sandbox.notes
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert str(pid(sandbox)) in children
    for child in children:
        assert "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"\xff" * 1000,
        b"[" * 60_000,
        b"[1" + b"0" * 10_000 + b"]",
        b'["made", [[16777216, "bmp", 1, 1, 1]], "e", []]',
    ],
)
def test_a_worker_that_talks_nonsense_is_replaced(sandbox: Sandbox, words: bytes) -> None:
    error = rejected(sandbox, b"say " + words)
    assert error.reason is Reason.CRASHED
    assert sandbox.run(b"next", 10).data == b"BMnext"


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b"{}",
        b"null",
        b'"made"',
        b'["made"]',
        b'["rejected", "no-such-reason", "x"]',
        b'["rejected", "corrupt"]',
        b'["rejected", "corrupt", 7]',
        b'["rejected", "corrupt", "a\\nb"]',
        b'["rejected", "corrupt", "\\ud800"]',
        b'["rejected", "corrupt", "' + b"x" * 501 + b'"]',
        b'["failed", null]',
        b'["made", [[0, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[-1, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[true, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[1.5, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[NaN, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[16777217, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[99999999999999999999, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", [1]]',
        b'["made", [], "e", []]',
        b'["made", [7], "e", []]',
        b'["made", [[1, "bmp", 1, 1, 1], [1, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", ["\\n"]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "\\u0000", []]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", ' + json.dumps(["x"] * 21).encode() + b"]",
    ],
)
def test_nothing_that_a_worker_says_is_believed_unchecked(sandbox: Sandbox, answer: bytes) -> None:
    sandbox.run(b"BM", 10)
    with pytest.raises(_Suspect) as caught:
        sandbox._made(json.loads(answer))
    assert caught.value.rejected.reason is Reason.CRASHED


@pytest.mark.parametrize(
    "lie",
    [
        {"format": "exe"},
        {"format": "heic"},
        {"format": "png"},
        {"data": "<script>"},
        {"width": 0},
        {"height": -1},
        {"frames": 0},
        {"width": 321},
        {"height": 201},
        {"width": 320, "height": 200, "frames": 16},
    ],
)
def test_a_result_that_cannot_be_is_not_taken(sandbox: Sandbox, lie: dict[str, Any]) -> None:
    made = {"format": "bmp", "width": 1, "height": 1, "frames": 1} | lie
    assert rejected(sandbox, b"made " + json.dumps(made).encode()).reason is Reason.CRASHED


def test_a_turned_picture_has_no_box_but_the_limit_of_pixels() -> None:
    made = {"format": "bmp", "width": 1000, "height": 1000, "frames": 1}
    with closing(sandboxed(variant=TURNED)) as sandbox:
        assert sandbox.run(b"made " + json.dumps(made).encode(), 10).width == 1000
        made["width"] = 1001
        assert rejected(sandbox, b"made " + json.dumps(made).encode()).reason is Reason.CRASHED


def test_what_the_codec_says_is_made_fit_for_a_log_line(sandbox: Sandbox) -> None:
    made = sandbox.run(b"noisy", 10)
    assert made.engine == "e "
    assert len(made.notes) == 20
    assert all(len(note) == 500 and note.isprintable() for note in made.notes)


def test_a_worker_that_grew_is_replaced() -> None:
    with closing(sandboxed(max_memory=1024 * MIB)) as sandbox:
        sandbox.run(b"small", 10)
        before = pid(sandbox)
        sandbox.run(b"leak 200000000", 10)
        assert pid(sandbox) == before
        sandbox.run(b"leak 200000000", 10)
        assert pid(sandbox) != before
        assert sandbox.run(b"next", 10).data == b"BMnext"


def test_memory_is_kept_for_the_next_picture_up_to_a_bound() -> None:
    with closing(sandboxed(max_memory=1024 * MIB)) as sandbox:
        sandbox.run(b"peak 200", 10)
        before = pid(sandbox)
        assert sandbox._worker is not None
        assert sandbox._worker.private_bytes() > 200 * MIB
        sandbox.run(b"peak 600", 10)
        assert pid(sandbox) == before, "no other worker is needed"
        assert sandbox._worker.private_bytes() < sandbox._task.kept_memory


def test_large_uploads_are_not_kept_in_memory() -> None:
    limits = Limits(max_bytes=100 * MIB, max_pixels=1)
    work = f"{sandbox_work.__name__}:echo"
    with closing(Sandbox(FITTED, limits, max_memory=1024 * MIB, max_output=100 * MIB, work=work)) as sandbox:
        sandbox.run(b"BM" + bytes(70 * MIB), 20)
        assert os.fstat(sandbox._file.fd).st_blocks == 0
        assert sandbox.run(b"BMnext", 10).data == b"BMnext"


def test_a_result_takes_the_place_of_its_upload() -> None:
    with closing(sandboxed()) as sandbox:
        upload = bytes(MIB // 2)
        assert sandbox.run(upload, 20).data == b"BM" + upload
        assert os.fstat(sandbox._file.fd).st_blocks * 512 < 2 * len(upload)
        assert sandbox.run(b"short", 20).data == b"BMshort"


def test_the_worker_ends_with_its_sandbox() -> None:
    sandbox = sandboxed()
    _ = sandbox.notes
    worker = pid(sandbox)
    sandbox.close()
    assert not Path(f"/proc/{worker}").exists()


def test_the_worker_ends_when_the_function_does(tmp_path: Path) -> None:
    script = (
        "import os\n"
        "from unit.test_sandbox import pid, sandboxed\n"
        "sandbox = sandboxed()\n"
        "sandbox.notes\n"
        "print(pid(sandbox), flush=True)\n"
        "os._exit(0)\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    worker = subprocess.check_output([sys.executable, "-c", script], env=environment, cwd=tmp_path, text=True).strip()
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived the function")


def test_nothing_of_the_function_reaches_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    with closing(sandboxed()) as sandbox:
        _ = sandbox.notes
        proc = Path(f"/proc/{pid(sandbox)}")
        assert "NoNewPrivs:\t1\n" in (status := (proc / "status").read_text())
        assert "Seccomp:\t2\n" in status
        assert (proc / "oom_score_adj").read_text() == "1000\n"
        if os.geteuid() == 0:
            assert (proc / "environ").read_bytes() == b"GLIBC_TUNABLES=glibc.malloc.hugetlb=1\0"
            targets = [str(fd.readlink()) for fd in sorted((proc / "fd").iterdir(), key=lambda fd: int(fd.name))]
            assert targets[:3] == ["/dev/null"] * 3
            assert sorted(target.split(":")[0] for target in targets[3:]) == ["/memfd", "socket"]


def test_a_part_that_the_kernel_refuses_is_said() -> None:
    with closing(_unfiltered()) as sandbox:
        assert sandbox.notes == (
            "The kernel refused to filter the worker's system calls: [Errno 22] Invalid argument.",
        )
        assert sandbox.run(b"BM", 10).data == b"BM"


def test_a_part_that_is_refused_stops_the_function_where_all_are_required() -> None:
    with closing(_unfiltered(require=True)) as sandbox:
        with pytest.raises(ConfigurationError, match="REQUIRE_SANDBOX=1, but: The kernel refused"):
            _ = sandbox.notes
        with pytest.raises(ConfigurationError):
            sandbox.run(b"BM", 10)


def _unfiltered(require: bool = False) -> Sandbox:
    return Sandbox(FITTED, LIMITS, max_memory=256 * MIB, work="unit.sandbox_refused:echo", require=require)


def test_a_worker_that_cannot_start_is_not_the_pictures_fault(capfd: pytest.CaptureFixture[str]) -> None:
    with closing(sandboxed("no_such_function")) as sandbox:
        with pytest.raises(Retryable, match=r"AttributeError: module 'unit.sandbox_work' has no"):
            _ = sandbox.notes
        with pytest.raises(Retryable, match="could not be started"):
            sandbox.run(b"x", 10)
    assert "Traceback" in capfd.readouterr().err, "the function's own log has the whole story"


def test_the_function_loads_no_codec_and_little_else() -> None:
    script = "import sys; import imagemachine.sandbox; print(*sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True).split()
    assert not {"PIL", "numpy", "multiprocessing", "asyncio", "imagemachine.render"} & set(loaded)


def test_the_sandbox_costs_little() -> None:
    """Upload and result together; the best of a few, for the computer may be busy with other things."""
    data = b"BM" + os.urandom(8 * MIB)
    with closing(sandboxed("echo")) as sandbox:
        times = []
        for _ in range(10):
            start = time.perf_counter()
            sandbox.run(data, 10)
            times.append(time.perf_counter() - start)
    assert min(times) * 1000 < 1.5 * 2 * len(data) / 1e6
