"""Verdicts: what a result's metadata, dates and dead letters make of its upload."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.operating.listing import Listed
from controlplane.operating.pairing import Pair
from controlplane.operating.results import Prefixes, State, Told, Wanted, by_listing, by_metadata, upload_key
from imagemachine.storage import _ascii

THEN = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
UPLOAD = Listed("cat.jpg", "new", THEN, 1000)
WANTED = Wanted("recipe")
PREFIXES = Prefixes("ingest/", "web/")
OURS = Told("ingest/cat.jpg", "new", "recipe")
OLDER = Told("ingest/cat.jpg", "old", "recipe")
OTHERWISE = Told("ingest/cat.jpg", "new", "another")
FOREIGN = Told()


def judged(results: dict[str, Told], wanted: Wanted = WANTED, rejected: datetime | None = None) -> tuple[object, ...]:
    pair = Pair("cat.jpg", UPLOAD, tuple(Listed(path, "etag", THEN + SECOND, 10) for path in results))
    verdict = by_metadata(pair, results, wanted, PREFIXES, rejected)
    return verdict.state, *(orphan.path for orphan in verdict.orphans)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({"cat.jpg": OURS}, (State.CURRENT,)),
        ({}, (State.MISSING,)),
        ({"cat.jpg": OLDER}, (State.STALE,)),
        ({"cat.jpg": OTHERWISE}, (State.STALE,)),
        # What somebody else put where the result belongs is not the result; the repair writes over it.
        ({"cat.jpg": FOREIGN}, (State.STALE,)),
        # A format was changed: the old extension's result stays behind.
        ({"cat.jpg": OURS, "cat.jpg.webp": OTHERWISE}, (State.CURRENT, "cat.jpg.webp")),
        ({"cat.jpg": OTHERWISE, "cat.jpg.webp": OURS}, (State.CURRENT, "cat.jpg")),
        ({"cat.jpg.webp": OLDER}, (State.STALE,)),
        # What somebody else put beside it is nobody's.
        ({"cat.jpg": OURS, "cat.jpg.png": FOREIGN}, (State.CURRENT, "cat.jpg.png")),
        ({"cat.jpg.png": FOREIGN}, (State.MISSING, "cat.jpg.png")),
        # One that another upload's metadata claims is not this one's.
        ({"cat.jpg.png": Told("ingest/cat.jpg.png", "new", "recipe")}, (State.MISSING, "cat.jpg.png")),
    ],
)
def test_one_result_each(results: dict[str, Told], expected: tuple[object, ...]) -> None:
    assert judged(results) == expected


WITH = replace(OURS, beside=("webp", "json"))
BESIDE = replace(OURS, first=False)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({"cat.jpg": WITH, "cat.jpg.webp": BESIDE, "cat.jpg.json": BESIDE}, (State.CURRENT,)),
        # A part of it is missing, whichever.
        ({"cat.jpg": WITH, "cat.jpg.json": BESIDE}, (State.MISSING,)),
        ({"cat.jpg": WITH, "cat.jpg.webp": BESIDE}, (State.MISSING,)),
        ({"cat.jpg.webp": BESIDE, "cat.jpg.json": BESIDE}, (State.MISSING,)),
        ({"cat.jpg": WITH, "cat.jpg.webp": replace(BESIDE, etag="old"), "cat.jpg.json": BESIDE}, (State.MISSING,)),
        ({"cat.jpg": replace(WITH, etag="old"), "cat.jpg.webp": BESIDE, "cat.jpg.json": BESIDE}, (State.STALE,)),
        # A format is made no longer, and what was made of it stays behind.
        ({"cat.jpg": OURS, "cat.jpg.webp": replace(BESIDE, recipe="old")}, (State.CURRENT, "cat.jpg.webp")),
        # What came as WebP under another name, with an AVIF beside it.
        ({"cat.jpg.webp": replace(OURS, beside=("avif",)), "cat.jpg.webp.avif": BESIDE}, (State.CURRENT,)),
    ],
)
def test_several_files_of_one_result(results: dict[str, Told], expected: tuple[object, ...]) -> None:
    assert judged(results) == expected


def test_a_dead_letter_counts_only_for_the_revision_it_is_about() -> None:
    assert judged({}, rejected=THEN + SECOND) == (State.REJECTED,)
    assert judged({}, rejected=THEN - SECOND) == (State.MISSING,)
    assert judged({"cat.jpg": OURS}, rejected=THEN + SECOND) == (State.CURRENT,)
    assert judged({"cat.jpg": OLDER}, rejected=THEN + SECOND) == (State.REJECTED,)


def test_what_a_variant_leaves_out_is_not_missing_and_what_is_there_of_it_is_nobodys() -> None:
    left_out = Wanted("recipe", only=("profiles/*",))
    assert judged({}, left_out) == (None,)
    assert judged({"cat.jpg": OURS}, left_out) == (None, "cat.jpg")
    assert judged({}, Wanted("recipe", never=("*.jpg",), only=("*",))) == (None,)
    assert judged({}, Wanted("recipe", only=("*.jpg",))) == (State.MISSING,)
    assert judged({}, Wanted("recipe", suffixes=("png",))) == (None,)
    assert judged({}, Wanted("recipe", suffixes=("png", "jpg"))) == (State.MISSING,)


def test_without_an_upload_all_is_orphaned() -> None:
    pair = Pair("gone.jpg", None, (Listed("gone.jpg", "etag", THEN, 1),))
    assert by_metadata(pair, {"gone.jpg": OURS}, WANTED, PREFIXES, None).orphans == pair.results
    assert by_listing(pair, WANTED, None).orphans == pair.results


def test_a_result_that_went_meanwhile_is_not_there() -> None:
    pair = Pair("cat.jpg", UPLOAD, (Listed("cat.jpg", "etag", THEN, 1),))
    verdict = by_metadata(pair, {}, WANTED, PREFIXES, None)
    assert (verdict.state, verdict.orphans) == (State.MISSING, ())


@pytest.mark.parametrize(
    ("seconds", "rejected", "state"),
    [
        (1, None, State.CURRENT),
        (0, None, State.CURRENT),
        (-1, None, State.STALE),
        (-1, 1, State.REJECTED),
        (-1, -1, State.STALE),
        (None, None, State.MISSING),
        (None, 0, State.REJECTED),
    ],
)
def test_by_dates_alone(seconds: int | None, rejected: int | None, state: State) -> None:
    results = () if seconds is None else (Listed("cat.jpg", "etag", THEN + seconds * SECOND, 1),)
    when = None if rejected is None else THEN + rejected * SECOND
    assert by_listing(Pair("cat.jpg", UPLOAD, results), WANTED, when).state is state


@given(st.text(min_size=1, max_size=400).filter(lambda key: len(key.encode(errors="ignore")) <= 1024))
def test_the_key_in_the_metadata_is_read_as_it_was_written(key: str) -> None:
    if any(0xD800 <= ord(character) < 0xE000 for character in key):
        return
    assert upload_key(_ascii(key)) == key
