"""The functions as processes: each under Lambda's Runtime Interface Emulator (RIE), with the machine's own Python.

The emulated AWS sends a function's events to a `Front` in this process, which hands them to the RIE. It is there
because of three ways in which the two differ from AWS: the RIE breaks when two events overlap; it answers a failed
invocation with HTTP 200, which would pass for success and delete the messages; and nobody else would notice that it
died.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from controlplane.environment import RIE
from controlplane.errors import Failure
from controlplane.local.aws import CREDENTIALS, REGION, client
from controlplane.local.children import stop
from controlplane.local.cloudwatch import failed_invocation
from controlplane.local.emulator import free_port
from controlplane.local.hosts import Function, Site, Stack
from controlplane.machine import digests_parameter

INVOCATIONS = "/2015-03-31/functions/function/invocations"
START_SECONDS = 10.0
REDELIVERY_SECONDS = 1
"""A failed invocation's messages come back after this, and not when their visibility ends in minutes."""


class Processes:
    """A host whose functions are processes; see hosts.Host."""

    bind_address = "127.0.0.1"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rie = Path(sys.prefix).parent / RIE
        self._fronts: dict[str, Front] = {}

    def prepare(self) -> None:
        """Open each function's port. Raises Failure where the RIE does not run."""
        if not self._rie.exists():
            raise Failure("There is no Runtime Interface Emulator for this computer: use --containers.")
        for variant in self._site.variants:
            self._fronts[variant] = Front()

    def stack_parameters(self, endpoint: str) -> Mapping[str, str]:  # noqa: ARG002 - nothing is pushed
        """No image is run, so that any digest will do."""
        return {"Digests": digests_parameter(dict.fromkeys(self._site.variants, "0" * 64))}

    def emulator_environment(self) -> Mapping[str, str]:
        """Where each function answers."""
        return proxies(self._site, self._fronts)

    def start(self, stack: Stack) -> None:
        """Start each function, and have it load what it needs while the first pictures are uploaded."""
        for function in stack.functions:
            process = FunctionProcess(self._site, self._rie, function, stack.endpoint)
            redeliver = Redelivery(stack.endpoint, stack.queues[function.variant])
            self._fronts[function.variant].open(process, redeliver)

    def stop(self) -> None:
        """Stop the functions, then close their ports."""
        close(self._fronts.values())
        self._fronts.clear()


class InvocationError(Exception):
    """The function did not do its work: it raised, ran out of time or died."""


class FunctionProcess:
    """One function under a RIE; started when it is first used, and again when it died. Not thread-safe."""

    def __init__(self, site: Site, rie: Path, function: Function, endpoint: str) -> None:
        self._site = site
        self._rie = rie
        self._function = function
        self._endpoint = endpoint
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._complaints: set[str] = set()
        self._retired = False

    def invoke(self, event: bytes) -> bytes:
        """The function's answer to `event`. Raises InvocationError."""
        try:
            return self._answer(event)
        except InvocationError as error:
            sentence = f"The {self._function.variant} function failed: {error} Its messages are delivered again."
            if not self._retired:
                self._site.report_line(self._function.variant, failed_invocation(str(error)))
            if not self._retired and sentence not in self._complaints:
                self._complaints.add(sentence)
                self._site.say(sentence)
            raise

    def retire(self) -> None:
        """End the process for good: what becomes of an event that it is working on is of no interest."""
        self._retired = True
        self.stop()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._child is not None:
            stop(self._child)
            self._child = None

    def _answer(self, event: bytes) -> bytes:
        self._ensure()
        # The RIE keeps the function's own limit; this one is for a RIE that hangs.
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._function.timeout + 10)
        try:
            connection.request("POST", INVOCATIONS, event, {"Content-Type": "application/json"})
            body = connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            self.stop()
            raise InvocationError(
                f"its process ended ({error or type(error).__name__}) and is started again."
            ) from error
        finally:
            connection.close()
        check(body)
        return body

    def _ensure(self) -> None:
        if self._child is not None:
            if self._child.poll() is None:
                return
            self._site.say(f"The {self._function.variant} function's process had ended and is started again.")
        if self._retired:
            raise InvocationError("it was stopped.")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._port = free_port()
            self._child = self._start()
            while self._child.poll() is None and time.monotonic() < deadline:
                if self._listens():
                    return
                time.sleep(0.01)
            # Another process was quicker to take the port.
            self.stop()
        raise InvocationError("it could not be started.")

    def _listens(self) -> bool:
        return listens(self._port)

    def _start(self) -> subprocess.Popen[bytes]:
        function = self._function
        home = self._site.workspace / function.variant
        home.mkdir(exist_ok=True)
        command = [
            str(self._rie),
            *("--log-level", "error"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *(sys.executable, "-m", "awslambdaric", "app.handler"),
        ]
        child = self._site.family.start(
            command,
            environment=self._environment(home),
            folder=self._site.project / "images" / function.variant,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._relay, args=(child,), daemon=True).start()
        return child

    def _environment(self, home: Path) -> dict[str, str]:
        """What Lambda would set, what the stack sets, and the way to the emulator; nothing of the user's."""
        function, project = self._function, self._site.project
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONPATH": os.pathsep.join((str(project / "shared"), str(project / "images" / function.variant))),
            "PYTHONNOUSERSITE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
            **function.environment,
        }

    def _relay(self, child: subprocess.Popen[bytes]) -> None:
        """Pass on what the function writes, line by line."""
        assert child.stdout is not None  # noqa: S101 - it was asked for
        with child.stdout as output:
            for line in output:
                self._site.report_line(self._function.variant, line.decode(errors="replace").rstrip("\r\n"))


