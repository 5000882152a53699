"""The capacity calculator: conservation, cases small enough to count by hand, and AWS's published arithmetic."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import aws, burst, capacity
from controlplane.operating.bill import READS
from controlplane.operating.prices import FILE

RULES = aws.load().rules
PRICES = aws.load().prices


def scene(**changes: object) -> burst.Scene:
    """Two variants, a thousand uploads at once, nothing in the way."""
    plain = burst.Scene(
        uploads=1000,
        seconds=0.0,
        works=(burst.Work("a", 0.1, 0.0), burst.Work("b", 0.1, 0.0)),
        polling=burst.Polling("unlimited", 100_000, 0, 100_000),
        rules=replace(RULES, puts_per_second=10**9, gets_per_second=10**9, publishes_per_second=10**9),
        quota=100_000,
        init_seconds=0.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names the field and its value


@pytest.mark.parametrize("uploads", [1, 7, 999, 12_345])
@pytest.mark.parametrize("seconds", [0.0, 3.3, 60.0])
@pytest.mark.parametrize("quota", [1, 13, 1000])
def test_no_message_is_lost_or_worked_on_twice(uploads: int, seconds: float, quota: int) -> None:
    if uploads > 1000 and quota == 1:
        pytest.skip("an hour of the model's time says nothing more")
    course = burst.simulate(scene(uploads=uploads, seconds=seconds, quota=quota))
    assert course.results == 2 * uploads
    last = course.timeline[-1] if course.timeline else None
    for moment in course.timeline:
        assert moment.done + moment.waiting <= 2 * moment.arrived
        assert moment.running <= quota
    assert last is None or last.waiting <= 2 * uploads - last.done


def test_by_hand_all_at_once() -> None:
    """1,000 messages in batches of 10 are 100 invocations of 10 x 0.1 s, all side by side."""
    course = burst.simulate(scene())
    assert course.invocations == 200
    assert course.peak_concurrency == 200
    assert course.environments == 200
    assert course.drain_seconds == pytest.approx(1.0, abs=2 * burst.STEP)
    assert course.billed_seconds["a"] == pytest.approx(100.0)


def test_by_hand_one_environment() -> None:
    """One at a time: 200 invocations of a second each."""
    course = burst.simulate(scene(quota=1))
    assert course.peak_concurrency == 1
    assert course.drain_seconds == pytest.approx(200.0, rel=0.02)
    assert course.binding.most_common(1)[0][0] == "account concurrency"


def test_the_quota_is_shared_evenly() -> None:
    course = burst.simulate(scene(quota=20))
    assert course.peak_concurrency == 20
    assert course.billed_seconds["a"] == pytest.approx(course.billed_seconds["b"])
    assert course.drain_seconds == pytest.approx(10.0, rel=0.05)


def test_a_start_is_billed_once_for_each_environment() -> None:
    course = burst.simulate(scene(quota=2, init_seconds=0.5))
    assert course.environments == 2
    assert sum(course.billed_seconds.values()) == pytest.approx(200.0 + 2 * 0.5)


@pytest.mark.parametrize("minutes", [1, 2, 4])
def test_standard_polling_starts_at_5_and_grows_by_300_a_minute(minutes: int) -> None:
    one = (burst.Work("a", 600.0, 0.0, batch=1),)
    course = burst.simulate(scene(works=one, uploads=1500, polling=burst.standard(RULES)))
    assert course.timeline[0].running == pytest.approx(5 + 300 / 60, abs=1)
    assert course.timeline[60 * minutes - 1].running == pytest.approx(5 + 300 * minutes, abs=2)


def test_standard_polling_ends_at_1250() -> None:
    one = (burst.Work("a", 60.0, 0.0, batch=1),)
    course = burst.simulate(scene(works=one, uploads=10_000, polling=burst.standard(RULES)))
    assert course.peak_concurrency == 1250


def test_maximum_concurrency_holds() -> None:
    course = burst.simulate(scene(polling=burst.standard(RULES, 2)))
    assert course.peak_concurrency == 4
    assert course.binding.most_common(1)[0][0] == "pollers"


def test_a_provisioned_poller_holds_10_invocations_and_takes_100_messages_a_second() -> None:
    polling = burst.provisioned(RULES, 2, 2)
    slow = burst.simulate(scene(polling=polling))
    assert slow.peak_concurrency == 2 * 20
    fast = burst.simulate(scene(polling=polling, works=(burst.Work("a", 0.001, 0.0),), uploads=10_000))
    assert fast.drain_seconds == pytest.approx(10_000 / 200, rel=0.05)
    assert fast.binding.most_common(1)[0][0] == "polls a second"


def test_what_the_account_cannot_start_is_held_and_counted() -> None:
    """Two functions of 100 batches each with room for one invocation: all are received at once, 199 have to wait."""
    course = burst.simulate(scene(quota=1))
    assert course.throttled in {199, 200}  # In the very first step even the one may not start yet.
    assert (course.most_receives, course.received_again, course.dead_letters) == (1, 0, 0)


def test_a_queue_that_is_limited_to_its_share_is_never_throttled() -> None:
    course = burst.simulate(scene(quota=20, polling=burst.standard(RULES, 10)))
    assert course.peak_concurrency == 20
    assert course.throttled == 0


def slow(**changes: object) -> burst.Course:
    """A new account and pictures of a second: a burst that takes ten times as long as a message stays hidden."""
    works = (burst.Work("a", 1.0, 0.0), burst.Work("b", 1.0, 0.0))
    plain: dict[str, object] = {"uploads": 3000, "works": works, "quota": 10, "visibility_seconds": 60.0}
    return burst.simulate(scene(**{**plain, **changes}))


def test_who_is_throttled_until_the_visibility_ends_is_received_again_and_dead_after_too_many() -> None:
    course = slow(receives=3)
    assert course.most_receives == 3
    assert course.received_again > 0
    assert course.dead_letters > 0
    assert course.results + course.dead_letters == 6000
    # A limit to what there is, or more patience, loses nothing.
    assert slow(receives=3, polling=burst.standard(RULES, 5)).dead_letters == 0
    assert slow(receives=100).dead_letters == 0


def test_s3_serves_5500_reads_a_second_of_a_prefix() -> None:
    one = (burst.Work("a", 0.001, 0.0),)
    rules = replace(RULES, puts_per_second=10**9, publishes_per_second=10**9)
    narrow = burst.simulate(scene(works=one, uploads=55_000, rules=rules))
    assert narrow.drain_seconds == pytest.approx(55_000 * READS / 5500, rel=0.05)
    assert narrow.binding.most_common(1)[0][0] == "S3 reads a second"
    wide = burst.simulate(scene(works=one, uploads=55_000, rules=rules, prefixes=4))
    assert wide.drain_seconds == pytest.approx(narrow.drain_seconds / 4, rel=0.1)


def test_s3_takes_3500_uploads_a_second_of_a_prefix() -> None:
    """The headline burst, 2 million in 5 minutes, is 6,667 a second: more than one prefix takes."""
    rules = replace(RULES, gets_per_second=10**9)
    course = burst.simulate(scene(uploads=35_000, seconds=1.0, rules=rules))
    assert course.upload_seconds == pytest.approx(10.0, rel=0.01)


def test_less_memory_is_a_slower_codec() -> None:
    whole, half = burst.Work("a", 0.1, 0.06, memory=1769), burst.Work("a", 0.1, 0.06, memory=1769 // 2)
    assert whole.seconds(10, RULES) == pytest.approx(0.06 + 1.0)
    assert half.seconds(10, RULES) == pytest.approx(0.06 + 2.0, rel=0.01)
    assert burst.Work("a", 0.1, 0.06, memory=10_240).seconds(10, RULES) == whole.seconds(10, RULES)


def test_io_is_waited_for_only_where_it_is_longer_than_the_codec() -> None:
    assert burst.Work("a", 0.001, 0.06, parallel=5).seconds(10, RULES) == pytest.approx(0.06 + 10 / 5 * 0.06)


def test_the_bill_by_hand() -> None:
    """A million results in 100,000 batches; facts: $0.20, $0.40 and $0.50 a million, $5 and $0.40 a million."""
    work = burst.Work("a", 0.1, 0.0, memory=1024)
    million = scene(uploads=1_000_000, works=(work,))
    course = burst.Course(results=1_000_000, invocations=100_000, poller_seconds=7200)
    course.billed_seconds["a"] = 100_000.0
    items = {
        item.name: item.dollars for item in capacity.bill(million, course, PRICES, architecture="x86_64", pollers=True)
    }
    assert items == {
        "Lambda, compute": pytest.approx(1.66667),
        "Lambda, requests": pytest.approx(0.02),
        "SQS, requests": pytest.approx(0.48),
        "SNS, publishes": pytest.approx(0.50),
        "S3, results stored": pytest.approx(5.00),
        "S3, uploads read": pytest.approx(0.80),
        "CloudWatch, logs": pytest.approx(0.42, rel=0.01),
        "Lambda, event pollers": pytest.approx(0.0185),
        "S3, the uploads themselves": pytest.approx(5.00),
    }


def test_the_command_reads_measured_times_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [
        {"picture": "cat", "task": variant, "contender": "ours", "cpu": {"median": 0.02}}
        for variant in capacity.VARIANTS
    ]
    (tmp_path / "times.json").write_text(json.dumps({"cells": cells}))
    capacity.main([
        "--uploads", "20000", "--minutes", "1", "--picture", "cat",
        "--times", str(tmp_path / "times.json"), "--plot", str(tmp_path / "plot.svg"),
    ])  # fmt: skip
    assert "all 100,000 results are stored after" in capsys.readouterr().out
    drawn = ET.fromstring((tmp_path / "plot.svg").read_text())  # noqa: S314 - drawn by ourselves
    assert drawn.tag.endswith("svg")


def test_the_command_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="run the comparison first"):
        capacity.main(["--times", str(tmp_path / "none.json")])
    (tmp_path / "times.json").write_text('{"cells": []}')
    with pytest.raises(SystemExit, match="no times of ours for jpeg-12mp"):
        capacity.main(["--times", str(tmp_path / "times.json")])


def test_every_number_names_its_source() -> None:
    text = FILE.read_text()
    sections = text.split("\n[")[1:]
    assert all('source = "https://' in section for section in sections)
