"""Several files of one result, on real S3 semantics: stored together, removed together, and what lies beside them."""

import json
from typing import Any

import pytest

from imagemachine.job import Job, Outcome
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.steps import Fit
from imagemachine.storage import Storage
from imagemachine.variant import Made, Output, Variant
from integration.test_job import Bucket, bucket, plenty

__all__ = ["bucket"]


class Several:
    """A codec whose result is the upload's bytes in these formats."""

    def __init__(self, *formats: str) -> None:
        self.formats = formats

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        del seconds
        outputs = tuple(Output(data * count, name, 8, 6, 1) for count, name in enumerate(self.formats, 1))
        return Made(outputs, "double", colour="#102030", placeholder="3EgK")


def job(bucket: Bucket, formats: tuple[str, ...], environment: dict[str, str] | None = None, **options: Any) -> Job:
    variant = Variant("hero", [Fit(320, 320)], formats=["keep", "webp", "avif"], **options)
    settings = Settings.load(environment or {}, variant.name)
    return Job(variant, settings, Storage(bucket.s3, cache_control="no-store"), Several(*formats))


THREE = ("jpeg", "webp", "avif")


def test_every_format_lies_beside_the_result_under_its_own_extension(bucket: Bucket) -> None:
    bucket.put("ingest/a/cat.jpg", b"x")
    report = job(bucket, THREE).run(bucket.notice("ingest/a/cat.jpg"), plenty)
    assert report.outputs == ("hero/a/cat.jpg", "hero/a/cat.jpg.webp", "hero/a/cat.jpg.avif")
    assert report.output == report.outputs[0]
    assert report.bytes_out == 6
    assert bucket.everything() == dict(zip(report.outputs, (b"x", b"xx", b"xxx"), strict=True))
    for key, kind in zip(report.outputs, ("image/jpeg", "image/webp", "image/avif"), strict=True):
        head = bucket.s3.head_object(Bucket=bucket.name, Key=key)
        assert head["ContentType"] == kind
        assert head["Metadata"]["source-key"] == "ingest/a/cat.jpg"
        assert (head["Metadata"]["width"], head["Metadata"]["height"]) == ("8", "6")
        assert (head["Metadata"]["colour"], head["Metadata"]["placeholder"]) == ("#102030", "3EgK")


def test_a_result_says_what_lies_beside_it_and_that_says_that_it_is_no_result(bucket: Bucket) -> None:
    """By it an audit tells that a part is missing, and a part from a result of that format."""
    for key, formats in (("cat.jpg", THREE), ("dog.webp", ("webp", "avif"))):
        bucket.put(f"ingest/{key}", b"x")
        job(bucket, formats, manifest=True).run(bucket.notice(f"ingest/{key}"), plenty)
    said = {
        key: (head["Metadata"].get("beside"), head["Metadata"].get("role"))
        for key in bucket.everything()
        for head in [bucket.s3.head_object(Bucket=bucket.name, Key=key)]
    }
    assert said == {
        "hero/cat.jpg": ("webp,avif,json", None),
        "hero/cat.jpg.webp": (None, "beside"),
        "hero/cat.jpg.avif": (None, "beside"),
        "hero/cat.jpg.json": (None, "beside"),
        "hero/dog.webp": ("avif,json", None),
        "hero/dog.webp.avif": (None, "beside"),
        "hero/dog.webp.json": (None, "beside"),
    }


def test_they_are_removed_together(bucket: Bucket) -> None:
    for key in ("ingest/cat.heic", "ingest/cat.jpg", "ingest/cat"):
        bucket.put(key, b"x")
        job(bucket, THREE, manifest=True).run(bucket.notice(key), plenty)
    kept = {key for key in bucket.everything() if not key.startswith("hero/cat.heic")}
    bucket.delete("ingest/cat.heic")
    assert job(bucket, THREE).run(bucket.notice("ingest/cat.heic", deleted=True), plenty).outcome is Outcome.REMOVED
    assert set(bucket.everything()) == kept


def test_what_an_upload_of_another_format_left_goes_and_nothing_of_its_own(bucket: Bucket) -> None:
    bucket.put("ingest/cat.heic", b"a png")
    job(bucket, ("png", "webp", "avif")).run(bucket.notice("ingest/cat.heic"), plenty)
    bucket.put("ingest/cat.heic", b"a jpeg")
    report = job(bucket, THREE, manifest=True).run(bucket.notice("ingest/cat.heic"), plenty)
    assert set(bucket.everything()) == {*report.outputs, "hero/cat.heic.jpg.json"}


