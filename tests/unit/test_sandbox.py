"""A process that dies, hangs, eats, leaks or lies costs the picture it was for and nothing else."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagemachine.errors import ConfigurationError, Reason, Rejected, Retryable
from imagemachine.sandbox import Sandbox
from imagemachine.steps import Cover
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
        "rehearsal": "",
    }
    return Sandbox(variant, LIMITS, **arguments | changes)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with closing(sandboxed()) as sandbox:
        yield sandbox


def zygote(sandbox: Sandbox) -> int:
    """The process that those for pictures come from."""
    _ = sandbox.notes
    parent = sandbox._stock._zygote
    assert parent is not None
    return parent._process.pid


def workers(sandbox: Sandbox) -> list[int]:
    """The processes for pictures in the order in which they get one."""
    parent = zygote(sandbox)
    return sorted(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()))


def state(process: int) -> str:
    """`R` where it runs, `S` where it waits, `Z` where nobody has buried it, nothing where it is no more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def busy(sandbox: Sandbox) -> int:
    """The process that has computed for a while."""
    found: list[int] = []

    def is_one() -> bool:
        found[:] = [worker for worker in workers(sandbox) if ticks(worker) > 20]
        return bool(found)

    assert eventually(is_one)
    return found[0]


def ticks(process: int) -> int:
    """Hundredths of a second that it has computed."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11])
    except OSError:
        return 0


def eventually(is_so: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it is so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(process: int) -> bool:
    return eventually(lambda: state(process) == "")


def rejected(sandbox: Sandbox, order: bytes, seconds: float = 10) -> Rejected:
    with pytest.raises(Rejected) as caught:
        sandbox.run(order, seconds)
    return caught.value


def interrupted(sandbox: Sandbox, act: Callable[[int], None]) -> BaseException:
    """What becomes of a picture that takes for ever when something is done to the process that works on it."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            sandbox.run(b"spin", 30)
        except (Rejected, Retryable) as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    act(busy(sandbox))
    thread.join(10)
    return errors[0]


def test_makes_what_the_work_makes(sandbox: Sandbox) -> None:
    assert sandbox.run(b"hello", 10) == Made((Output(b"BMhello", "bmp", 1, 1, 1),), "echo", ("a note",))


@pytest.mark.parametrize("size", [2, 4095, 4096, 4097, MIB, 16 * MIB])
def test_carries_uploads_and_results_of_any_size(size: int) -> None:
    data = (b"BM" + os.urandom(8191)) * (size // 8193 + 1)
    with closing(sandboxed("echo")) as sandbox:
        assert sandbox.run(data[:size], 10).data == data[:size]


def test_an_upload_beyond_the_limit_reaches_nobody(sandbox: Sandbox) -> None:
    before = workers(sandbox)
    assert rejected(sandbox, bytes(LIMITS.max_bytes + 1)).reason is Reason.TOO_MANY_BYTES
    assert workers(sandbox) == before


def test_every_picture_has_a_process_of_its_own(sandbox: Sandbox) -> None:
    processes = [sandbox.run(b"process", 10).data for _ in range(5)]
    assert len(set(processes)) == 5


def test_a_process_knows_nothing_of_the_picture_before(sandbox: Sandbox) -> None:
    for order in (b"first", b"raise x", b"segfault", b"second"):
        try:
            sandbox.run(order, 10)
        except Rejected:
            continue
    assert sandbox.run(b"earlier", 10).data == b"BMearlier"


def test_threads_do_not_get_in_each_others_way(sandbox: Sandbox) -> None:
    results: dict[int, bytes] = {}

    def work(number: int) -> None:
        results[number] = sandbox.run(b"%d" % number, 10).data

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: b"BM%d" % number for number in range(20)}


