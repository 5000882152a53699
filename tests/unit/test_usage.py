"""The benchmark's account of where processor time goes."""

import subprocess
import sys
from time import sleep

import pytest

from benchmarks.usage import CODEC, KINDS, REST, Usage, kind


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/x/python -E -s /x/shared/controlplane/__main__.py in --out out", "deploy.sh"),
        ("/x/python -s -m uvicorn account:app --host 127.0.0.1", "the emulated account"),
        ("/x/aws-lambda-rie --log-level error /x/python -m awslambdaric app.handler", "Runtime Interface Emulators"),
        ("/x/python -m awslambdaric app.handler", "the functions"),
        ("/x/python -I -S -c from imagemachine.worker.zygote import main", "the codec's processes"),
        ("/x/python -I /x/shared/controlplane/local/look.py", "looking at the results"),
        ("docker push somewhere", REST),
    ],
)
def test_processes_are_told_apart_by_their_command_lines(command: str, name: str) -> None:
    assert kind(command).startswith(name)


def test_what_a_process_below_the_watched_one_uses_is_counted() -> None:
    busy = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\ntime.sleep(1)"
    # A shell with something left to do stays, and the busy process is below it.
    script = f'"{sys.executable}" -c "{busy}" -m uvicorn; true'
    with subprocess.Popen(["/bin/sh", "-c", script]) as child, Usage(child.pid) as usage:
        child.wait()
    assert usage.by_kind[dict(KINDS)["-m uvicorn"]] == pytest.approx(0.5, abs=0.25)
    assert usage.idle >= 0


def test_processes_that_live_for_a_moment_are_counted_with_the_one_that_they_come_from() -> None:
    """As a picture's process is: most of them are gone before anybody looks."""
    script = """# imagemachine.worker
import os, time
ended = time.monotonic() + 1.5
while time.monotonic() < ended:
    if os.fork() == 0:
        until = time.process_time() + 0.02
        while time.process_time() < until: pass
        os._exit(0)
    os.wait()
print(os.times().children_user + os.times().children_system, flush=True)
time.sleep(0.5)
"""
    command = [sys.executable, "-I", "-S", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child, Usage(child.pid) as usage:
        told, _ = child.communicate()
    assert usage.by_kind[CODEC] == pytest.approx(float(told), abs=0.15)
    assert float(told) > 0.3


def test_what_others_use_is_not() -> None:
    script = "import time\nwhile True: time.process_time()"
    with subprocess.Popen([sys.executable, "-c", script]) as other:
        try:
            script = "import time; time.sleep(0.5)"
            with subprocess.Popen([sys.executable, "-I", "-S", "-c", script]) as child, Usage(child.pid) as usage:
                sleep(0.4)
        finally:
            other.kill()
    assert sum(usage.by_kind.values()) < 0.2