class Redelivery:
    """Makes the messages of a failed invocation visible again, soon."""

    def __init__(self, endpoint: str, queue_url: str) -> None:
        self._endpoint = endpoint
        self._queue_url = queue_url

    def __call__(self, event: bytes) -> None:
        """Best effort: a message that this fails for comes back by itself, later."""
        for record in json.loads(event).get("Records", []):
            try:
                self._queue.change_message_visibility(
                    QueueUrl=self._queue_url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=REDELIVERY_SECONDS,
                )
            except (BotoCoreError, ClientError, KeyError):
                continue

    @cached_property
    def _queue(self) -> Any:
        return client("sqs", self._endpoint)


class Front:
    """The port to which the emulated AWS sends a function's events, one at a time to the function."""

    def __init__(self) -> None:
        self._process: FunctionProcess | None = None
        self._redeliver: Callable[[bytes], None]
        self._turn = threading.Lock()
        self._opened = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._serving = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._serving.start()

    @property
    def url(self) -> str:
        """Where events go."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{INVOCATIONS}"

    def open(self, process: FunctionProcess, redeliver: Callable[[bytes], None]) -> None:
        """From now on there is a function behind the port; it is warmed up in the background."""
        self._process, self._redeliver = process, redeliver
        self._opened.set()
        threading.Thread(target=self.invoke, args=(b'{"Records": []}',), daemon=True).start()

    def invoke(self, event: bytes) -> tuple[int, bytes]:
        """HTTP status and body for `event`."""
        # S3 tests its destination while the stack is still being deployed: that event waits for the function.
        self._opened.wait(START_SECONDS)
        with self._turn:
            if self._process is None:
                return 503, b"The function is not there."
            try:
                return 200, self._process.invoke(event)
            except InvocationError as error:
                self._redeliver(event)
                return 502, str(error).encode()

    def close(self) -> None:
        """End the function and free the port."""
        process, self._process = self._process, None
        self._opened.set()
        if process is not None:
            process.retire()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, body = front.invoke(self.rfile.read(int(self.headers["Content-Length"])))
                # The emulator may be gone by now, when all is stopped.
                with suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence: the functions' own lines tell all."""

        return Handler


def close(fronts: Iterable[Front]) -> None:
    """Close all `fronts`, at the same time: each may have to wait for its function."""
    closing = [threading.Thread(target=front.close) for front in fronts]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join()


def proxies(site: Site, fronts: Mapping[str, Front]) -> dict[str, str]:
    """The emulator's variables that send each function's events to its front."""
    return {f"MINISTACK_LAMBDA_PROXY_{site.function_name(variant)}": front.url for variant, front in fronts.items()}


def check(body: bytes) -> None:
    """Raise InvocationError unless `body` is a partial batch response, or what a function says of itself."""
    try:
        answer: Any = json.loads(body)
    except ValueError:
        raise InvocationError(f"{body.decode(errors='replace').strip()}.") from None
    if not isinstance(answer, dict) or answer.keys().isdisjoint({"batchItemFailures", "recipe"}):
        said = answer if isinstance(answer, dict) else {}
        raise InvocationError(f"{said.get('errorType', 'Error')}: {said.get('errorMessage', answer)}.")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


def answers(port: int) -> bool:
    """Whether somebody speaks HTTP there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
