"""The story of one picture against real S3 semantics: whatever happens meanwhile, the newest upload wins.

What happens meanwhile is made to happen by the codec double below, at the one moment that matters: after the
upload was read and before its result is stored. The bucket, its listings, etags and errors are the emulator's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from imagemachine.envelopes import Notice
from imagemachine.errors import OutOfTime, Reason, Rejected, Retryable
from imagemachine.formats import FORMATS
from imagemachine.formats.format import Format
from imagemachine.job import Job, Outcome, Report
from imagemachine.pictures.place import Point
from imagemachine.settings import Settings
from imagemachine.storage import Storage
from imagemachine.variant import Fit, Made, Output, Variant

VARIANT = Variant("thumbnail", [Fit(320, 320)])
KEY = "ingest/a/cat.jpg"
RESULT = "thumbnail/a/cat.jpg"


@dataclass
class Meanwhile:
    """A codec whose result is the upload's bytes in capitals, and during whose work `events` happen, one a run."""

    events: list[Callable[[], Any]] = field(default_factory=list)
    format: str = "jpeg"
    seconds: list[float] = field(default_factory=list)

    def run(self, data: bytes, seconds: float, focus: Point | None = None) -> Made:
        self.seconds.append(seconds)
        if self.events:
            self.events.pop(0)()
        if data.startswith(b"bad"):
            raise Rejected(Reason.CORRUPT, "It is broken.")
        if data.startswith(b"slow"):
            raise Rejected(Reason.TOO_SLOW, "It takes for ever.")
        return Made((Output(data.upper(), self.format, 1, 1, 1),), "double")


@dataclass
class Bucket:
    """One bucket of the emulated account, read and written as a user would."""

    s3: Any
    name: str

    def put(self, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket=self.name, Key=key, Body=body)["ETag"]).strip('"')

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=key)

    def everything(self) -> dict[str, bytes]:
        """All that lies outside `ingest/`."""
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        keys = [entry["Key"] for entry in listed if not entry["Key"].startswith("ingest/")]
        return {key: self.s3.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}

    def notice(self, key: str = KEY, *, deleted: bool = False) -> Notice:
        return Notice(self.name, key, deleted)


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    name = f"pictures-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return Bucket(s3, name)


def job(bucket: Bucket, codec: Meanwhile | None = None, **environment: str) -> Job:
    settings = Settings.load(environment, VARIANT.name)
    return Job(VARIANT, settings, Storage(bucket.s3, cache_control="no-store"), codec or Meanwhile())


def plenty() -> float:
    return 100.0


def test_made_is_stored_with_what_an_audit_needs(bucket: Bucket) -> None:
    key = "ingest/holiday/Café 50% + ü.jpg"
    etag = bucket.put(key, b"picture")
    report = job(bucket).run(bucket.notice(key), plenty)
    assert report.outcome is Outcome.MADE
    assert report.output == "thumbnail/holiday/Café 50% + ü.jpg"
    answer = bucket.s3.get_object(Bucket=bucket.name, Key=report.output)
    assert answer["Body"].read() == b"PICTURE"
    assert answer["ContentType"] == "image/jpeg"
    assert answer["CacheControl"] == "no-store"
    assert answer["Metadata"] == {
        "source-key": "ingest/holiday/Caf%C3%A9%2050%25%20%2B%20%C3%BC.jpg",
        "source-etag": etag,
        "recipe": VARIANT.recipe,
        "width": "1",
        "height": "1",
    }


def test_a_key_as_long_as_s3_allows_is_made(bucket: Bucket) -> None:
    key = "ingest/" + "é" * 506 + "y.jpg"
    assert len(key.encode()) == 1024
    bucket.put(key, b"picture")
    report = job(bucket).run(bucket.notice(key), plenty)
    assert bucket.everything() == {report.output: b"PICTURE"}
    bucket.delete(key)
    job(bucket).run(bucket.notice(key, deleted=True), plenty)
    assert bucket.everything() == {}


def test_an_upload_overwritten_meanwhile_is_made_anew(bucket: Bucket) -> None:
    bucket.put(KEY, b"old")
    codec = Meanwhile([lambda: bucket.put(KEY, b"newer"), lambda: bucket.put(KEY, b"newest")])
    assert job(bucket, codec).run(bucket.notice(), plenty).outcome is Outcome.MADE
    assert bucket.everything() == {RESULT: b"NEWEST"}


def test_an_upload_deleted_meanwhile_leaves_nothing(bucket: Bucket) -> None:
    bucket.put(KEY, b"picture")
    report = job(bucket, Meanwhile([lambda: bucket.delete(KEY)])).run(bucket.notice(), plenty)
    assert report.outcome is Outcome.SKIPPED
    assert bucket.everything() == {}


