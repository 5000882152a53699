"""A function's start: quick, and said once in the log."""

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
from imagemachine.errors import ConfigurationError
from imagemachine.sandbox import Sandbox
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
