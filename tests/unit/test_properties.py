"""What holds whatever comes in: envelopes, keys, settings and the worker's answers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagemachine.envelopes import Notice, parse
from imagemachine.errors import ConfigurationError, Reason, Rejected
from imagemachine.formats import FORMATS
from imagemachine.keys import result_key, result_keys
from imagemachine.sandbox import Sandbox
from imagemachine.settings import Settings
from imagemachine.variant import Fit, Limits, Made, Variant
from unit import sandbox_work

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

EVENTS = [json.loads(file.read_text()) for file in sorted(Path(__file__).parent.parent.glob("events/*.json"))]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4),
    max_leaves=12,
)
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True)
KEYS = st.text(min_size=1, max_size=300).filter(lambda key: _encodable(key) and len(key.encode()) <= 1024)
FORMAT_NAMES = st.sampled_from([name for name, format_ in FORMATS.items() if format_.writable])


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(character) < 0xE000 for character in text)


def _understood(body: str) -> None:
    """A message is taken apart or is bad; there is no third way."""
    try:
        announced = parse(body)
    except Rejected as rejected:
        announced = [rejected]
    for found in announced:
        if isinstance(found, Rejected):
            assert found.reason is Reason.BAD_MESSAGE
            assert found.detail.endswith(".")


@quick
@given(st.text() | JSON.map(json.dumps) | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_message_is_understood_or_bad(body: str) -> None:
    _understood(body)


@quick
@given(st.sampled_from(EVENTS), JSON, st.data())
def test_a_damaged_event_is_understood_or_bad(event: Any, junk: Any, data: st.DataObject) -> None:
    places = list(_places(event))
    damaged = _with(event, data.draw(st.sampled_from(places)), junk)
    _understood(json.dumps(damaged))
    _understood(json.dumps({"Type": "Notification", "Message": json.dumps(damaged)}))


@quick
@given(BUCKETS, KEYS, st.booleans(), JSON)
def test_every_shape_announces_the_same(bucket: str, key: str, deleted: bool, junk: Any) -> None:
    """Whatever the key, and whatever else stands in the message."""
    name = "ObjectRemoved:Delete" if deleted else "ObjectCreated:Put"
    s3 = {"bucket": {"name": bucket, "x": junk}, "object": {"key": quote_plus(key), "x": junk}}
    notification = {"Records": [{"eventVersion": "2.99", "eventName": name, "s3": s3, "x": junk}], "x": junk}
    envelope = {"Type": "Notification", "Message": json.dumps(notification), "x": junk}
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "x": junk}, "x": junk}
    kind = "Object Deleted" if deleted else "Object Created"
    event = {"source": "aws.s3", "detail-type": kind, "detail": detail, "x": junk}
    expected = [Notice(bucket, key, deleted)]
    for message in (notification, envelope, event):
        assert list(parse(json.dumps(message))) == expected
    if not deleted:
        assert list(parse(json.dumps({"bucket": bucket, "key": key, "x": junk}))) == expected


@quick
@given(KEYS, FORMAT_NAMES, st.sampled_from(["thumbnail/", "a/b/c/", "x" * 100 + "/"]))
def test_a_result_has_a_key_that_s3_takes_outside_the_uploads(key: str, name: str, prefix: str) -> None:
    made = result_key(f"ingest/{key}"[:900], "ingest/", prefix, FORMATS[name])
    assert made.startswith(prefix)
    assert len(made.encode()) <= 1024
    assert made.lower().endswith(tuple(f".{extension}" for extension in FORMATS[name].extensions))
    assert made in result_keys(f"ingest/{key}"[:900], "ingest/", prefix)


@quick
@given(st.lists(KEYS, min_size=2, max_size=5, unique=True), FORMAT_NAMES)
def test_uploads_named_as_they_are_never_share_a_result(keys: list[str], name: str) -> None:
    format_ = FORMATS[name]
    uploads = [f"ingest/{key[:250]}{number}.{format_.extensions[0]}" for number, key in enumerate(keys)]
    assert len({result_key(upload, "ingest/", "out/", format_) for upload in uploads}) == len(uploads)


VALUES: Mapping[str, tuple[str, str]] = {
    "OUTPUT_BUCKET": ("results", "No Bucket"),
    "INGEST_PREFIX": ("uploads/", "/uploads"),
    "OUTPUT_PREFIX": ("results/", "results"),
    "DEAD_LETTER_QUEUE_URL": ("https://sqs.example/1/q", "q"),
    "QUEUE_URL": ("https://sqs.example/1/q", "ftp://q"),
    "STACK": ("pictures", "pic\ntures"),
    "RETRY_SECONDS": ("0", "-1"),
    "WIDTH": ("1", "0"),
    "HEIGHT": ("65535", "65536"),
    "QUALITY": ("100", "101"),
    "FORMAT": ("keep", "bmp2"),
    "FORMATS": ("keep,webp", "keep,keep"),
    "SUFFIXES": (".jpg,PNG", "*"),
    "MAX_BYTES": ("1", "1.5"),
    "MAX_PIXELS": ("1", "1e6"),
    "MAX_SECONDS": ("0.5", "nan"),
    "CACHE_CONTROL": ("no-store", "a\nb"),
    "BACKGROUND": ("#00ff99", "white"),
    "KEEP_METADATA": ("1", "yes"),
    "REQUIRE_SANDBOX": ("0", "no"),
}
"""A good and a bad value of each variable."""


@quick
@given(st.sets(st.sampled_from(sorted(VALUES))), st.sets(st.sampled_from(sorted(VALUES)), min_size=1))
def test_one_message_names_every_bad_variable_and_no_other(good: set[str], bad: set[str]) -> None:
    environ = {name: VALUES[name][0] for name in good} | {name: VALUES[name][1] for name in bad}
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ, "thumbnail")
    assert {name for name in VALUES if f"{name}={environ.get(name)!r}" in str(caught.value)} == bad


@quick
@given(st.sets(st.sampled_from(sorted(VALUES))))
def test_good_variables_are_good_together(good: set[str]) -> None:
    Settings.load({name: VALUES[name][0] for name in good}, "thumbnail")


@quick
@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.text() | st.integers().map(str) | st.floats().map(str)))
def test_any_environment_starts_or_is_refused(environ: dict[str, str]) -> None:
    try:
        loaded = Settings.load(environ, "thumbnail")
    except ConfigurationError:
        return
    apart = not loaded.output_prefix.startswith(loaded.ingest_prefix)
    assert apart or (loaded.output_bucket is not None and loaded.feeds_on(loaded.output_bucket))
    assert loaded.ingest_prefix == "" or not loaded.ingest_prefix.startswith(loaded.output_prefix)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    variant, limits = Variant("thumbnail", [Fit(10, 10)]), Limits(1000, 1000)
    work = f"{sandbox_work.__name__}:echo"
    with closing(Sandbox(variant, limits, max_memory=2**28, max_output=1000, work=work)) as sandbox:
        yield sandbox


NUMBERS = st.integers(-2, 20) | st.integers() | st.booleans() | st.none() | st.floats()
FILES = st.tuples(NUMBERS, st.sampled_from(["bmp", "jpeg", "heic"]) | JSON, NUMBERS, NUMBERS, NUMBERS).map(list) | JSON
ANSWERS = JSON | st.tuples(
    st.sampled_from(["made", "rejected", "failed", "out-of-memory", "x"]) | JSON,
    st.lists(FILES, max_size=3) | st.sampled_from([*Reason]) | JSON,
    st.text() | JSON,
    st.lists(st.text()) | JSON,
    st.sampled_from([["", ""], ["#102030", "3EgKFYhpaIVPh2aHVnh5dl8i9idk"]]) | JSON,
).flatmap(lambda fields: st.integers(1, 5).map(lambda count: list(fields[:count])))


@quick
@given(answer=ANSWERS)
def test_no_answer_of_a_worker_surprises_the_sandbox(sandbox: Sandbox, answer: Any) -> None:
    try:
        made = sandbox._made(answer, b"BM".ljust)
    except Rejected:
        return
    assert isinstance(made, Made)
    assert 0 < made.width <= 10
    assert 0 < made.height <= 10
    assert 0 < len(made.data) <= 1000


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*at, key))


def _with(value: Any, at: tuple[Any, ...], junk: Any) -> Any:
    if not at:
        return junk
    items = dict(value) if isinstance(value, dict) else list(value)
    items[at[0]] = _with(value[at[0]], at[1:], junk)
    return items
