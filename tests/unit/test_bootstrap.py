"""A function's start: quick, and said once in the log."""

import ctypes
import json
import os
import subprocess
import sys
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from imagemachine import bootstrap
from imagemachine.batch import Batch
from imagemachine.errors import ConfigurationError, Retryable
from imagemachine.processors import processors
from imagemachine.sandbox import Sandbox
from imagemachine.settings import Settings
from imagemachine.variant import Fit, Made, Variant

VARIANT = Variant("thumbnail", [Fit(320, 320)])


class Context:
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def sandbox_of(handler: Batch) -> Any:
    return handler._job._codec


def starts(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "starts" in line]


def test_a_start_loads_neither_boto3_nor_a_codec() -> None:
    script = (
        "import sys\n"
        "from imagemachine.bootstrap import function\n"
        "from imagemachine.variant import Fit, Variant\n"
        "function(Variant('thumbnail', [Fit(320, 320)]))\n"
        "print(*sys.modules)\n"
    )
    lambdas = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), **lambdas}
    loaded = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True).split()
    assert "imagemachine.s3" in loaded
    assert not {"boto3", "botocore.session", "botocore.auth", "urllib3", "PIL", "imagemachine.render"} & set(loaded)


def test_boto3_is_loaded_where_the_environment_is_not_lambdas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    made: list[str] = []
    monkeypatch.setattr(bootstrap, "_boto3", made.append)
    bootstrap._client("s3")
    bootstrap._client("sqs")
    assert made == ["s3", "sqs"]