def test_there_are_no_more_processes_than_pictures_at_once_and_one() -> None:
    with closing(sandboxed(at_once=3)) as sandbox:
        for _ in range(3):
            threads = [threading.Thread(target=sandbox.run, args=(b"x", 10)) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert eventually(lambda: len(workers(sandbox)) == 4)


def test_the_next_process_is_ready_before_the_next_picture(sandbox: Sandbox) -> None:
    for _ in range(3):
        sandbox.run(b"x", 10)
        assert eventually(lambda: [state(worker) for worker in workers(sandbox)] == ["S", "S"])


def test_a_process_that_has_answered_takes_no_time_from_its_function(sandbox: Sandbox) -> None:
    """It would take more than a millisecond to end by itself, just when the function stores the result."""
    assert gone(int(sandbox.run(b"process", 10).data.removeprefix(b"BM")))
    assert eventually(lambda: [state(worker) for worker in workers(sandbox)] == ["S", "S"])
    parent, (worker, _) = zygote(sandbox), workers(sandbox)
    os.kill(parent, signal.SIGSTOP)
    try:
        assert sandbox.run(b"after", 10).data == b"BMafter"
        time.sleep(0.1)
        assert state(worker) == "S"
    finally:
        os.kill(parent, signal.SIGCONT)
    assert gone(worker)


def test_a_rejection_travels_with_its_reason_and_detail(sandbox: Sandbox) -> None:
    error = rejected(sandbox, "reject The picture ends early: 80 \N{PER MILLE SIGN}.".encode())
    assert (error.reason, error.detail) == (Reason.CORRUPT, "The picture ends early: 80 \N{PER MILLE SIGN}.")


@pytest.mark.parametrize(
    ("order", "reason", "detail"),
    [
        (b"raise bad\nluck\x1b[31m", Reason.CRASHED, "ZeroDivisionError: bad luck [31m (child.py:"),
        (b"raise " + b"x" * 100_000, Reason.CRASHED, "ZeroDivisionError: xxx"),
        (b"exit", Reason.CRASHED, "SystemExit: 3"),
        (b"quit", Reason.CRASHED, "status 3"),
        (b"segfault", Reason.CRASHED, "SIGSEGV"),
        (b"abort", Reason.CRASHED, "signal SIG"),
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


@pytest.mark.parametrize("order", [b"hang", b"spin", b"say [", b"drip", b"deaf"])
def test_nothing_lasts_longer_than_allowed(sandbox: Sandbox, order: bytes) -> None:
    before, start = workers(sandbox), time.monotonic()
    error = rejected(sandbox, order, seconds=0.5)
    assert error.reason in (Reason.TOO_SLOW, Reason.CRASHED)
    assert time.monotonic() - start < 3
    for _ in before:
        assert sandbox.run(b"next", 10).data == b"BMnext"
    assert all(map(gone, before))


def test_too_slow_says_how_long(sandbox: Sandbox) -> None:
    error = rejected(sandbox, b"hang", seconds=0.25)
    assert (error.reason, error.detail) == (Reason.TOO_SLOW, "It was not done within 0.2 seconds.")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_what_is_killed_while_it_waits_costs_no_picture(sandbox: Sandbox, number: int) -> None:
    for worker in workers(sandbox):
        os.kill(worker, number)
    assert sandbox.run(b"after", 10).data == b"BMafter"


def test_a_picture_whose_process_is_killed_is_rejected_with_what_killed_it(sandbox: Sandbox) -> None:
    error = interrupted(sandbox, lambda worker: os.kill(worker, signal.SIGKILL))
    assert isinstance(error, Rejected)
    assert error.reason is Reason.CRASHED
    assert "it was ended by signal SIGKILL, as the system does where memory runs out" in error.detail
    assert sandbox.run(b"next", 10).data == b"BMnext"


def test_a_zygote_that_dies_between_two_pictures_is_replaced(sandbox: Sandbox) -> None:
    before, orphans = zygote(sandbox), workers(sandbox)
    os.kill(before, signal.SIGKILL)
    assert all(map(gone, orphans))
    assert sandbox.run(b"after", 10).data == b"BMafter"
    assert zygote(sandbox) != before
    assert state(before) == ""


def test_a_picture_whose_zygote_dies_is_to_be_tried_again(sandbox: Sandbox) -> None:
    before = zygote(sandbox)
    error = interrupted(sandbox, lambda _: os.kill(before, signal.SIGKILL))
    assert isinstance(error, Retryable)
    assert "it was ended by signal SIGKILL" in str(error)
    assert sandbox.run(b"after", 10).data == b"BMafter"


def test_all_may_be_frozen_for_a_while(sandbox: Sandbox) -> None:
    """As Lambda does between two invocations, at any moment."""
    for _ in range(3):
        sandbox.run(b"before", 10)
        assert eventually(lambda: [state(worker) for worker in workers(sandbox)] == ["S", "S"])
        family = [zygote(sandbox), *workers(sandbox)]
        for process in family:
            os.kill(process, signal.SIGSTOP)
        time.sleep(0.3)
        for process in reversed(family):
            os.kill(process, signal.SIGCONT)
        assert sandbox.run(b"after", 10).data == b"BMafter"
        assert set(workers(sandbox)) & set(family), "none had to be replaced"


def test_nothing_is_left_behind_by_pictures_of_any_end(sandbox: Sandbox) -> None:
    """No process, dead or alive, and no open file, in the function and in the zygote."""

    def open_files(process: int) -> int:
        return len(list(Path(f"/proc/{process}/fd").iterdir()))

    def settled() -> tuple[int, int, int, list[str]]:
        states = [state(worker) for worker in workers(sandbox)]
        return open_files(os.getpid()), open_files(zygote(sandbox)), len(states), states

    sandbox.run(b"x", 10)
    before = (open_files(os.getpid()), 3, 2, ["S", "S"])  # The zygote's standard ones, of which one is the orders'.
    assert eventually(lambda: settled() == before)
    for order in (b"x", b"quit", b"segfault", b"fill", b"raise x", b"reject x"):
        for _ in range(3):
            try:
                sandbox.run(order, 10)
            except Rejected:
                continue
    rejected(sandbox, b"hang", 0.1)
    assert eventually(lambda: settled() == before), settled()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [child for child in children if state(int(child)) == "Z"]


@pytest.mark.parametrize("words", [b"", b"\xff" * 1000, b"[" * 60_000, b"[1" + b"0" * 10_000 + b"]"])
def test_a_process_that_talks_nonsense_is_ended(sandbox: Sandbox, words: bytes) -> None:
    assert rejected(sandbox, b"say " + words).reason is Reason.CRASHED
    assert sandbox.run(b"next", 10).data == b"BMnext"


@pytest.mark.parametrize("words", [b"\xff" * 8, b"[]" * 1000, b"\x00\x00\x00\x00\x00\x01\x00\x00"])
def test_nobody_waits_for_more_than_an_answer_can_have(sandbox: Sandbox, words: bytes) -> None:
    error = rejected(sandbox, b"babble " + words)
    assert (error.reason, error.detail) == (
        Reason.CRASHED,
        "The process that worked on it died: its answer is too long.",
    )


def test_a_result_that_does_not_come_is_too_slow(sandbox: Sandbox) -> None:
    error = rejected(sandbox, b'say ["made", [[16777216, "bmp", 1, 1, 1]], "e", [], ["", ""]]', seconds=0.3)
    assert error.reason is Reason.TOO_SLOW


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
        b'["made", [[0, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[-1, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[true, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[1.5, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[NaN, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[16777217, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[99999999999999999999, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", [1], ["", ""]]',
        b'["made", [], "e", [], ["", ""]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", []]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", [], ["red", ""]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", [], ["#102030", "<script>"]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", [], ["#102030", "' + b"A" * 41 + b'"]]',
        b'["made", [7], "e", [], ["", ""]]',
        b'["made", [[1, "bmp", 1, 1, 1], [1, "bmp", 1, 1, 1]], "e", [], ["", ""]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", ["\\n"], ["", ""]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "\\u0000", [], ["", ""]]',
        b'["made", [[2, "bmp", 1, 1, 1]], "e", ' + json.dumps(["x"] * 21).encode() + b', ["", ""]]',
    ],
)
def test_nothing_that_a_worker_says_is_believed_unchecked(sandbox: Sandbox, answer: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        sandbox._made(json.loads(answer), b"BM".ljust)
    assert caught.value.reason is Reason.CRASHED


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


def test_what_is_made_at_the_first_use_is_made_once_for_all_after_the_first_picture() -> None:
    with closing(sandboxed("tried", rehearsal=f"{sandbox_work.__name__}:trials")) as sandbox:
        counts = [sandbox.run(b"BM", 10).data for _ in range(5)]
    # The first two were ready before.
    assert counts == [b"BM1", b"BM1", b"BM4", b"BM4", b"BM4"]


def test_a_trial_of_which_much_is_made_holds_nothing_up() -> None:
    """Nobody takes its result: what a variant enlarges is more than a socket holds."""
    with closing(sandboxed(rehearsal=f"{sandbox_work.__name__}:large_trials")) as sandbox:
        assert [sandbox.run(b"a picture", 5).data for _ in range(4)] == [b"BMa picture"] * 4


def test_several_results_come_in_their_order() -> None:
    with closing(sandboxed(variant=Variant("thumbnail", [Fit(320, 200)], formats=["keep", "webp"]))) as sandbox:
        assert [output.data for output in sandbox.run(b"pair", 10).outputs] == [b"BMone", b"BMthe other"]
    with closing(sandboxed()) as sandbox:
        assert rejected(sandbox, b"pair").reason is Reason.CRASHED, "one was wanted"


def test_all_processes_end_with_their_sandbox() -> None:
    sandbox = sandboxed()
    family = [zygote(sandbox), *workers(sandbox)]
    sandbox.close()
    assert all(map(gone, family))


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_all_processes_end_when_their_function_does_even_in_the_middle(tmp_path: Path, end: str) -> None:
    script = (
        "import os, signal, threading, time\n"
        "from unit.test_sandbox import busy, sandboxed, workers, zygote\n"
        "sandbox = sandboxed()\n"
        "threading.Thread(target=sandbox.run, args=(b'spin', 60), daemon=True).start()\n"
        "assert busy(sandbox) in workers(sandbox)\n"
        "print(zygote(sandbox), *workers(sandbox), flush=True)\n"
        f"{end}\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    family = list(map(int, done.stdout.split()))
    assert len(family) == 3, done.stderr
    assert all(map(gone, family))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into processes that hide their memory")
def test_nothing_of_the_function_reaches_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    with closing(sandboxed()) as sandbox:
        for waiting in sandbox._stock._waiting:
            waiting.refused(time.monotonic() + 10)  # From then on it is as an upload finds it.
        assert environment(zygote(sandbox)) == b""
        for worker in workers(sandbox):
            assert environment(worker) == b""
            targets = {fd.name: str(fd.readlink()).split(":")[0] for fd in Path(f"/proc/{worker}/fd").iterdir()}
            assert targets == {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null", "3": "socket"}


def environment(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


def test_a_part_that_the_kernel_refuses_is_said() -> None:
    with closing(_unfiltered()) as sandbox:
        assert sandbox.notes == (
            "The kernel refused to filter the worker's system calls: [Errno 22] Invalid argument.",
        )
        assert sandbox.run(b"BM", 10).data == b"BM"


def test_a_part_that_is_refused_stops_the_function_where_all_are_required() -> None:
    with closing(_unfiltered(require=True)) as sandbox:
        with pytest.raises(ConfigurationError, match=r"REQUIRE_SANDBOX=1.* The kernel refused .* REQUIRE_SANDBOX=0"):
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


@pytest.mark.parametrize("format_name", ["keep", "jpeg", "png", "webp", "avif", "gif"])
def test_every_format_is_written_in_there(format_name: str) -> None:
    """Whatever a library does at its first use, and may then not do."""
    data = io.BytesIO()
    Image.new("RGB", (90, 30), (200, 30, 40)).save(data, "png")
    variant = Variant("avatar", [Cover(30, 30)], formats=[format_name])
    with closing(Sandbox(variant, Limits(10**6, 10**6), max_memory=2**29)) as sandbox:
        assert sandbox.run(data.getvalue(), 20).width == 30


def test_colour_placeholder_and_focus_travel() -> None:
    """Of a real picture in a real process: what its pixels look like, and where it says itself that one should look."""
    halves = Image.new("RGB", (90, 30), (200, 30, 40))
    halves.paste((20, 130, 240), (60, 0, 90, 30))
    data = io.BytesIO()
    halves.save(data, "png")
    variant = Variant("avatar", [Cover(30, 30)])
    with closing(Sandbox(variant, Limits(10**6, 10**6), max_memory=2**28)) as sandbox:
        made = sandbox.run(data.getvalue(), 20)
        assert made.colour == "#c81e28"
        assert len(made.placeholder) >= 24
        assert sandbox.run(data.getvalue(), 20, focus=(1.0, 0.5)).colour == "#1482f0"
