"""What the machine's topic tells of uploads."""

import json
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from controlplane.local.arrivals import Arrival, read

EVENTS = Path(__file__).resolve().parents[3] / "events"


def envelope(name: str) -> str:
    return json.dumps({"Message": (EVENTS / name).read_text()})


def test_an_upload_is_told_with_its_size_and_time() -> None:
    (record,) = json.loads((EVENTS / "s3-created.json").read_text())["Records"]
    (arrival,) = read(envelope("s3-created.json"))
    assert arrival.size == record["s3"]["object"]["size"]
    assert arrival.at > 1e9
    assert isinstance(arrival, Arrival)
    assert arrival.key == unquote_plus(record["s3"]["object"]["key"])


@pytest.mark.parametrize("name", ["s3-removed.json", "s3-test-event.json", "s3-expired.json"])
def test_what_is_no_upload_tells_of_none(name: str) -> None:
    assert list(read(envelope(name))) == []


@pytest.mark.parametrize("body", ["", "[]", '{"Message": "hello"}', '{"Message": "{\\"Records\\": [{}]}"}'])
def test_whatever_else_is_published_tells_of_none(body: str) -> None:
    assert list(read(body)) == []
