"""What became of one upload, on the emulated account without its functions."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.operating.explaining import explain, windows
from controlplane.operating.results import Wanted
from unit.controlplane.operating.conftest import NAMES, Emulated
from unit.controlplane.operating.test_lines import MADE, write

WANTED: dict[str, Wanted | None] = dict.fromkeys(NAMES, Wanted("recipe"))
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def outcomes(emulated: Emulated, path: str, wanted: dict[str, Wanted | None] = WANTED) -> dict[str, object]:
    found = explain(emulated.machine, f"ingest/{path}", wanted)
    return {story.name: (story.outcome, story.reason) if story.reason else story.outcome for story in found.stories}


def test_made_and_missing(emulated: Emulated) -> None:
    emulated.result("web", "a.jpg", emulated.upload("a.jpg"))
    assert outcomes(emulated, "a.jpg") == {"thumbnail": "missing", "web": "made"}


def test_stale_by_revision_and_by_recipe(emulated: Emulated) -> None:
    etag = emulated.upload("a.jpg")
    emulated.result("web", "a.jpg", "older")
    emulated.result("thumbnail", "a.jpg", etag, recipe="another")
    assert outcomes(emulated, "a.jpg") == {"thumbnail": "stale", "web": "stale"}
    # Where the functions do not say what they make, the recipe is taken to be right.
    assert outcomes(emulated, "a.jpg", dict.fromkeys(NAMES)) == {"thumbnail": "made", "web": "stale"}


def test_rejected_and_retried_out(emulated: Emulated) -> None:
    emulated.upload("a.jpg")
    emulated.reject("web", "a.jpg", "too-slow")
    body = f'{{"bucket": "{emulated.machine.source_bucket}", "key": "ingest/a.jpg"}}'
    emulated["sqs"].send_message(QueueUrl=emulated.variant("thumbnail").dead_letter_url, MessageBody=body)
    assert outcomes(emulated, "a.jpg") == {"thumbnail": ("retried", "retried-out"), "web": ("rejected", "too-slow")}


def test_what_the_log_says_where_nothing_else_does(emulated: Emulated) -> None:
    emulated.upload("a.jpg")
    said = {"outcome": "retried", "variant": "web", "key": "ingest/a.jpg", "detail": "S3 is slow."}
    write(emulated, "web", said, ago=-1800)
    write(emulated, "web", {**said, "outcome": "removed", "key": "ingest/gone.jpg"}, ago=-1800)
    assert outcomes(emulated, "a.jpg") == {"thumbnail": "missing", "web": "retried"}
    assert outcomes(emulated, "gone.jpg") == {"thumbnail": "unknown", "web": "removed"}


def test_what_was_written_before_the_upload_is_not_about_it(emulated: Emulated) -> None:
    write(emulated, "web", {**MADE, "outcome": "rejected", "key": "ingest/a.jpg", "reason": "corrupt"}, ago=120)
    emulated.upload("a.jpg")
    assert outcomes(emulated, "a.jpg")["web"] == "missing"


def test_without_an_upload(emulated: Emulated) -> None:
    emulated.result("web", "a.jpg", "etag")
    assert outcomes(emulated, "a.jpg") == {"thumbnail": "unknown", "web": "orphaned"}
    assert explain(emulated.machine, "ingest/a.jpg", WANTED).known
    assert not explain(emulated.machine, "ingest/b.jpg", WANTED).known


def test_all_that_lies_there_of_it_and_nothing_of_another_upload(emulated: Emulated) -> None:
    etag = emulated.upload("cat.heic")
    emulated.upload("cat.heic.jpg")
    emulated.result("web", "cat.heic.jpg", etag, of="cat.heic")
    emulated.result("web", "cat.heic.jpg.webp", etag, of="cat.heic")
    emulated.result("web", "cat.heic-2.jpg", etag, of="cat.heic-2")
    emulated.result("thumbnail", "cat.heic.jpg", etag, of="cat.heic.jpg")
    found = explain(emulated.machine, "ingest/cat.heic", WANTED)
    assert [[output.key for output in story.outputs] for story in found.stories] == [
        [],
        ["web/cat.heic.jpg", "web/cat.heic.jpg.webp"],
    ]


def test_what_a_variant_leaves_out_was_skipped(emulated: Emulated) -> None:
    emulated.upload("a.jpg")
    wanted: dict[str, Wanted | None] = {"web": Wanted("recipe", never=("*.jpg",)), "thumbnail": Wanted("recipe")}
    assert outcomes(emulated, "a.jpg", wanted) == {"thumbnail": "missing", "web": "skipped"}


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        ([], [(60, None)]),
        ([10_000], [(10_015, 10_000 - 45), (60, None)]),
        ([10_000, 9_990], [(10_015, 9_990 - 45), (60, None)]),
        ([10_000, 5_000], [(10_015, 9_955), (5_015, 4_955), (60, None)]),
        ([80], [(95, None)]),
        ([5], [(20, None)]),
    ],
)
def test_logs_are_searched_around_what_happened(ago: list[int], expected: list[tuple[int, int | None]]) -> None:
    found = windows([NOW - timedelta(minutes=minutes) for minutes in ago], NOW)
    in_minutes = [
        ((NOW - start) / timedelta(minutes=1), None if end is None else (NOW - end) / timedelta(minutes=1))
        for start, end in found
    ]
    assert in_minutes[:-1] == expected[:-1]
    assert in_minutes[-1][1] is None
    assert in_minutes[-1][0] >= min(60, expected[-1][0])
