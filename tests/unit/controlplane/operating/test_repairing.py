"""Repairs on the emulated account: what is sent, what is deleted, and what is left alone."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from controlplane.operating import repairing
from controlplane.operating.auditing import Audit
from controlplane.operating.listing import Listed
from controlplane.operating.repairing import (
    LACKING,
    Survey,
    dollars,
    origins,
    remove,
    send_due,
    survey,
    wait_for_quiet,
)
from controlplane.operating.results import State, Wanted
from controlplane.operating.worklist import Entry, WorkList
from unit.controlplane.operating.conftest import NAMES, Emulated

WANTED = dict.fromkeys(NAMES, Wanted("recipe"))


def surveyed(emulated: Emulated, due: frozenset[State] = LACKING) -> Survey:
    return survey(Audit(emulated.machine, WANTED, {}), NAMES, due)


def sent(emulated: Emulated, name: str) -> Counter[str]:
    return Counter(json.loads(body)["key"].removeprefix("ingest/") for body in emulated.waiting(name))


def test_only_what_a_variant_lacks_is_sent_to_it(emulated: Emulated) -> None:
    for number in range(25):
        etag = emulated.upload(f"{number:02}.jpg")
        emulated.result("thumbnail", f"{number:02}.jpg", etag, recipe="recipe" if number % 5 else "old")
    with surveyed(emulated) as found:
        assert found.due.counts == {"thumbnail": 5, "web": 25}
        heard: list[int] = []
        send_due(emulated.machine, found.due, 1000, heard.append)
        assert sum(heard) == 30
    assert sent(emulated, "thumbnail") == Counter(f"{number:02}.jpg" for number in range(0, 25, 5))
    assert sent(emulated, "web") == Counter(f"{number:02}.jpg" for number in range(25))


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (frozenset({State.MISSING}), {"b.jpg"}),
        (frozenset({State.STALE}), {"c.jpg"}),
        (LACKING, {"b.jpg", "c.jpg"}),
        (LACKING | {State.CURRENT}, {"a.jpg", "b.jpg", "c.jpg"}),
    ],
)
def test_which_are_due(emulated: Emulated, due: frozenset[State], expected: set[str]) -> None:
    emulated.result("web", "a.jpg", emulated.upload("a.jpg"))
    emulated.upload("b.jpg")
    emulated.result("web", "c.jpg", emulated.upload("c.jpg"), recipe="old")
    with surveyed(emulated, due) as found:
        assert {entry.listed.path for entry in found.due if entry.variant == "web"} == expected


def test_stopped_half_way_and_run_again_nothing_is_left_out_and_nothing_current_made_again(
    emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    etags = {f"{number:02}.jpg": emulated.upload(f"{number:02}.jpg") for number in range(45)}
    calls = 0
    send = repairing.__dict__["send"]

    def stopping(sqs: object, url: str, bodies: list[str]) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        send(sqs, url, bodies)

    monkeypatch.setattr(repairing, "send", stopping)
    with surveyed(emulated) as found, pytest.raises(KeyboardInterrupt):
        send_due(emulated.machine, found.due, 1000)
    monkeypatch.undo()
    made: dict[str, Counter[str]] = {}
    for name in NAMES:
        made[name] = sent(emulated, name)
        for path in made[name]:
            emulated.result(name, path, etags[path])
    assert made["thumbnail"].total() + made["web"].total() == 40
    with surveyed(emulated) as found:
        send_due(emulated.machine, found.due, 1000)
    for name in NAMES:
        assert made[name] + sent(emulated, name) == Counter(dict.fromkeys(etags, 1))


def test_uploads_that_change_meanwhile_are_sent_once(emulated: Emulated) -> None:
    """The pass is over what was listed: however often an upload is written while it goes on, it is not a loop."""
    for number in range(20):
        emulated.upload(f"{number:02}.jpg")

    def changing(_number: int) -> None:
        for number in range(20):
            emulated.upload(f"{number:02}.jpg", str(datetime.now(UTC)).encode())

    with surveyed(emulated) as found:
        send_due(emulated.machine, found.due, 1000, changing)
    assert sent(emulated, "web") == Counter({f"{number:02}.jpg": 1 for number in range(20)})


def test_orphans_go_and_nothing_else(emulated: Emulated) -> None:
    emulated.result("web", "current.jpg", emulated.upload("current.jpg"))
    emulated.result("web", "current.jpg.webp", "old", of="current.jpg")
    emulated.result("web", "gone.jpg", "etag")
    emulated["s3"].put_object(Bucket=emulated.machine.output_bucket, Key="web/foreign.txt", Body=b"x")
    with surveyed(emulated) as found:
        assert found.orphans.counts == {"web": 3}
        assert origins(emulated.machine, found.orphans) == (2, 1, ("web/foreign.txt",))
        assert remove(emulated.machine, found.orphans) == 3
    assert results(emulated) == {"web/current.jpg"}


def test_what_is_no_orphan_any_more_stays(emulated: Emulated) -> None:
    """Between the audit and the answer to its question an hour may go by."""
    for path in ("back.jpg", "back.heic.jpg", "written.jpg", "gone.jpg"):
        emulated.result("web", path, "etag", of=path.replace(".heic.jpg", ".heic"))
    with surveyed(emulated) as found:
        assert len(found.orphans) == 4
        emulated.upload("back.jpg")
        emulated.upload("back.heic")
        emulated["s3"].put_object(Bucket=emulated.machine.output_bucket, Key="web/written.jpg", Body=b"new")
        assert remove(emulated.machine, found.orphans) == 1
    assert results(emulated) == {"web/back.jpg", "web/back.heic.jpg", "web/written.jpg"}


def results(emulated: Emulated) -> set[str]:
    listed = emulated["s3"].list_objects_v2(Bucket=emulated.machine.output_bucket).get("Contents", [])
    return {entry["Key"] for entry in listed}


def test_waiting_for_queues_ends_when_they_are_empty_or_do_not_get_so(
    emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths: Iterator[int]
    monkeypatch.setattr(repairing, "depths", lambda _machine, _url: (next(depths), 0))
    web = [emulated.variant("web")]
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    heard: list[int] = []
    depths = iter([5, 3, 0])
    assert wait_for_quiet(emulated.machine, web, heard.append, sleep=sleep, clock=lambda: now)
    assert heard == [5, 3]
    depths = iter([3] * 100)
    assert not wait_for_quiet(emulated.machine, web, heard.append, patience=10, sleep=sleep, clock=lambda: now)
    # Slowly emptier is emptier.
    depths = iter(range(40, -1, -1))
    assert wait_for_quiet(emulated.machine, web, heard.append, patience=5, sleep=sleep, clock=lambda: now)


def test_a_work_list_keeps_order_and_keys() -> None:
    when = datetime(2026, 11, 25, 12, 30, 15, 250_000, tzinfo=UTC)
    entries = [
        Entry("web", Listed(path, "etag", when, 10), alone=bool(number % 2))
        for number, path in enumerate(("a.jpg", "é\n\u2028☀.jpg", '"quoted" .png'))
    ]
    with WorkList() as work:
        for entry in entries:
            work.add(entry)
        assert list(work) == entries
        assert list(work) == entries
        assert (len(work), work.counts) == (3, {"web": 3})


def test_a_repair_costs_what_a_result_costs_each(emulated: Emulated) -> None:
    one = dollars(emulated.machine, {"web": 1})
    assert 0.000005 < one < 0.0001
    assert dollars(emulated.machine, {"web": 1000, "thumbnail": 0}) == pytest.approx(1000 * one)
    assert dollars(emulated.machine, {}) == 0
