"""What work costs: by hand, and the measured numbers against the file that they come from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from controlplane.operating import bill
from controlplane.operating.bill import Measured, Work, alone, batched, idle, items, total
from controlplane.operating.prices import Prices

RESULTS = Path(__file__).parents[3] / "benchmarks/results/results.json"
PRICES = Prices.load()
MEASURED = Measured.load()
SIMPLE = replace(MEASURED, io_seconds=0.1, seconds={"a": 0.4}, bytes={"a": 1000})


def test_the_measured_numbers_are_those_of_the_benchmark() -> None:
    """Whoever measures again writes them into measured.toml too."""
    said = json.loads(RESULTS.read_text())
    ours = {
        cell["task"]: cell
        for cell in said["cells"]
        if cell["picture"] == MEASURED.picture and cell["contender"] == "ours" and cell["task"] in MEASURED.seconds
    }
    assert set(ours) == set(MEASURED.seconds) == set(MEASURED.bytes)
    assert MEASURED.on.isoformat() == said["date"]
    for variant, cell in ours.items():
        assert MEASURED.seconds[variant] == pytest.approx(cell["cpu"]["median"], abs=0.0001)
        assert MEASURED.bytes[variant] == cell["bytes"]


def test_a_million_results_by_hand() -> None:
    """Facts: $0.0000166667 a GB-s; $0.20, $0.40 a million requests; $5 a million PUTs, $0.40 a million reads."""
    lines = {line.name: line.dollars for line in items(alone(SIMPLE, "a", 2048, 1e6), PRICES, "x86_64")}
    assert lines == {
        "Lambda, compute": pytest.approx(1e6 * 0.5 * 2 * 0.0000166667),
        "Lambda, requests": pytest.approx(0.20),
        "SQS, requests": pytest.approx(3 * 0.40),
        "S3, results stored": pytest.approx(5.00),
        "S3, uploads read": pytest.approx(0.80),
        "CloudWatch, logs": pytest.approx(0.42, rel=0.01),
    }


def test_in_batches_it_costs_less_and_less_memory_takes_longer() -> None:
    single, together = alone(SIMPLE, "a", 2048, 1000), batched(SIMPLE, "a", 2048, 1000, 10)
    assert together.invocations == 100
    assert together.sqs_requests == 300
    assert together.gigabyte_seconds == pytest.approx(1000 * (0.4 + 0.01) * 2)
    assert total(items(together, PRICES, "x86_64")) < total(items(single, PRICES, "x86_64"))
    slow = alone(SIMPLE, "a", 1769 // 2, 1000)
    assert slow.gigabyte_seconds == pytest.approx(1000 * (0.8 + 0.1) * 884 / 1024, rel=0.01)
    assert total(items(single, PRICES, "arm64")) < total(items(single, PRICES, "x86_64"))


def test_work_adds_up() -> None:
    one = alone(SIMPLE, "a", 1024, 10)
    assert one + one == alone(SIMPLE, "a", 1024, 20)
    assert items(Work(), PRICES, "x86_64") == []


def test_a_month_without_uploads_by_hand() -> None:
    """Five pollers a queue, three requests a minute each."""
    polls = 5 * 5 * 3 * 60 * 24 * 30
    lines = idle(5, 80, 20, 1, PRICES)
    assert [line.quantity for line in lines] == [polls, 80, 20, 1]
    assert [line.dollars for line in lines] == pytest.approx([polls / 1e6 * 0.40, 24.0, 2.0, 3.0])


def test_a_variant_that_was_never_measured_is_not_said_to_be_cheap() -> None:
    assert MEASURED.codec("avatar") == max(MEASURED.seconds.values())
    assert MEASURED.size("avatar") == max(MEASURED.bytes.values())
    assert bill.READS == 2
