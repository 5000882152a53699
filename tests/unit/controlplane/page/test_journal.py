"""What the page is told of uploads."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controlplane.page.journal import REMEMBERED, SHOWN, Journal, Result, Told


def told(variant: str = "web", outcome: str = "made", at: float = 2.0) -> Told:
    return Told(variant, outcome, milliseconds=3.0, results=(Result("web/a.jpg", "jpeg", 4, 3, 9),), at=at)


def news(journal: Journal, since: int = -1) -> dict[str, Any]:
    found = journal.news(since)
    assert found is not None
    return found


def test_an_upload_and_what_became_of_it() -> None:
    journal = Journal()
    journal.uploaded("ingest/a.jpg", 7, 1.0)
    journal.told("ingest/a.jpg", told(), "a line")
    found = news(journal)
    (upload,) = found["uploads"]
    assert (upload["key"], upload["size"], upload["told"]["web"]["results"][0]["width"]) == ("ingest/a.jpg", 7, 4)
    assert found["variants"] == {"web": {"made": 1, "milliseconds": 3.0}}
    kept = journal.upload(upload["number"])
    assert kept is not None
    assert kept.lines == {"web": ["a line"]}


def test_only_what_has_changed_is_told_again() -> None:
    journal = Journal()
    journal.uploaded("ingest/a.jpg", 7, 1.0)
    journal.uploaded("ingest/b.jpg", 7, 1.0)
    since = news(journal)["change"]
    assert journal.news(since) is None
    journal.told("ingest/a.jpg", told(), "")
    assert [upload["key"] for upload in news(journal, since)["uploads"]] == ["ingest/a.jpg"]


def test_an_upload_that_takes_anothers_place_begins_anew() -> None:
    journal = Journal()
    journal.uploaded("ingest/a.jpg", 7, 1.0)
    journal.told("ingest/a.jpg", told(at=2.0), "")
    first = news(journal)["uploads"][0]["number"]
    journal.uploaded("ingest/a.jpg", 8, 3.0)
    found = news(journal)
    (upload,) = found["uploads"]
    assert upload["number"] > first
    assert upload["told"] == {}
    assert found["uploaded"] == 1
    assert journal.upload(first) is None


def test_news_of_an_upload_may_come_after_what_became_of_it() -> None:
    journal = Journal()
    journal.told("ingest/a.jpg", told(at=2.0), "")
    number = news(journal)["uploads"][0]["number"]
    journal.uploaded("ingest/a.jpg", 7, 1.5)
    (upload,) = news(journal)["uploads"]
    assert (upload["number"], upload["size"], list(upload["told"])) == (number, 7, ["web"])


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["made", "rejected", "retried"])), max_size=400))
def test_however_much_happens_the_newest_and_the_newest_that_failed_are_told(events: list[tuple[int, str]]) -> None:
    journal = Journal()
    expected: dict[str, str] = {}
    for number, outcome in events:
        key = f"ingest/{number}"
        if key not in expected:
            journal.uploaded(key, 1, 1.0)
        expected[key] = outcome
        journal.told(key, told(outcome=outcome), "")
    if not events:
        assert journal.news(0) is None
        return
    found = news(journal)
    shown = {upload["key"]: upload["told"]["web"]["outcome"] for upload in found["uploads"]}
    failed = [key for key, outcome in expected.items() if outcome != "made"]
    assert shown == {key: expected[key] for key in [*expected][-SHOWN:] + failed[-SHOWN:]}
    assert found["uploaded"] == len(expected)
    assert sum(found["variants"]["web"].get(name, 0) for name in ("made", "rejected", "retried")) == len(events)


def test_it_does_not_grow_for_ever() -> None:
    journal = Journal()
    for number in range(REMEMBERED + 5):
        journal.uploaded(f"ingest/{number}", 1, 1.0)
    assert journal.upload(5) is None
    assert journal.upload(6) is not None
    assert news(journal)["uploaded"] == REMEMBERED + 5


def test_what_lies_outside_is_told_once() -> None:
    journal = Journal()
    journal.outside(["a.jpg"])
    since = news(journal)["change"]
    assert news(journal)["outside"] == ["a.jpg"]
    journal.outside(["a.jpg"])
    assert journal.news(since) is None
