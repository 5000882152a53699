"""The story of one picture, to the second and to the byte: what is stored, noted, removed and reported."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from bucket_kit import Buckets
from imagemachine import job as jobs
from imagemachine.announcements import Complete, Note
from imagemachine.envelopes import Notice
from imagemachine.errors import OutOfTime, Reason, Rejected, Retryable
from imagemachine.job import Job, Outcome, Report
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.storage import Revision, Storage
from imagemachine.variant import Fit, Made, Output, Variant

VARIANT = Variant("hero", [Fit(320, 320)])
KEY, RESULT = "ingest/a/cat.jpg", "hero/a/cat.jpg"


@dataclass
class Codec:
    """Makes the upload's bytes once, twice, ... in each of these formats, after what `meanwhile` does."""

    formats: tuple[str, ...] = ("jpeg",)
    meanwhile: Callable[[], object] = lambda: None
    colour: str = ""
    asked: list[tuple[bytes, float, Point | None]] = field(default_factory=list)

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        self.asked.append((data, seconds, focus))
        self.meanwhile()
        if data.startswith(b"bad"):
            raise Rejected(Reason.CORRUPT, "It is broken.")
        if data.startswith(b"slow"):
            raise Rejected(Reason.TOO_SLOW, "It takes for ever.")
        outputs = tuple(Output(data * count, name, 8, 6, count) for count, name in enumerate(self.formats, 1))
        return Made(outputs, "double", (), self.colour, self.colour and "3EgK")


@dataclass
class Ledger:
    """Keeps what is noted; answers what the test wants."""

    complete: Complete | None = None
    notes: list[Note | None] = field(default_factory=list)

    def note(self, notice: Notice, note: Note | None) -> Complete | None:
        assert notice.bucket == "photos"
        self.notes.append(note)
        return self.complete


def job(
    s3: Buckets, codec: Codec | None = None, ledger: Any = None, variant: Variant = VARIANT, **environment: str
) -> Job:
    settings = Settings.load(environment, variant.name)
    return Job(variant, settings, Storage(s3, cache_control="no-store"), codec or Codec(), ledger)


def notice(key: str = KEY, deleted: bool = False) -> Notice:
    return Notice("photos", key, deleted)


def uploaded(body: bytes = b"picture", key: str = KEY, **more: Any) -> Buckets:
    s3 = Buckets()
    s3.put_object(Bucket="photos", Key=key, Body=body, **more)
    return s3


def revision(s3: Buckets, key: str = KEY) -> Revision:
    return Revision(s3.objects["photos", key]["ETag"].strip('"'), None)


def plenty() -> float:
    return 100.0


def test_a_result_of_several_files_is_stored_first_last_and_reported_whole() -> None:
    s3 = uploaded(b"x")
    s3.objects["photos", KEY]["Metadata"] = {"title": "T", "by": "B", "focus-x": "0.25", "focus-y": "1"}
    s3.objects["photos", KEY] |= {"ContentDisposition": "inline", "CacheControl": "private"}
    put: list[str] = []
    s3.before = lambda call, key: put.append(key) if call == "put" else None
    codec = Codec(("jpeg", "webp", "avif"), colour="#102030")
    variant = replace(VARIANT, formats=["keep", "webp", "avif"], manifest=True)
    report = job(s3, codec, variant=variant, CARRY="title,content-disposition").run(notice(), plenty)

    assert put == [f"{RESULT}.webp", f"{RESULT}.avif", f"{RESULT}.json", RESULT]
    said = {"source-key": KEY, "source-etag": revision(s3).etag, "recipe": variant.recipe}
    seen = {"width": "8", "height": "6", "colour": "#102030", "placeholder": "3EgK"}
    stored = {key: s3.objects["photos", key] for key in put}
    assert {key: (each["Metadata"], each["ContentType"]) for key, each in stored.items()} == {
        RESULT: ({**said, "beside": "webp,avif,json", **seen, "title": "T"}, "image/jpeg"),
        f"{RESULT}.webp": ({**said, "role": "beside", **seen, "title": "T"}, "image/webp"),
        f"{RESULT}.avif": ({**said, "role": "beside", **seen, "title": "T"}, "image/avif"),
        f"{RESULT}.json": ({**said, "role": "beside", "title": "T"}, "application/json"),
    }
    assert all((each["ContentDisposition"], each["CacheControl"]) == ("inline", "no-store") for each in stored.values())
    assert [stored[key]["Body"] for key in (RESULT, f"{RESULT}.webp", f"{RESULT}.avif")] == [b"x", b"xx", b"xxx"]
    assert [source["key"] for source in json.loads(stored[f"{RESULT}.json"]["Body"])["sources"]] == [RESULT, *put[:2]]

    assert codec.asked == [(b"x", 20.0, (0.25, 1.0))]
    assert report.made is not None
    assert [output.data for output in report.made.outputs] == [b"", b"", b""]
    assert replace(report, times={}) == Report(
        Outcome.MADE,
        revision=revision(s3),
        output=RESULT,
        outputs=(RESULT, *put[:2]),
        sizes=(1, 2, 3),
        bytes_in=1,
        bytes_out=6,
        made=report.made,
    )
    assert report.files == [
        {"key": key, "format": name, "width": 8, "height": 6, "bytes": size}
        for size, (key, name) in enumerate(zip(report.outputs, codec.formats, strict=True), 1)
    ]


