"""Cold starts of functions, in turns, in the place where this runs: prints a JSON line for each.

    python -m benchmarks.peers.starts PICTURE ROUNDS FOLDER [FOLDER ...]

Each FOLDER holds an `app.py` with a `handler`. This is Lambda's side of the runtime API, and S3; it needs the standard
library alone, so that it runs inside a function's image.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.peers import messages, s3_server
from benchmarks.peers.child import descendants, spent

_SECONDS = 60


class Invocation:
    """One event for one function, and when it was asked for and answered."""

    def __init__(self, event: bytes) -> None:
        self.event = event
        self.asked: queue.Queue[float] = queue.Queue()
        self.answered: queue.Queue[float] = queue.Queue()
        self.given = threading.Event()


class Runtime(BaseHTTPRequestHandler):
    """Lambda's runtime API."""

    protocol_version = "HTTP/1.1"
    invocation: Invocation

    def do_GET(self) -> None:
        """The next invocation; there is one."""
        self.invocation.asked.put(time.perf_counter())
        if self.invocation.given.is_set():
            time.sleep(_SECONDS)
            return
        self.invocation.given.set()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-0000-0000-000000000001")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + _SECONDS) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:start")
        self.send_header("Content-Length", str(len(self.invocation.event)))
        self.end_headers()
        self.wfile.write(self.invocation.event)

    def do_POST(self) -> None:
        """A response or an error."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.invocation.answered.put(time.perf_counter() if self.path.endswith("/response") else float("nan"))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of functions that were killed and have hung up."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """That is how each start ends."""


def start(folder: str, event: bytes, s3: ThreadingHTTPServer) -> dict[str, Any]:
    """One cold start: seconds from the process's start to ready and to the first result, CPU seconds, bytes touched.

    Raises queue.Empty where the function does not get that far.
    """
    # Of its own: a function that is being killed may still ask for the next event.
    invocation = Invocation(event)
    runtime = _serving(type("RuntimeOnce", (Runtime,), {"invocation": invocation}))
    environment = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.server_port}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "start",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "LAMBDA_TASK_ROOT": folder,
    }
    begun = time.perf_counter()
    command = [sys.executable, "-m", "awslambdaric", "app.handler"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            ready = invocation.asked.get(timeout=_SECONDS) - begun
            result = invocation.answered.get(timeout=_SECONDS) - begun
            family = [process.pid, *descendants(process.pid)]
            touched, cpu = sum(map(_touched, family)), sum(map(spent, family))
        finally:
            for pid in [*reversed(descendants(process.pid)), process.pid]:
                with suppress(ProcessLookupError):  # The picture's process is ended meanwhile.
                    os.kill(pid, signal.SIGKILL)
            runtime.shutdown()
            runtime.server_close()
    return {"folder": folder, "ready": ready, "result": result, "cpu": cpu, "touched": touched}


def _serving(handler: type[BaseHTTPRequestHandler]) -> Server:
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _touched(pid: int) -> int:
    """What was read, and the pages of files that are mapped; 0 of a process that hides them."""
    try:
        read = int(Path(f"/proc/{pid}/io").read_text().split()[1])
        mapped = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    numbers = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in mapped[1:]}
    return read + numbers["Rss"] - numbers["Anonymous"]


def main(picture: str, rounds: int, folders: list[str]) -> None:
    """Run them all in turns."""
    data = Path(picture).read_bytes()
    key = messages.key_of(data)
    s3_server.Handler.objects = s3_server.Objects(0.0)
    s3_server.Handler.objects.held[f"/{messages.UPLOADS}/{key}"] = data, "0" * 32, {"Content-Type": "image/jpeg"}
    event = json.dumps(messages.event([key], [len(data)])).encode()
    s3 = _serving(s3_server.Handler)
    for _ in range(rounds):
        for folder in folders:
            sys.stdout.write(json.dumps(start(folder, event, s3)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