def test_an_upload_that_has_the_name_of_another_ones_format_keeps_its_result(bucket: Bucket) -> None:
    """`cat.jpg.webp` may be an upload of its own: whose a result is its metadata tells."""
    bucket.put("ingest/cat.jpg.webp", b"own")
    job(bucket, ("webp",)).run(bucket.notice("ingest/cat.jpg.webp"), plenty)
    bucket.put("ingest/cat.jpg", b"x")
    bucket.delete("ingest/cat.jpg")
    job(bucket, THREE).run(bucket.notice("ingest/cat.jpg", deleted=True), plenty)
    assert bucket.everything() == {"hero/cat.jpg.webp": b"own"}


def test_a_manifest_is_what_a_page_needs(bucket: Bucket) -> None:
    etag = bucket.put("ingest/a b/cät.jpg", b"x")
    job(bucket, THREE, manifest=True).run(bucket.notice("ingest/a b/cät.jpg"), plenty)
    answer = bucket.s3.get_object(Bucket=bucket.name, Key="hero/a b/cät.jpg.json")
    assert answer["ContentType"] == "application/json"
    said = json.loads(answer["Body"].read())
    assert said["source"] == {"key": "ingest/a b/cät.jpg", "etag": etag}
    assert (said["colour"], said["placeholder"]) == ("#102030", "3EgK")
    assert said["img"] == {"src": "hero/a%20b/c%C3%A4t.jpg", "width": 8, "height": 6}
    assert [source["type"] for source in said["sources"]] == ["image/jpeg", "image/webp", "image/avif"]
    assert [source["bytes"] for source in said["sources"]] == [1, 2, 3]
    assert said["sources"][1]["srcset"] == "hero/a%20b/c%C3%A4t.jpg.webp 8w"
    assert said["sources"][1]["key"] == "hero/a b/cät.jpg.webp"


@pytest.mark.parametrize(
    ("only", "never", "key", "made"),
    [
        (["profiles/*"], [], "ingest/profiles/a/cat.jpg", True),
        (["profiles/*"], [], "ingest/holiday/cat.jpg", False),
        (["*.png", "profiles/*"], [], "ingest/holiday/cat.png", True),
        ([], ["drafts/*"], "ingest/drafts/cat.jpg", False),
        ([], ["drafts/*"], "ingest/cat.jpg", True),
        (["profiles/*"], ["*/secret-*"], "ingest/profiles/secret-cat.jpg", False),
    ],
)
def test_paths_of_a_variant(bucket: Bucket, only: list[str], never: list[str], key: str, *, made: bool) -> None:
    bucket.put(key, b"x")
    report = job(bucket, ("jpeg",), only=only, never=never).run(bucket.notice(key), plenty)
    assert report.outcome is (Outcome.MADE if made else Outcome.SKIPPED)
    assert bool(bucket.everything()) is made
    if not made:
        assert report.detail
        assert any(pattern in report.detail for pattern in (*only, *never))


def test_what_an_upload_says_of_itself_goes_along_where_it_is_asked_for(bucket: Bucket) -> None:
    key = "ingest/cat.jpg"
    bucket.s3.put_object(
        Bucket=bucket.name,
        Key=key,
        Body=b"x",
        Metadata={"title": "A cat", "secret": "no", "recipe": "mine"},
        ContentDisposition='attachment; filename="cat.jpg"',
        CacheControl="private",
    )
    environment = {"CARRY": "title,recipe,content-disposition"}
    job(bucket, THREE, environment).run(bucket.notice(key), plenty)
    for result in bucket.everything():
        head = bucket.s3.head_object(Bucket=bucket.name, Key=result)
        assert head["Metadata"]["title"] == "A cat"
        assert "secret" not in head["Metadata"]
        assert head["Metadata"]["recipe"] != "mine"
        assert head["ContentDisposition"] == 'attachment; filename="cat.jpg"'
        assert head["CacheControl"] == "no-store"


def test_what_finds_no_room_is_left_out_and_the_result_is_stored(bucket: Bucket) -> None:
    key = "ingest/" + "é" * 200 + ".jpg"
    bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"x", Metadata={"long": "l" * 1500, "short": "s"})
    report = job(bucket, ("jpeg",), {"CARRY": "long,short"}).run(bucket.notice(key), plenty)
    metadata = bucket.s3.head_object(Bucket=bucket.name, Key=report.output)["Metadata"]
    assert "long" not in metadata
    assert metadata["source-etag"]


def test_an_upload_says_itself_where_to_look(bucket: Bucket) -> None:
    asked = []

    class Listening(Several):
        def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
            asked.append(focus)
            return super().run(data, seconds)

    bucket.s3.put_object(
        Bucket=bucket.name, Key="ingest/cat.jpg", Body=b"x", Metadata={"focus-x": "0.25", "focus-y": "1"}
    )
    variant = Variant("hero", [Fit(320, 320)])
    storage = Storage(bucket.s3, cache_control="no-store")
    Job(variant, Settings.load({}, "hero"), storage, Listening("jpeg")).run(bucket.notice("ingest/cat.jpg"), plenty)
    assert asked == [(0.25, 1.0)]