def test_a_stale_result_stored_last_is_put_right_by_whoever_stored_it(bucket: Bucket) -> None:
    def another_function_is_faster() -> None:
        bucket.put(KEY, b"new")
        job(bucket).run(bucket.notice(), plenty)
        assert bucket.everything() == {RESULT: b"NEW"}

    bucket.put(KEY, b"old")
    job(bucket, Meanwhile([another_function_is_faster])).run(bucket.notice(), plenty)
    assert bucket.everything() == {RESULT: b"NEW"}


def test_a_deletion_that_comes_before_its_upload_removes_nothing(bucket: Bucket) -> None:
    bucket.put(KEY, b"again")
    assert job(bucket).run(bucket.notice(deleted=True), plenty).outcome is Outcome.MADE
    assert bucket.everything() == {RESULT: b"AGAIN"}


def test_a_creation_that_comes_after_the_deletion_removes_what_is_left(bucket: Bucket) -> None:
    bucket.put(KEY, b"picture")
    job(bucket).run(bucket.notice(), plenty)
    bucket.delete(KEY)
    assert job(bucket).run(bucket.notice(), plenty).outcome is Outcome.SKIPPED
    assert bucket.everything() == {}


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp"])
def test_a_deletion_removes_the_result_whatever_its_format(bucket: Bucket, format_: str) -> None:
    bucket.put(KEY, b"picture")
    job(bucket, Meanwhile(format=format_)).run(bucket.notice(), plenty)
    assert len(bucket.everything()) == 1
    bucket.delete(KEY)
    assert job(bucket).run(bucket.notice(deleted=True), plenty).outcome is Outcome.REMOVED
    assert bucket.everything() == {}


def test_a_deletion_spares_the_results_of_uploads_with_similar_names(bucket: Bucket) -> None:
    similar = ["ingest/cat.jpg", "ingest/cat.jpg.png", "ingest/cat.jpg2.jpg", "ingest/b/cat.jpg"]
    for key in similar:
        bucket.put(key, b"picture")
        job(bucket, Meanwhile(format="png" if key.endswith("png") else "jpeg")).run(bucket.notice(key), plenty)
    bucket.delete("ingest/cat.jpg")
    job(bucket).run(bucket.notice("ingest/cat.jpg", deleted=True), plenty)
    assert sorted(bucket.everything()) == ["thumbnail/b/cat.jpg", "thumbnail/cat.jpg.png", "thumbnail/cat.jpg2.jpg"]


def test_an_overwrite_in_another_format_leaves_one_result(bucket: Bucket) -> None:
    bucket.put(KEY, b"jpeg")
    job(bucket).run(bucket.notice(), plenty)
    bucket.put(KEY, b"png")
    job(bucket, Meanwhile(format="png")).run(bucket.notice(), plenty)
    assert bucket.everything() == {RESULT + ".png": b"PNG"}


def test_a_rejected_overwrite_leaves_no_result_of_the_older_picture(bucket: Bucket) -> None:
    bucket.put(KEY, b"good")
    job(bucket).run(bucket.notice(), plenty)
    bucket.put(KEY, b"bad")
    report = job(bucket).run(bucket.notice(), plenty)
    assert (report.outcome, report.reason, report.detail) == (Outcome.REJECTED, Reason.CORRUPT, "It is broken.")
    assert bucket.everything() == {}


def test_a_bad_upload_replaced_by_a_good_one_meanwhile_is_made(bucket: Bucket) -> None:
    bucket.put(KEY, b"bad")
    report = job(bucket, Meanwhile([lambda: bucket.put(KEY, b"good")])).run(bucket.notice(), plenty)
    assert report.outcome is Outcome.MADE
    assert bucket.everything() == {RESULT: b"GOOD"}


def test_an_upload_that_never_rests_goes_back_to_the_queue(bucket: Bucket) -> None:
    bucket.put(KEY, b"0")
    changes: list[Callable[[], Any]] = [lambda n=n: bucket.put(KEY, b"%d" % n) for n in range(1, 50)]  # type: ignore[misc]
    with pytest.raises(Retryable, match="changed"):
        job(bucket, Meanwhile(changes)).run(bucket.notice(), plenty)


@pytest.mark.parametrize("key", ["elsewhere/cat.jpg", "ingest/", "ingest/folder/", "thumbnail/cat.jpg", "Ingest/a.jpg"])
def test_what_is_no_upload_is_skipped(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"")
    before = bucket.everything()
    assert job(bucket).run(bucket.notice(key), plenty).outcome is Outcome.SKIPPED
    assert bucket.everything() == before


def test_a_key_that_ends_like_a_folder_and_holds_a_picture_is_a_picture(bucket: Bucket) -> None:
    bucket.put("ingest/dir.jpg/", b"picture")
    report = job(bucket).run(bucket.notice("ingest/dir.jpg/"), plenty)
    assert report.outcome is Outcome.MADE
    assert bucket.everything() == {report.output: b"PICTURE"}
    bucket.put("ingest/dir.jpg/", b"")
    assert job(bucket).run(bucket.notice("ingest/dir.jpg/"), plenty).outcome is Outcome.SKIPPED
    assert bucket.everything() == {}


