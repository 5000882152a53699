"""The parts of `./deploy.sh up` that are decisions and not calls."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DEPLOY = Path(__file__).parents[2] / "docker/deploy"


def part(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DEPLOY / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NOTIFICATION, FINGERPRINT = part("notification"), part("fingerprint")
TOPIC = "arn:aws:sns:eu-central-1:000000000000:image-machine-uploads"
OTHERS: list[dict[str, Any]] = [
    {},
    {"QueueConfigurations": [{"Id": "mine", "QueueArn": "q", "Events": ["s3:ObjectCreated:*"]}]},
    {"TopicConfigurations": [{"Id": "image-machine-two-created", "TopicArn": "t", "Events": ["s3:ObjectCreated:Put"]}]},
    {"EventBridgeConfiguration": {}, "LambdaFunctionConfigurations": [{"Id": "l", "Events": []}]},
]


@pytest.mark.parametrize("before", OTHERS)
def test_what_a_bucket_had_stays(before: dict[str, Any]) -> None:
    after = NOTIFICATION.merged(before, "image-machine", TOPIC)
    for kind, entries in before.items():
        assert after[kind] == entries or all(entry in after[kind] for entry in entries)
    assert NOTIFICATION.merged(after, "image-machine", TOPIC) == after
    assert NOTIFICATION.without(after, "image-machine") == before


def test_uploads_and_removals_are_announced() -> None:
    entries = NOTIFICATION.merged({"ResponseMetadata": {}}, "image-machine", TOPIC)["TopicConfigurations"]
    assert [entry["Events"] for entry in entries] == [["s3:ObjectCreated:*"], ["s3:ObjectRemoved:*"]]
    assert {entry["TopicArn"] for entry in entries} == {TOPIC}
    rules = [entry["Filter"]["Key"]["FilterRules"] for entry in entries]
    assert rules == [[{"Name": "prefix", "Value": "ingest/"}]] * 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/one.py").write_text("1")
    (tmp_path / "a/b/two.py").write_text("2")
    return tmp_path


def fingerprint(folder: Path, text: str = "linux/amd64") -> str:
    made: str = FINGERPRINT.fingerprint(text, ["a"], folder)
    return made


def test_a_fingerprint_is_of_names_and_contents_alone(folder: Path) -> None:
    before = fingerprint(folder)
    os.utime(folder / "a/one.py", (0, 0))
    (folder / "a/one.py").chmod(0o600)
    (folder / "a/__pycache__").mkdir()
    (folder / "a/__pycache__/one.cpython-313.pyc").write_text("x")
    assert fingerprint(folder) == before
    assert len(before) == 16


@pytest.mark.parametrize("how", ["content", "name", "more", "less", "text", "moved"])
def test_a_fingerprint_notices_every_change(folder: Path, how: str) -> None:
    before, text = fingerprint(folder), "linux/amd64"
    match how:
        case "content":
            (folder / "a/one.py").write_text("3")
        case "name":
            (folder / "a/one.py").rename(folder / "a/three.py")
        case "more":
            (folder / "a/empty").touch()
        case "less":
            (folder / "a/one.py").unlink()
        case "text":
            text = "linux/arm64"
        case "moved":
            (folder / "a/one.py").rename(folder / "a/b/one.py")
    assert fingerprint(folder, text) != before
