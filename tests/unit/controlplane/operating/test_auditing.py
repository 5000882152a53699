"""Audits on the emulated S3: what is listed, what is looked at, and what is made of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from controlplane.errors import Failure
from controlplane.operating.auditing import Audit, Count, rejected
from controlplane.operating.listing import objects
from controlplane.operating.results import State, Wanted
from imagemachine.formats import FORMATS
from imagemachine.keys import result_key
from unit.controlplane.operating.conftest import NAMES, Emulated

WANTED = dict.fromkeys(NAMES, Wanted("recipe"))


def audit(emulated: Emulated, **options: Any) -> dict[str, dict[str, int]]:
    """The counts that are not zero, by variant."""
    counts = {name: Count() for name in NAMES}
    dead = rejected(emulated.machine, emulated.machine.variants)
    for judged in Audit(emulated.machine, WANTED, dead, **options).judged():
        counts[judged.variant.name].add(judged)
    return {
        name: {str(state): number for state, number in (+count.states).items()}
        | ({"orphaned": count.orphaned} if count.orphaned else {})
        for name, count in counts.items()
    }


@pytest.fixture
def mixed(emulated: Emulated) -> Emulated:
    """An upload of every kind."""
    etag = emulated.upload("current.jpg")
    for name in NAMES:
        emulated.result(name, "current.jpg", etag)
    emulated.result("web", "missing.jpg", emulated.upload("missing.jpg"))
    emulated.upload("broken.jpg")
    emulated.reject("web", "broken.jpg")
    emulated.result("web", "gone.jpg", "etag")
    etag = emulated.upload("old-recipe.jpg")
    emulated.result("thumbnail", "old-recipe.jpg", etag, recipe="another")
    emulated.result("web", "old-recipe.jpg", etag)
    return emulated


def test_every_kind(mixed: Emulated) -> None:
    assert audit(mixed) == {
        "thumbnail": {"current": 1, "missing": 2, "stale": 1},
        "web": {"current": 3, "rejected": 1, "orphaned": 1},
    }


def test_by_dates_alone_another_recipe_is_not_seen(mixed: Emulated) -> None:
    assert audit(mixed, quick=True) == {
        "thumbnail": {"current": 2, "missing": 2},
        "web": {"current": 3, "rejected": 1, "orphaned": 1},
    }


def test_only_what_is_below_a_path(mixed: Emulated) -> None:
    assert audit(mixed, below="old") == {"thumbnail": {"stale": 1}, "web": {"current": 1}}
    assert audit(mixed, below="nowhere/") == {"thumbnail": {}, "web": {}}


def test_an_overwritten_upload_s_result_is_stale_and_one_that_is_gone_s_orphaned(emulated: Emulated) -> None:
    for path in ("a.jpg", "b.jpg"):
        for name in NAMES:
            emulated.result(name, path, emulated.upload(path, b"first"))
    emulated.upload("a.jpg", b"second")
    emulated["s3"].delete_object(Bucket=emulated.machine.source_bucket, Key="ingest/b.jpg")
    assert audit(emulated) == {name: {"stale": 1, "orphaned": 1} for name in NAMES}


def test_folder_markers_are_no_uploads_and_no_results(emulated: Emulated) -> None:
    for bucket, key in ((emulated.machine.source_bucket, "ingest/x/"), (emulated.machine.output_bucket, "web/x/")):
        emulated["s3"].put_object(Bucket=bucket, Key=key, Body=b"")
    assert audit(emulated) == {"thumbnail": {}, "web": {}}


def test_keys_that_had_to_be_cut(emulated: Emulated) -> None:
    path = "long/" + "é" * 505
    etag = emulated.upload(path)
    key = result_key(path, "", "thumbnail/", FORMATS["png"])
    emulated.result("thumbnail", key.removeprefix("thumbnail/"), etag, of=path)
    stray = result_key("g" * 1017, "", "web/", FORMATS["jpeg"])
    assert "~" in key + stray
    emulated.result("web", stray.removeprefix("web/"), etag, of="g" * 1017)
    assert audit(emulated) == {"thumbnail": {"current": 1}, "web": {"missing": 1, "orphaned": 1}}


def test_a_result_of_two_possible_uploads_is_its_own_upload_s(emulated: Emulated) -> None:
    emulated.upload("cat.heic.jpg")
    etag = emulated.upload("cat.heic", b"other")
    emulated.result("web", "cat.heic.jpg", etag, of="cat.heic")
    emulated.result("thumbnail", "cat.heic.jpg", etag, of="cat.heic")
    assert audit(emulated) == {name: {"current": 1, "missing": 1} for name in NAMES}


def test_another_variant_s_results_below_a_prefix_are_not_this_one_s_orphans(emulated: Emulated) -> None:
    machine = emulated.machine
    inner = replace(machine.variant("web"), output_prefix="thumbnail/web/")
    emulated.machine = replace(machine, variants=(machine.variant("thumbnail"), inner))
    etag = emulated.upload("a.jpg")
    emulated.result("thumbnail", "a.jpg", etag)
    emulated.result("thumbnail/web", "a.jpg", etag)
    assert audit(emulated) == {name: {"current": 1} for name in NAMES}


def test_more_than_one_page(emulated: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = emulated["s3"]
    monkeypatch.setattr(s3, "list_objects_v2", partial(s3.list_objects_v2, MaxKeys=5))
    for number in range(23):
        emulated.result("web", f"{number:02}.jpg", emulated.upload(f"{number:02}.jpg"))
    assert audit(emulated) == {"thumbnail": {"missing": 23}, "web": {"current": 23}}


def test_a_dead_letter_of_another_bucket_s_upload_is_not_this_one_s(emulated: Emulated) -> None:
    emulated.upload("a.jpg")
    emulated["sqs"].send_message(
        QueueUrl=emulated.variant("web").dead_letter_url, MessageBody='{"bucket": "another", "key": "ingest/a.jpg"}'
    )
    assert audit(emulated)["web"] == {"missing": 1}


def test_a_listing_that_is_out_of_order_ends_it(emulated: Emulated) -> None:
    """On a directory bucket, which lists in no order, orphans would be seen where there are none."""

    class Unsorted:
        def list_objects_v2(self, **_: str) -> dict[str, Any]:
            keys = ("ingest/b", "ingest/a")
            return {"Contents": [{"Key": key, "ETag": "", "LastModified": None, "Size": 1} for key in keys]}

    with ThreadPoolExecutor(1) as pool, pytest.raises(Failure, match="not in the order"):
        list(objects(Unsorted(), pool, "bucket", "ingest/"))


def test_an_error_is_never_taken_for_a_missing_result(mixed: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = mixed["s3"]
    real = s3.head_object

    def refused(**asked: str) -> Any:
        if asked["Key"] == "web/missing.jpg":
            raise s3.exceptions.ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
        return real(**asked)

    monkeypatch.setattr(s3, "head_object", refused)
    with pytest.raises(s3.exceptions.ClientError, match="403"):
        audit(mixed)


def test_what_a_variant_leaves_out_is_counted_apart(emulated: Emulated) -> None:
    for path in ("a.jpg", "b.png", "c.jpg"):
        emulated.upload(path)
    wanted = {"thumbnail": Wanted("recipe", suffixes=("png",)), "web": Wanted("recipe")}
    counts = {name: Count() for name in NAMES}
    for judged in Audit(emulated.machine, wanted, {}).judged():
        counts[judged.variant.name].add(judged)
    assert {name: (count.states[State.MISSING], count.left_out) for name, count in counts.items()} == {
        "thumbnail": (1, 2),
        "web": (3, 0),
    }