def test_a_plain_result_says_nothing_more() -> None:
    s3 = uploaded()
    report = job(s3, OUTPUT_BUCKET="results").run(notice(), plenty)
    assert (report.output, report.outputs) == (RESULT, (RESULT,))
    assert s3.objects["results", RESULT]["Metadata"] == {
        "source-key": KEY,
        "source-etag": revision(s3).etag,
        "recipe": VARIANT.recipe,
        "width": "8",
        "height": "6",
    }
    assert s3.keys() == {KEY, RESULT}


def test_each_step_is_timed_by_itself_and_fetching_in_both_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]

    def pass_(seconds: float) -> None:
        now[0] += seconds

    class Body:
        def read(self) -> bytes:
            pass_(2.0)
            return b"picture"

        def close(self) -> None:
            pass

    s3 = uploaded()
    steps = {"get": 1.0, "put": 8.0, "head": 16.0}
    s3.before = lambda call, _: pass_(steps.get(call, 0.0))
    monkeypatch.setattr(s3, "get_object", lambda **asked: {**Buckets.get_object(s3, **asked), "Body": Body()})
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: now[0]))
    report = job(s3, Codec(meanwhile=lambda: pass_(4.0))).run(notice(), plenty)
    assert report.times == {"fetch": 3.0, "codec": 4.0, "store": 8.0}


def test_an_upload_may_change_ten_times() -> None:
    s3 = uploaded()
    codec = Codec(meanwhile=lambda: s3.put_object(Bucket="photos", Key=KEY, Body=b"%d" % len(codec.asked)))
    with pytest.raises(Retryable, match="The upload changed 10 times"):
        job(s3, codec).run(notice(), plenty)
    assert len(codec.asked) == 10
    settled = Codec(
        meanwhile=lambda: (
            len(settled.asked) < 10 and s3.put_object(Bucket="photos", Key=KEY, Body=b"x" * len(settled.asked))
        )
    )
    assert job(s3, settled).run(notice(), plenty).outcome is Outcome.MADE


@pytest.mark.parametrize(
    ("remaining", "seconds", "outcome"),
    [
        (2.0, None, "No time is left"),
        (1.0, None, "No time is left"),
        (2.25, 0.25, "Only 0.2 s"),
        (6.75, 4.75, "Only 4.8 s"),
        (7.0, 5.0, None),
        (9.0, 5.0, None),
    ],
)
def test_two_seconds_are_kept_and_a_picture_has_the_rest_or_its_own_limit(
    remaining: float, seconds: float | None, outcome: str | None
) -> None:
    """What is too slow for its own limit is at fault, not the invocation."""
    codec = Codec()
    slow = job(uploaded(b"slow"), codec, MAX_SECONDS="5")
    if outcome:
        with pytest.raises(OutOfTime, match=outcome):
            slow.run(notice(), lambda: remaining)
    else:
        assert slow.run(notice(), lambda: remaining).reason is Reason.TOO_SLOW
    assert [asked[1] for asked in codec.asked] == ([] if seconds is None else [seconds])


