"""A bucket's announcements: the machine's come and go, all others stay."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.deploying.notifications import Announcer, merged, overlaps, without

TOPIC = "arn:aws:sns:eu-central-1:000000000000:image-machine-uploads"
OURS = Announcer("image-machine", TOPIC, "ingest/")
OTHERS: list[dict[str, Any]] = [
    {},
    {"QueueConfigurations": [{"Id": "mine", "QueueArn": "q", "Events": ["s3:ObjectCreated:*"]}]},
    {"TopicConfigurations": [{"Id": "image-machine-two-created", "TopicArn": "t", "Events": ["s3:ObjectCreated:Put"]}]},
    {"EventBridgeConfiguration": {}, "LambdaFunctionConfigurations": [{"Id": "l", "Events": []}]},
]


@pytest.mark.parametrize("before", OTHERS)
def test_what_a_bucket_had_stays(before: dict[str, Any]) -> None:
    after = merged(before, OURS)
    for kind, entries in before.items():
        assert after[kind] == entries or all(entry in after[kind] for entry in entries)
    assert merged(after, OURS) == after
    assert without(after, OURS) == before


@pytest.mark.parametrize("before", OTHERS)
def test_what_cloudformation_wrote_is_ours_whatever_it_calls_it(before: dict[str, Any]) -> None:
    made = {"Id": "ZmFrZQ", "TopicArn": TOPIC, "Events": ["s3:ObjectCreated:*"]}
    kept = {**before, "TopicConfigurations": [*before.get("TopicConfigurations", []), made]}
    assert without(kept, OURS) == before
    assert merged(kept, OURS) == merged(before, OURS)


@pytest.mark.parametrize("prefix", ["ingest/", "pictures/new/", ""])
def test_uploads_and_removals_are_announced(prefix: str) -> None:
    entries = merged({"ResponseMetadata": {}}, Announcer("s", TOPIC, prefix))["TopicConfigurations"]
    assert [entry["Events"] for entry in entries] == [["s3:ObjectCreated:*"], ["s3:ObjectRemoved:*"]]
    assert {entry["TopicArn"] for entry in entries} == {TOPIC}
    rules = [entry["Filter"]["Key"]["FilterRules"] for entry in entries] if prefix else []
    assert rules == [[{"Name": "prefix", "Value": prefix}]] * (2 if prefix else 0)
    assert prefix or not any("Filter" in entry for entry in entries)


def entry(event: str, prefix: str, suffix: str = "") -> dict[str, Any]:
    rules = [{"Name": "Prefix", "Value": prefix}, {"Name": "Suffix", "Value": suffix}]
    return {"Id": "theirs", "QueueArn": "arn:q", "Events": [event], "Filter": {"Key": {"FilterRules": rules}}}


PREFIXES = st.lists(st.sampled_from("ab/"), max_size=3).map("".join)


@given(ours=PREFIXES, theirs=PREFIXES, key=st.lists(st.sampled_from("ab/"), max_size=5).map("".join))
def test_two_announcements_of_one_key_are_always_noticed(ours: str, theirs: str, key: str) -> None:
    found = overlaps({"QueueConfigurations": [entry("s3:ObjectCreated:Put", theirs)]}, Announcer("s", TOPIC, ours))
    if key.startswith(ours) and key.startswith(theirs):
        assert len(found) == 1
        assert "arn:q" in found[0]


@pytest.mark.parametrize(
    ("event", "prefix", "count"),
    [
        ("s3:ObjectCreated:*", "ingest/", 1),
        ("s3:ObjectCreated:Copy", "ingest/a/", 1),
        ("s3:ObjectRemoved:Delete", "", 1),
        ("s3:ObjectCreated:*", "logs/", 0),
        ("s3:ObjectTagging:*", "ingest/", 0),
        ("s3:ObjectRestore:Completed", "", 0),
    ],
)
def test_what_s3_would_call_ambiguous(event: str, prefix: str, count: int) -> None:
    assert len(overlaps({"QueueConfigurations": [entry(event, prefix)]}, OURS)) == count


def test_a_suffix_keeps_no_two_apart_where_ours_has_none() -> None:
    assert overlaps({"LambdaFunctionConfigurations": [entry("s3:ObjectCreated:*", "ingest/", ".pdf")]}, OURS)
