"""`python -m imagemachine.worker`, as an outsider would use it who doubts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def hook(folder: Path, *codes: str, seconds: int = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs each of the codes as the work on one picture."""
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    files = [folder / f"{chr(ord('a') + number)}.py" for number in range(len(codes))]
    for file, code in zip(files, codes, strict=True):
        file.write_text(code)
    command = [sys.executable, "-m", "imagemachine.worker", *map(str, files), "--seconds", str(seconds)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_no_environment(tmp_path: Path) -> None:
    code = "import os; print(dict(os.environ)); print(open('/proc/self/environ').read())"
    done = hook(tmp_path, code, SECRET="hunter2")
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
    ],
)
def test_it_says_how_the_code_ended(tmp_path: Path, code: str, status: int, said: str) -> None:
    done = hook(tmp_path, code)
    assert done.returncode == status, done.stderr
    assert said in done.stdout


def test_it_ends_what_takes_too_long(tmp_path: Path) -> None:
    done = hook(tmp_path, "while True: pass", seconds=2)
    assert (done.returncode, done.stdout) == (1, "The worker was ended after 2 seconds.\n")


def test_each_file_is_named_and_none_keeps_the_next_from_running(tmp_path: Path) -> None:
    done = hook(tmp_path, "print(1)", "import os; os._exit(7)", "print(3)")
    named = [f"--- {tmp_path}/{name}.py" for name in "abc"]
    lines = [named[0], "1", named[1], "The worker died: it ended with status 7.", named[2], "3"]
    assert done.stdout.splitlines() == lines
    assert done.returncode == 1


LEFT_BEHIND = {
    "builtins": ("import builtins; builtins.left = 1", "import builtins; print(hasattr(builtins, 'left'))"),
    "an attribute of a module": ("import json; json.left = 1", "import json; print(hasattr(json, 'left'))"),
    "a module": ("import sys; sys.modules['left'] = sys", "import sys; print('left' in sys.modules)"),
    "other code": ("import json; json.loads = lambda _: 1", "import json; print(json.loads('2') == 1)"),
    "other work": (
        "import imagemachine.worker.child as child; child.serve = child.REQUEST = None",
        "import imagemachine.worker.child as child; print(child.serve is None)",
    ),
    "an object": (
        "class Left: pass\nimport sys; sys.left = Left()",
        "import gc; print(any(type(found).__name__ == 'Left' for found in gc.get_objects()))",
    ),
    "a limit of the interpreter": (
        "import sys; sys.setrecursionlimit(777)",
        "import sys; print(sys.getrecursionlimit() == 777)",
    ),
    "a way to modules": ("import sys; sys.path.append('left')", "import sys; print('left' in sys.path)"),
    "a handler of signals": (
        "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "import signal; print(signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN)",
    ),
    # As much as fits, so that whoever comes to the same memory later cannot miss it.
    "freed memory": (
        "left = [bytes([76]) * (1 << 20) for _ in range(200)]; del left",
        """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
print(any(bytes([76]) * 1000 in ctypes.string_at(libc.malloc(1 << 20), 1 << 20) for _ in range(200)))
""",
    ),
    "memory of its own": (
        "import mmap, sys; sys.left = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE); sys.left[0] = 76",
        "import gc, mmap; print(any(isinstance(found, mmap.mmap) for found in gc.get_objects()))",
    ),
}
"""By what is left behind: how, and how to look whether it is there."""


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_nothing_of_one_picture_is_there_for_the_next(tmp_path: Path, what: str) -> None:
    leave, look = LEFT_BEHIND[what]
    done = hook(tmp_path, f"{leave}\n{look}", leave, look, look)
    found = [part.split()[1:] for part in done.stdout.split("--- ")[1:]]
    assert found == [["True"], [], ["False"], ["False"]], done.stdout + done.stderr


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_descriptor_leads_to_the_next(tmp_path: Path, number: int) -> None:
    shout = f"import os\nfor _ in range(1000): os.write({number}, b'left ' * 1000)\n"
    done = hook(tmp_path, shout, f"import os; print(os.read({number}, 9))")
    assert done.stdout.split("--- ")[2].split()[1:] == ["b''"], done.stdout + done.stderr


def test_whoever_lingers_is_gone_when_the_next_begins(tmp_path: Path) -> None:
    """A decoder that was taken over answers, and would go on."""
    linger = (
        "import json, os, struct\n"
        "answer = json.dumps(['made', [[2, 'text', 1, 1, 1]], 'python', []]).encode()\n"
        "os.write(3, struct.pack('=Q', len(answer)) + answer + b'ok')\n"
        "while True: pass\n"
    )
    look = "import os; print(os.getpid())"
    done = hook(tmp_path, linger, look)
    assert done.returncode == 0
    assert "a.py\nok---" in done.stdout
