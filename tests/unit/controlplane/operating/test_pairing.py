"""Two listings merged are what two sets compared would be, whatever the keys."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.operating.listing import Listed
from controlplane.operating.pairing import Pair, Pairing, claims, possible_keys
from imagemachine.formats import FORMATS
from imagemachine.keys import MANIFEST, key_beside, result_key

PREFIX = "thumbnail/"
WRITABLE = [format_ for format_ in FORMATS.values() if format_.writable]

# Few characters around the dot and the slash, so that paths begin with one another often; and some that UTF-16 or
# a locale would put elsewhere.
NAMES = st.text(st.sampled_from("a-./~ 0é￿😀"), min_size=1, max_size=6)
PATHS = st.builds(str.__add__, NAMES, st.sampled_from(["", ".jpg", ".heic", ".heic.jpg", ".webp.avif", ".tar"]))
LONG = st.integers(960, 1017).map(lambda length: "d/" + "é" * (length // 2 - 3) + "x" * (length % 2))
UPLOADS = st.sets((PATHS | LONG).filter(lambda path: not path.endswith("/")), max_size=12)
many = settings(max_examples=150, deadline=None)


def listed(path: str, modified: int = 0) -> Listed:
    return Listed(path, "etag", datetime.fromtimestamp(modified, UTC), 1)


class Bucket:
    """What the lookups answer from, and how often they were asked."""

    def __init__(self, uploads: Iterable[str], sources: dict[str, str | None]) -> None:
        self.uploads = set(uploads)
        self.sources = sources
        self.asked = count()

    def source(self, result: Listed) -> str | None:
        next(self.asked)
        return self.sources[result.path]

    def exists(self, path: str) -> bool:
        next(self.asked)
        return path in self.uploads

    def found(self, keys: tuple[str, ...]) -> tuple[Listed, ...]:
        next(self.asked)
        return tuple(listed(key.removeprefix(PREFIX)) for key in keys if key.removeprefix(PREFIX) in self.sources)


def paired(bucket: Bucket, below: str = "") -> list[Pair]:
    uploads = sorted(path for path in bucket.uploads if path.startswith(below))
    results = sorted(path for path in bucket.sources if path.startswith(below))
    pairing = Pairing(map(listed, results), PREFIX, bucket, below)

    def all_of_them() -> Iterator[Pair]:
        for path in uploads:
            yield from pairing.upload(listed(path))
        yield from pairing.end()

    return list(all_of_them())


@st.composite
def buckets(draw: st.DrawFn) -> Bucket:
    """Uploads, some of their results as the machine stores them, and strangers among the results."""
    uploads = draw(UPLOADS)
    made: dict[str, str | None] = dict.fromkeys(draw(st.sets(PATHS, max_size=4)))
    for path in sorted(uploads):
        for format_ in draw(st.sets(st.sampled_from(WRITABLE), max_size=2)) if draw(st.booleans()) else ():
            first = result_key(path, "", PREFIX, format_)
            beside = draw(st.sets(st.sampled_from(["webp", "avif", MANIFEST]), max_size=2))
            for key in (first, *(key_beside(first, extension) for extension in beside)):
                made[key.removeprefix(PREFIX)] = path
    gone = {path for path in uploads if draw(st.integers(0, 4)) == 0}
    return Bucket(uploads - gone, made)


@many
@given(buckets())
def test_every_upload_and_every_result_is_in_one_pair(bucket: Bucket) -> None:
    pairs = paired(bucket)
    assert sorted(pair.path for pair in pairs if pair.upload) == sorted(bucket.uploads)
    results = [result.path for pair in pairs for result in pair.results]
    assert sorted(results) == sorted(bucket.sources)


@many
@given(buckets())
def test_a_result_is_paired_with_its_upload(bucket: Bucket) -> None:
    owners = {result.path: pair for pair in paired(bucket) for result in pair.results}
    for path, source in bucket.sources.items():
        possible = {upload for upload in bucket.uploads if _possible(upload, path)}
        pair = owners[path]
        if source in possible:
            assert pair.path == source
        elif possible:
            assert pair.path in possible
        else:
            assert pair.upload is None


def _possible(upload: str, result: str) -> bool:
    return claims(upload, result) or PREFIX + result in possible_keys(upload, PREFIX)


@many
@given(PATHS)
def test_every_key_that_the_machine_writes_is_claimed(path: str) -> None:
    assert all(claims(path, key.removeprefix(PREFIX)) for key in possible_keys(path, PREFIX))


@pytest.mark.parametrize(
    ("upload", "result"),
    [
        ("cat.jpg", "cat.jpg.txt"),
        ("cat.jpg", "cat.jpg.webp.avif.png"),
        ("cat.jpg", "cat.jpg.json.webp"),
        ("cat.jpg", "cat"),
        ("cat", "cat"),
        ("cat.heic", "cat.heic"),
        ("cat", "cat-2.jpg"),
        ("cat", "category.jpg"),
    ],
)
def test_no_other_is(upload: str, result: str) -> None:
    assert not claims(upload, result)


@many
@given(buckets(), NAMES)
def test_a_part_says_what_the_whole_says_of_it(bucket: Bucket, below: str) -> None:
    """No result is taken for an orphan because its upload was not looked at."""
    whole = {pair.path for pair in paired(bucket) if pair.upload is None and pair.path.startswith(below)}
    part = paired(bucket, below)
    assert {pair.path for pair in part if pair.upload is None} == whole
    assert {pair.path for pair in part if pair.upload} == {path for path in bucket.uploads if path.startswith(below)}


@pytest.mark.parametrize("extension", [".jpg", ""])
def test_nothing_is_asked_and_nothing_piles_up_where_names_are_as_they_usually_are(extension: str) -> None:
    paths = [f"holiday/IMG_{number:05}{extension}" for number in range(5000)]
    made: dict[str, str | None] = {f"{path}.jpg" if not extension else path: path for path in paths}
    bucket = Bucket(paths, made)
    pairing = Pairing(map(listed, sorted(made)), PREFIX, bucket)
    for path in paths:
        for pair in pairing.upload(listed(path)):
            assert [result.path for result in pair.results] == [pair.path if extension else f"{pair.path}.jpg"]
        assert len(pairing._open) == 1
    assert next(bucket.asked) == 0


@pytest.mark.parametrize(
    ("uploads", "orphan"), [([], True), (["a/b"], False), (["a/b.jp"], True), (["a/b.jpgx"], True)]
)
def test_below_a_part_of_a_key_its_upload_is_looked_for(uploads: list[str], orphan: bool) -> None:
    """The listing of uploads begins behind `a/b`, whose result `a/b.jpg` would be."""
    pairs = paired(Bucket(uploads, {"a/b.jpg": None}), below="a/b.j")
    assert ("a/b.jpg" in {pair.path for pair in pairs if pair.upload is None}) == orphan