@pytest.mark.parametrize(
    ("service", "attempts", "environment", "region", "path"),
    [
        ("sqs", None, {"AWS_REGION": "eu-west-1"}, "eu-west-1", None),
        ("sqs", 8, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1", None),
        ("sns", 1, {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "eu-west-1", "path"),
        ("sns", 1, {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:1"}, "eu-west-1", "path"),
        ("sns", 1, {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1"}, "eu-west-1", None),
    ],
)
def test_a_client_of_boto3s_is_impatient(
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    attempts: int | None,
    environment: dict[str, str],
    region: str,
    path: str | None,
) -> None:
    """What it does not get in time, the next delivery of the message will."""
    for name in [name for name in os.environ if name.startswith(("AWS_ENDPOINT", "AWS_REGION", "AWS_DEFAULT_R"))]:
        monkeypatch.delenv(name)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    client = bootstrap._boto3(service) if attempts is None else bootstrap._boto3(service, attempts)
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (3, 15, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts or 3}
    assert client.meta.region_name == region
    assert (config.s3 or {}).get("addressing_style") == path


def test_outcomes_are_noted_patiently_and_announced_at_once_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(bootstrap, "_boto3", lambda service, attempts: asked.append((service, attempts)))
    announced = {"outcomes_topic_arn": "arn", "ledger_table": "table", "variants": ("thumbnail", "web")}
    ledger, announcer = bootstrap._announcements(Settings("thumbnail/", **announced), "web")  # type: ignore[arg-type]
    assert ledger is not None
    assert announcer is not None
    assert asked == [], "they are made when they are first needed"
    for _ in range(2):
        ledger._dynamodb()
        announcer._sns()
    assert asked == [("dynamodb", 8), ("sns", 1)]
    assert (ledger._table, ledger._variant, ledger._variants) == ("table", "web", ("thumbnail", "web"))
    assert announcer._topic_arn == "arn"
    for lacking in ("outcomes_topic_arn", "ledger_table"):
        assert bootstrap._announcements(Settings("thumbnail/", **{**announced, lacking: None}), "web") == (None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("notes", [(), ("No.", "Neither.")])
def test_a_start_is_a_line_and_two_metrics(capsys: pytest.CaptureFixture[str], notes: tuple[str, ...]) -> None:
    bootstrap._started("pictures", VARIANT, notes)
    (line,) = starts(capsys)
    (metrics,) = line.pop("_aws")["CloudWatchMetrics"]
    units = [{"Name": name, "Unit": "Count"} for name in ("starts", "sandbox_refusals")]
    assert (metrics["Dimensions"], metrics["Metrics"]) == ([["stack", "variant"]], units)
    assert line == {
        "level": "WARNING" if notes else "INFO",
        "stack": "pictures",
        "variant": "thumbnail",
        "recipe": VARIANT.recipe,
        "starts": 1,
        "sandbox_refusals": len(notes),
        "notes": list(notes),
    }


@pytest.mark.parametrize("error", [ConfigurationError("x"), Retryable("x")])
def test_a_sandbox_without_which_a_function_does_not_start_is_closed(error: Exception) -> None:
    class Refused:
        closed = False

        @property
        def notes(self) -> tuple[str, ...]:
            raise error

        def close(self) -> None:
            self.closed = True

    refused: Any = Refused()
    with pytest.raises(type(error)):
        bootstrap._require(refused)
    assert refused.closed


def test_only_what_is_larger_than_16_mebibytes_has_memory_of_its_own() -> None:
    """In a fresh process: its C library is told once."""
    script = (
        "import ctypes\n"
        "from imagemachine import bootstrap\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)\n"
        "libc.free.argtypes = (ctypes.c_void_p,)\n"
        "class Info(ctypes.Structure):\n"
        "    _fields_ = [(name, ctypes.c_size_t) for name in 'abcdefghij']\n"
        "libc.mallinfo2.restype = Info\n"
        "bootstrap._keep_large_apart()\n"
        "for size in (1 << 24, (1 << 24) - 64):\n"
        "    before = libc.mallinfo2().d\n"
        "    libc.malloc(size)\n"
        "    print(libc.mallinfo2().d - before)\n"
    )
    if not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("this C library does not tell")
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", script], env=environment, text=True).split() == ["1", "0"]


def test_there_are_as_many_processors_as_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 7} if process == 0 else {1}, raising=False)
    assert processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert processors() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1


def test_a_start_is_said_once_when_the_sandbox_is_first_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REQUIRE_SANDBOX", "0")
    handler = bootstrap.function(VARIANT)
    with closing(sandbox_of(handler)) as sandbox:
        assert starts(capsys) == []
        _ = sandbox.notes, sandbox.notes
        (line,) = starts(capsys)
    assert (line["variant"], line["recipe"]) == ("thumbnail", VARIANT.recipe)
    assert line["sandbox_refusals"] == len(line["notes"])


def test_what_the_kernel_refuses_is_said_with_the_first_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "Sandbox", partial(Sandbox, work="unit.sandbox_refused:echo"))
    monkeypatch.setenv("REQUIRE_SANDBOX", "0")
    handler = bootstrap.function(VARIANT)
    with closing(sandbox_of(handler)) as sandbox:
        assert isinstance(sandbox.run(b"BM", 20), Made)
        assert isinstance(sandbox.run(b"BM", 20), Made)
    (line,) = starts(capsys)
    assert (line["level"], line["sandbox_refusals"]) == ("WARNING", 1)


def test_a_function_starts_when_its_sandbox_has(capsys: pytest.CaptureFixture[str]) -> None:
    handler = bootstrap.function(VARIANT)
    with closing(sandbox_of(handler)):
        assert len(starts(capsys)) == 1


def test_a_function_without_a_part_of_the_sandbox_does_not_start_and_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "Sandbox", partial(Sandbox, work="unit.sandbox_refused:echo"))
    with pytest.raises(ConfigurationError, match=r"refused to filter the worker's system calls.* REQUIRE_SANDBOX=0 "):
        bootstrap.function(VARIANT)
    (line,) = starts(capsys)
    assert (line["level"], line["sandbox_refusals"]) == ("WARNING", 1)


def test_a_batch_is_worked_on_by_as_many_processes_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    job: Any = bootstrap.function(VARIANT)._job
    with closing(job._codec) as sandbox:
        assert sandbox._stock._size == 3
        assert job._at_work._value == 2