def test_what_is_broken_is_so_however_little_time_there_was() -> None:
    report = job(uploaded(b"bad")).run(notice(), lambda: 3.0)
    assert (report.outcome, report.reason, report.detail) == (Outcome.REJECTED, Reason.CORRUPT, "It is broken.")


@pytest.mark.parametrize(
    ("metadata", "focus"),
    [
        ({"focus-x": "0.5", "focus-y": "0"}, (0.5, 0.0)),
        ({"focus-x": "0.25", "focus-y": "1"}, (0.25, 1.0)),
        ({"focus-x": "0.5"}, None),
        ({"focus-x": "left", "focus-y": "0"}, None),
        ({"focus-x": "1.5", "focus-y": "0"}, None),
        ({"focus-x": "0.5", "focus-y": "nan"}, None),
    ],
)
def test_a_point_of_interest_is_handed_on_where_it_is_one(metadata: dict[str, str], focus: Point | None) -> None:
    codec = Codec()
    job(uploaded(Metadata=metadata), codec).run(notice(), plenty)
    assert codec.asked == [(b"picture", 20.0, focus)]


@pytest.mark.parametrize(
    ("key", "body", "report"),
    [
        ("ingest/dir/", b"", Report(Outcome.SKIPPED, "The key is a folder marker.")),
        ("ingest/dir/", b"picture", Report(Outcome.MADE)),
        ("ingest/empty", b"", Report(Outcome.REJECTED, "The upload is empty, 0 bytes: upload it again.", Reason.EMPTY)),
    ],
)
def test_a_folder_marker_is_empty_and_ends_like_a_folder(key: str, body: bytes, report: Report) -> None:
    s3 = uploaded(body, key)
    found = job(s3).run(notice(key), plenty)
    assert (found.outcome, found.detail, found.reason) == (report.outcome, report.detail, report.reason)
    assert found.revision == revision(s3, key)


@pytest.mark.parametrize("deleted", [True, False])
def test_what_is_gone_takes_its_results_along(deleted: bool) -> None:
    s3 = uploaded()
    variant = replace(VARIANT, formats=["keep", "webp"], manifest=True)
    job(s3, Codec(("jpeg", "webp")), variant=variant).run(notice(), plenty)
    del s3.objects["photos", KEY]
    detail = None if deleted else "The upload was gone before it was read."
    outcome = Outcome.REMOVED if deleted else Outcome.SKIPPED
    assert job(s3).run(notice(deleted=deleted), plenty) == Report(outcome, detail)
    assert s3.keys() == set()


@pytest.mark.parametrize("body", [b"bad", b""])
def test_nothing_is_left_of_what_an_upload_was_before(body: bytes) -> None:
    key = "ingest/dir/" if not body else KEY
    s3 = uploaded(key=key)
    job(s3).run(notice(key), plenty)
    s3.put_object(Bucket="photos", Key=key, Body=body)
    job(s3).run(notice(key), plenty)
    assert s3.keys() == {key}


def test_another_format_replaces_what_the_one_before_has_left_and_nothing_of_its_own() -> None:
    s3 = uploaded()
    variant = replace(VARIANT, formats=["keep", "avif"], manifest=True)
    job(s3, Codec(("jpeg", "webp", "avif")), variant=variant).run(notice(), plenty)
    job(s3, Codec(("png", "avif")), variant=variant).run(notice(), plenty)
    assert s3.keys() == {KEY, f"{RESULT}.png", f"{RESULT}.png.avif", f"{RESULT}.png.json"}


