"""From inside the worker: what hostile code that has taken over the codec can do, which is to compute."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from imagemachine.variant import Limits, Turn, Variant
from imagemachine.worker.process import SharedFile, WorkerProcess
from imagemachine.worker.protocol import Task

MIB = 1024 * 1024
PREPARED = """
import ctypes, mmap, os, resource, signal, socket, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    result = libc.syscall(*map(ctypes.c_long, arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""
Inside = Callable[[str], tuple[bool, str]]
CALLS = (
    {"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "execve": 59, "fork": 57, "clone": 56}
    if os.uname().machine == "x86_64"
    else {"ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "execve": 221, "fork": 220, "clone": 220}
)


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    """Runs code in a confined worker: whether it came to its end, and what it printed."""
    modules = ("ctypes", "mmap", "resource", "signal", "socket", "subprocess", "threading", "encodings.idna")
    variant, limits = Variant("snippet", [Turn(90)]), Limits(MIB, 1)
    work = "imagemachine.worker.snippet:run"
    task = Task(work, variant, limits, max_memory=256 * MIB, max_output=MIB, preload=modules)
    with closing(SharedFile()) as file:
        worker = WorkerProcess(task, file)

        def run(code: str) -> tuple[bool, str]:
            text = (PREPARED + code).encode()
            file.write(text)
            deadline = time.monotonic() + 10
            assert worker.hello(deadline) == {"refused": []}
            _, [[size, _, _, _, frames]], *_ = worker.ask(len(text), deadline)
            return frames == 1, file.read(size).decode()

        yield run
        worker.kill()


def test_code_runs(inside: Inside) -> None:
    assert inside("print('here', sum(range(10)))") == (True, "here 45\n")


def test_threads_run(inside: Inside) -> None:
    code = "t = threading.Thread(target=print, args=('here',)); t.start(); t.join()"
    assert inside(code) == (True, "here\n")


@pytest.mark.parametrize(
    "deed",
    [
        "open('/etc/passwd')",
        "open('/proc/self/environ')",
        "open('/proc/self/mem', 'rb')",
        "open('/proc/self/maps')",
        "open('/tmp/x', 'w')",
        "open('/dev/null')",
        "os.open('/proc/self/fd/%s' % sys.argv[2], os.O_RDWR)",
        "os.listdir('/')",
        "os.stat('/etc/passwd')",
        "os.readlink('/proc/self/exe')",
        "os.unlink('/tmp/x')",
        "os.mkdir('/tmp/x')",
        "os.chdir('/tmp')",
        "os.chmod('/tmp', 0o777)",
        "os.memfd_create('x')",
        "os.truncate(int(sys.argv[2]), 0)",
        "os.dup(1)",
        "os.pipe()",
        "os.getxattr('/', 'user.x')",
    ],
)
def test_no_file(inside: Inside, deed: str) -> None:
    _forbidden(inside, deed)


@pytest.mark.parametrize(
    "deed",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socketpair()",
        "socket.create_connection(('127.0.0.1', 80))",
        "socket.socket(fileno=int(sys.argv[1]))",
    ],
)
def test_no_socket(inside: Inside, deed: str) -> None:
    _forbidden(inside, deed)


@pytest.mark.parametrize(
    "deed",
    [
        "os.fork()",
        "os.forkpty()",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        f"call({CALLS['execve']}, 0, 0, 0)",
        f"call({CALLS['fork']}, 17)",
        f"call({CALLS['clone']}, 17, 0, 0, 0, 0)",
        f"call({CALLS['clone']}, 0x10000000 | 17, 0, 0, 0, 0)",
        "call(435, 0, 0)",
        "assert os.system('true') == 0",
    ],
)
def test_no_program(inside: Inside, deed: str) -> None:
    _forbidden(inside, deed)


@pytest.mark.parametrize(
    "deed",
    [
        "open('/proc/PARENT/mem', 'rb')",
        "open('/proc/PARENT/environ', 'rb')",
        f"call({CALLS['process_vm_readv']}, PARENT, 0, 0, 0, 0, 0)",
        f"call({CALLS['process_vm_writev']}, PARENT, 0, 0, 0, 0, 0)",
        f"call({CALLS['ptrace']}, 16, PARENT, 0, 0)",
        "os.kill(PARENT, 0)",
        "os.kill(PARENT, signal.SIGKILL)",
        "os.pidfd_open(PARENT)",
        "os.kill(-1, 0)",
        "os.kill(os.getpid(), 0)",
        "resource.prlimit(PARENT, resource.RLIMIT_CPU, (1, 1))",
        "os.sched_setaffinity(PARENT, {0})",
    ],
)
def test_no_other_process(inside: Inside, deed: str) -> None:
    _forbidden(inside, deed.replace("PARENT", str(os.getpid())))


@pytest.mark.parametrize(
    "deed",
    [
        "mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
        "mmap.mmap(-1, 4096, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)",
        "mmap.mmap(int(sys.argv[2]), 4096)",
        "page = ctypes.c_void_p(id(libc) & ~4095); assert libc.mprotect(page, ctypes.c_size_t(4096), 7) == 0",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))",
        "os.setuid(0)",
        "os.nice(-1)",
        "assert libc.prctl(4, 1, 0, 0, 0) == 0",
        "assert libc.unshare(0x10000000) == 0",
        "bytearray(1 << 40)",
        "for _ in range(1000): threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "os.pwrite(int(sys.argv[2]), b'x', 1 << 30)",
    ],
)
def test_no_new_rights(inside: Inside, deed: str) -> None:
    succeeded, printed = inside(deed)
    assert not succeeded, printed


def test_no_environment() -> None:
    """By the documented hook, the way an outsider would try it."""
    done = _hook("import os; print(dict(os.environ)); print(open('/proc/self/environ').read())", SECRET="hunter2")
    assert done.returncode == 1
    assert done.stdout.startswith("{}\nTraceback")
    assert "PermissionError: [Errno 1] Operation not permitted: '/proc/self/environ'" in done.stdout
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import json; print(json.dumps(1))", 0, "1\n"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import ctypes; ctypes.string_at(0)", 1, "The worker died: it was ended by signal SIGSEGV.\n"),
        ("while True: pass", 1, "The worker was ended after 1 seconds.\n"),
    ],
)
def test_the_hook_says_how_the_code_ended(code: str, status: int, said: str) -> None:
    done = _hook(code)
    assert done.returncode == status
    assert done.stdout.endswith(said) or said in done.stdout


def test_another_calling_convention_is_the_end() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("x32 is a convention of x86-64")
    done = _hook("import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 39)")
    assert "SIGSYS" in done.stdout


def test_the_one_process_it_may_end_is_its_own() -> None:
    done = _hook("import os; os.abort()")
    assert "SIGABRT" in done.stdout


def _hook(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    with NamedTemporaryFile("w", suffix=".py") as file:
        file.write(code)
        file.flush()
        command = [sys.executable, "-m", "imagemachine.worker", file.name, "--seconds", "1"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _forbidden(inside: Inside, deed: str) -> None:
    succeeded, printed = inside(deed)
    assert not succeeded, f"{deed} succeeded: {printed}"
    assert "Operation not permitted" in printed or "Function not implemented" in printed or "AssertionError" in printed


def test_what_is_forbidden_is_possible_outside() -> None:
    """The tests above mean something only where this process may do what the worker may not."""
    with socket.socket():
        assert subprocess.run(["/bin/true"], check=True).returncode == 0
        assert Path("/etc/passwd").read_text()