@pytest.mark.parametrize("format_", [format_ for format_ in FORMATS.values() if format_.writable], ids=lambda f: f.name)
def test_a_result_is_of_the_type_that_its_format_has(bucket: Bucket, format_: Format) -> None:
    bucket.put(KEY, b"picture")
    report = job(bucket, Meanwhile(format=format_.name)).run(bucket.notice(), plenty)
    assert (
        bucket.s3.head_object(Bucket=bucket.name, Key=report.output)["ContentType"]
        == {
            "jpeg": "image/jpeg",
            "png": "image/png",
            "gif": "image/gif",
            "webp": "image/webp",
            "avif": "image/avif",
            "tiff": "image/tiff",
            "bmp": "image/bmp",
        }[format_.name]
    )


def test_the_version_of_an_upload_goes_along(bucket: Bucket) -> None:
    """Where a bucket keeps versions, the same bytes put twice are two revisions."""
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    bucket.put(KEY, b"picture")
    codec = Meanwhile([lambda: bucket.put(KEY, b"picture")])
    report = job(bucket, codec).run(bucket.notice(), plenty)
    assert len(codec.seconds) == 2
    version = bucket.s3.head_object(Bucket=bucket.name, Key=KEY)["VersionId"]
    assert bucket.s3.head_object(Bucket=bucket.name, Key=report.output)["Metadata"]["source-version"] == version


@pytest.mark.parametrize("key", ["ingest/report.pdf", "ingest/jpg", "ingest/cat.jpg.txt", "ingest/.jpg/readme"])
def test_what_has_another_extension_is_skipped_whatever_it_holds(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"bad")
    report = job(bucket, SUFFIXES="jpg,.png").run(bucket.notice(key), plenty)
    assert report == Report(Outcome.SKIPPED, "The key's extension is none of jpg, png.")
    for wanted in ("ingest/a.jpg", "ingest/b.JPG", "ingest/c.d.Png"):
        bucket.put(wanted, b"picture")
        assert job(bucket, SUFFIXES="jpg,.png").run(bucket.notice(wanted), plenty).outcome is Outcome.MADE


def test_a_bucket_is_adopted_in_place_and_its_results_are_left_alone(s3: Any, bucket: Bucket) -> None:
    results = Bucket(s3, f"{bucket.name}-results")
    s3.create_bucket(Bucket=results.name)
    bucket.put("holiday/cat.jpg", b"picture")
    adopted = job(bucket, INGEST_PREFIX="", OUTPUT_BUCKET=results.name)
    assert adopted.run(bucket.notice("holiday/cat.jpg"), plenty).output == "thumbnail/holiday/cat.jpg"
    assert results.everything() == {"thumbnail/holiday/cat.jpg": b"PICTURE"}
    # Whatever may announce it: a result that became an upload would do so again and again.
    again = adopted.run(results.notice("thumbnail/holiday/cat.jpg"), plenty)
    assert again.outcome is Outcome.SKIPPED
    assert results.everything() == {"thumbnail/holiday/cat.jpg": b"PICTURE"}


def test_too_large_and_empty_uploads_are_rejected_before_they_are_read(bucket: Bucket) -> None:
    bucket.put(KEY, b"12345")
    assert job(bucket, MAX_BYTES="4").run(bucket.notice(), plenty).reason is Reason.TOO_MANY_BYTES
    bucket.put(KEY, b"")
    assert job(bucket).run(bucket.notice(), plenty).reason is Reason.EMPTY


def test_a_picture_has_its_own_limit_and_the_invocations(bucket: Bucket) -> None:
    bucket.put(KEY, b"slow")
    codec = Meanwhile()
    assert job(bucket, codec, MAX_SECONDS="5").run(bucket.notice(), plenty).reason is Reason.TOO_SLOW
    with pytest.raises(OutOfTime, match="were left"):
        job(bucket, codec, MAX_SECONDS="5").run(bucket.notice(), lambda: 3.0)
    with pytest.raises(OutOfTime, match="No time"):
        job(bucket, codec).run(bucket.notice(), lambda: 1.0)
    assert codec.seconds == [5.0, 1.0]


def test_what_comes_too_late_is_given_back_unread(bucket: Bucket) -> None:
    """Nothing is fetched for it: not even that its bucket is missing is noticed."""
    nowhere = Notice("no-such-bucket-here", KEY)
    with pytest.raises(OutOfTime):
        job(bucket).run(nowhere, lambda: 2.0)
    with pytest.raises(Retryable, match="NoSuchBucket"):
        job(bucket).run(nowhere, lambda: 2.1)


def test_trouble_with_s3_is_retried(bucket: Bucket) -> None:
    with pytest.raises(Retryable, match="NoSuchBucket"):
        job(bucket).run(Notice("no-such-bucket-here", KEY), plenty)
    bucket.put(KEY, b"picture")
    with pytest.raises(Retryable, match="NoSuchBucket"):
        job(bucket, OUTPUT_BUCKET="no-such-bucket-here").run(bucket.notice(), plenty)