def test_a_result_of_its_uploads_own_format_lists_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to be removed: it takes the place of the one before."""
    s3 = uploaded()
    monkeypatch.setattr(s3, "get_paginator", None)
    assert job(s3).run(notice(), plenty).outcome is Outcome.MADE


@pytest.mark.parametrize(
    ("key", "environment", "why"),
    [
        ("elsewhere/cat.jpg", {}, "The key is outside ingest/."),
        ("ingest/cat.txt", {"SUFFIXES": "jpg,png"}, "The key's extension is none of jpg, png."),
        (
            "hero/cat.jpg",
            {"INGEST_PREFIX": "", "OUTPUT_BUCKET": "photos"},
            "The results' bucket is announced, and a result is no upload.",
        ),
    ],
)
def test_what_is_no_upload_is_neither_fetched_nor_noted(key: str, environment: dict[str, Any], why: str) -> None:
    ledger = Ledger()
    skipped = job(Buckets(before=lambda *call: pytest.fail(str(call))), ledger=ledger, **environment)
    assert skipped.run(notice(key), plenty) == Report(Outcome.SKIPPED, why)
    assert ledger.notes == []


def test_a_variant_takes_what_it_is_for_and_never_what_it_is_not() -> None:
    variant = replace(VARIANT, only=["a/*", "b/*"], never=["*.gif", "a/x*"])

    def outcome(path: str) -> tuple[Outcome, str | None]:
        report = job(uploaded(key=f"ingest/{path}"), variant=variant).run(notice(f"ingest/{path}"), plenty)
        return report.outcome, report.detail

    assert outcome("a/cat.jpg") == outcome("b/cat.jpg") == (Outcome.MADE, None)
    assert outcome("c/cat.jpg") == (Outcome.SKIPPED, "The variant is for a/*, b/* only.")
    assert outcome("a/x.jpg") == (Outcome.SKIPPED, "The variant is never for a/x*.")
    assert outcome("b/cat.gif") == (Outcome.SKIPPED, "The variant is never for *.gif.")
    report = job(uploaded(), variant=replace(VARIANT, never=["b/*"])).run(notice(), plenty)
    assert report.outcome is Outcome.MADE


COMPLETE = Complete(Revision("e", None), 7, {})


@pytest.mark.parametrize(
    ("body", "key", "notes"),
    [
        (b"picture", KEY, [("made", None, (RESULT,))]),
        (b"bad", KEY, [("rejected", Reason.CORRUPT, ())]),
        (None, KEY, [None]),
        (b"", "ingest/dir/", []),
    ],
)
def test_each_outcome_of_a_revision_is_noted_and_a_folder_is_none(
    body: bytes | None, key: str, notes: list[tuple[str, Reason | None, tuple[str, ...]] | None]
) -> None:
    s3 = Buckets() if body is None else uploaded(body, key)
    ledger = Ledger(COMPLETE)
    report = job(s3, ledger=ledger).run(notice(key), plenty)
    assert ledger.notes == [note and Note(revision(s3), *note) for note in notes]
    assert report.complete is (COMPLETE if notes else None)


def test_a_variant_that_an_upload_is_not_for_completes_what_is_still_there() -> None:
    s3 = uploaded()
    variant = replace(VARIANT, never=["*"])
    for complete in (Complete(revision(s3), 1, {}), COMPLETE, None):
        ledger = Ledger(complete)
        report = job(s3, ledger=ledger, variant=variant).run(notice(), plenty)
        assert ledger.notes == [Note(None, Outcome.SKIPPED)]
        assert report.complete == (complete if complete is not COMPLETE else None)
    assert job(s3, variant=variant).run(notice(), plenty).complete is None


def test_whoever_asks_hears_what_is_made_of_which_uploads() -> None:
    variant = replace(VARIANT, only=["a/*"], never=["b/*"])
    assert job(Buckets(), variant=variant, SUFFIXES="jpg").description() == {
        "variant": "hero",
        "recipe": variant.recipe,
        "only": ["a/*"],
        "never": ["b/*"],
        "suffixes": ["jpg"],
    }


@pytest.mark.parametrize(
    ("shares", "room"),
    [({}, (3, 1, 2)), ({"at_once": 4, "ahead": 2}, (6, 4, 2)), ({"ahead": 0}, (1, 1, 1)), ({"ahead": 1}, (2, 1, 1))],
)
def test_so_many_find_room_before_in_and_behind_the_codec(shares: dict[str, Any], room: tuple[int, int, int]) -> None:
    made = Job(VARIANT, Settings.load({}, "hero"), Storage(Buckets(), cache_control="x"), Codec(), **shares)
    assert (made._ahead._value, made._at_work._value, made._behind._value) == room
