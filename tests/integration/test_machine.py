"""The whole machine, bucket to bucket, with the real functions of all variants."""

import io
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from integration.kit import Machine, kill, running
from integration.trouble import Trouble

EVENTS = Path(__file__).parents[1] / "events"
PICTURES = Path(__file__).parents[1] / "pictures"
PHOTOGRAPH = (PICTURES / "rocket.jpg").read_bytes()
DOOMED = "ingest/doomed.jpg"


def picture(shade: int, size: tuple[int, int] = (40, 30)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(data, "png")
    return data.getvalue()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running(tmp_path_factory.mktemp("machine")) as up:
        # Its three receives take a while: begun now, it is looked at by the last test.
        up.proxy.plan = doom
        up.upload(DOOMED, picture(1))
        yield up


def doom(method: str, path: str) -> Trouble | None:
    return Trouble.INTERNAL_ERROR if method == "GET" and path.endswith("doomed.jpg") else None


@pytest.fixture
def key() -> str:
    """A fresh folder below ingest/, with a picture's name."""
    return f"ingest/{uuid4().hex[:8]}/picture.png"


def test_a_photograph_comes_back_five_times(machine: Machine) -> None:
    machine.upload("ingest/holiday/rocket.jpg", PHOTOGRAPH)
    machine.wait_for("ingest/holiday/rocket.jpg", "made")
    sizes = {}
    for variant in machine.variants:
        answer = machine.head(f"{variant}/holiday/rocket.jpg")
        assert answer["ContentType"] == "image/jpeg"
        with Image.open(io.BytesIO(machine.result(f"{variant}/holiday/rocket.jpg"))) as result:
            sizes[variant] = result.size
        (line,) = machine.outcomes("ingest/holiday/rocket.jpg", variant)
        assert (line["width"], line["height"]) == sizes[variant]
        assert line["output"] == f"{variant}/holiday/rocket.jpg"
        assert line["bytes_in"] == len(PHOTOGRAPH)
    expected = {
        "clockwise": (427, 640),
        "counterclockwise": (427, 640),
        "thumbnail": (320, 214),
        "web": (640, 427),
        "mobile": (640, 427),
    }
    assert {variant: sizes[variant] for variant in expected} == expected


@pytest.mark.parametrize(
    "name",
    [
        "a b+c%20d & e=f?.png",
        "Bücher/日本語/ñandú 🦙.png",
        "a/b/c/d/e.png",
        "same/cat.png",
        "other/cat.png",
        " leading and trailing /x.png",
        "%2e%2e/100%.png",
        "e\u0301 decomposed.png",
    ],
)
def test_keys_of_every_kind(machine: Machine, name: str) -> None:
    etag = machine.upload(f"ingest/{name}", picture(len(name)))
    machine.wait_for(f"ingest/{name}", "made")
    for variant in machine.variants:
        assert machine.head(f"{variant}/{name}")["Metadata"]["source-etag"] == etag


def test_a_key_of_1024_bytes(machine: Machine) -> None:
    key = "ingest/" + "é" * 506 + "x.png"
    assert len(key.encode()) == 1024
    etag = machine.upload(key, picture(9))
    machine.wait_for(key, "made")
    outputs = {line["output"] for line in machine.outcomes(key)}
    assert len(outputs) == len(machine.variants)
    for output in outputs:
        assert machine.head(output)["Metadata"]["source-etag"] == etag


@pytest.mark.parametrize(
    "name",
    [
        "sns-created.json",
        "s3-created.json",
        "s3-created-twice.json",
        "eventbridge-created.json",
        "bucket-and-key.json",
    ],
)
def test_every_shape_of_message_makes_the_same(machine: Machine, name: str) -> None:
    upload = "ingest/holiday/Café 50% + a.jpg"
    machine.upload(upload, PHOTOGRAPH)
    machine.upload("ingest/b.png", picture(3))
    machine.wait_for(upload, "made")
    before = len(machine.outcomes(upload, "thumbnail"))
    message = (EVENTS / name).read_text()
    for quote in ('"', '\\"'):
        message = message.replace(f"{quote}photos{quote}", f"{quote}{machine.stack.source_bucket}{quote}")
    machine.send("thumbnail", message)
    machine.wait_for(upload, "made", ["thumbnail"], times=before + 1)


def test_a_batch_of_ten_with_one_bad_picture(machine: Machine) -> None:
    folder = f"ingest/{uuid4().hex[:8]}"
    keys = [f"{folder}/{n}.png" for n in range(10)]
    for n, key in enumerate(keys):
        machine.upload(key, picture(n) if n != 4 else picture(n)[:-30])
    for n, key in enumerate(keys):
        machine.wait_for(key, "made" if n != 4 else "rejected")
    for variant in machine.variants:
        assert len(machine.results(f"{variant}/{folder.removeprefix('ingest/')}/")) == 9
        (dead,) = machine.dead_letters(variant, keys[4])
        attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
        assert attributes.pop("detail")
        assert attributes == {
            "reason": "corrupt",
            "variant": variant,
            "source": f"s3://{machine.stack.source_bucket}/{keys[4]}",
        }


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("not-an-image", b"Dear diary, today I uploaded a text."),
        ("empty", b""),
        ("corrupt", PHOTOGRAPH[: len(PHOTOGRAPH) // 2]),
        ("unsupported-format", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"),
    ],
)
def test_a_hopeless_upload_is_set_aside_on_its_first_receive(
    machine: Machine, key: str, reason: str, body: bytes
) -> None:
    machine.upload(key, body)
    machine.wait_for(key, "rejected")
    for variant in machine.variants:
        (line,) = machine.outcomes(key, variant)
        assert (line["reason"], line["receives"]) == (reason, 1)
        (dead,) = machine.dead_letters(variant, key)
        assert dead["MessageAttributes"]["reason"]["StringValue"] == reason
        assert dead["MessageAttributes"]["detail"]["StringValue"] == line["detail"]
        assert json.loads(json.loads(dead["Body"])["Message"])["Records"][0]["s3"]["bucket"]


def test_a_bomb_is_refused_by_its_header(machine: Machine, key: str) -> None:
    data = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(data, "png")
    machine.upload(key, data.getvalue())
    machine.wait_for(key, "rejected")
    assert {line["reason"] for line in machine.outcomes(key)} == {"too-many-pixels"}
    for variant in machine.variants:
        (dead,) = machine.dead_letters(variant, key)
        assert dead["MessageAttributes"]["reason"]["StringValue"] == "too-many-pixels"


@pytest.mark.parametrize("name", ["s3-test-event.json", "sns-test-event.json"])
def test_a_test_event_is_nothing_to_do(machine: Machine, name: str) -> None:
    before = len(machine.outcomes(None, "web"))
    machine.send("web", (EVENTS / name).read_text())
    machine.wait(lambda: len(machine.outcomes(None, "web")) > before)
    assert machine.outcomes(None, "web")[-1]["outcome"] == "skipped"


def test_a_message_that_makes_no_sense_is_set_aside(machine: Machine) -> None:
    machine.send("web", "hello?")
    (dead,) = machine.dead_letters("web", "hello?")
    assert dead["Body"] == "hello?"
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "bad-message"


def test_a_duplicate_changes_nothing(machine: Machine, key: str) -> None:
    machine.upload(key, picture(5))
    machine.wait_for(key, "made")
    before = machine.results()
    body = json.dumps({"bucket": machine.stack.source_bucket, "key": key})
    for variant in machine.variants:
        machine.send(variant, body)
        machine.send(variant, body)
    machine.wait_for(key, "made", times=3)
    assert machine.results() == before


def test_an_upload_overwritten_while_it_is_worked_on_ends_as_the_newest(machine: Machine, key: str) -> None:
    with machine.proxy.hold("PUT", f"/mobile/{key.removeprefix('ingest/')}") as hold:
        machine.upload(key, picture(1))
        assert hold.arrived.wait(30)
        newest = machine.upload(key, picture(2))
        hold.release()
        machine.wait_for(key, "made", times=2)
    for variant in machine.variants:
        assert machine.results(f"{variant}/{key.removeprefix('ingest/')}") == {
            key.replace("ingest", variant): newest,
        }


def test_an_upload_deleted_while_it_is_worked_on_leaves_nothing(machine: Machine, key: str) -> None:
    with machine.proxy.hold("PUT", f"/mobile/{key.removeprefix('ingest/')}") as hold:
        machine.upload(key, picture(1))
        assert hold.arrived.wait(30)
        machine.delete(key)
        hold.release()
        machine.wait_for(key, "removed")
    for variant in machine.variants:
        assert machine.results(f"{variant}/{key.removeprefix('ingest/')}") == {}


def test_a_deleted_upload_takes_its_results_with_it(machine: Machine, key: str) -> None:
    machine.upload(key, picture(1))
    machine.wait_for(key, "made")
    machine.delete(key)
    machine.wait_for(key, "removed")
    for variant in machine.variants:
        assert machine.results(f"{variant}/{key.removeprefix('ingest/')}") == {}


@pytest.mark.parametrize("moment", ["before it stored", "between storing and answering"])
def test_a_function_that_is_killed_loses_nothing(machine: Machine, key: str, moment: str) -> None:
    method, path = ("PUT", "/web/") if moment == "before it stored" else ("HEAD", "/ingest/")
    with machine.proxy.hold(method, f"{path}.*{key.split('/')[1]}") as hold:
        etag = machine.upload(key, picture(1))
        assert hold.arrived.wait(30)
        kill("awslambdaric", signal.SIGKILL)
        hold.release()
        machine.wait_for(key, "made", ["web"])
    machine.wait_for(key, "made")
    assert max(line["receives"] for line in machine.outcomes(key)) > 1
    for variant in machine.variants:
        assert machine.head(key.replace("ingest", variant, 1))["Metadata"]["source-etag"] == etag


def test_after_three_receives_a_message_is_set_aside(machine: Machine) -> None:
    machine.wait_for(DOOMED, "retried", times=3)
    for variant in machine.variants:
        assert [line["receives"] for line in machine.outcomes(DOOMED, variant)] == [1, 2, 3]
        (dead,) = machine.dead_letters(variant, DOOMED)
        assert "MessageAttributes" not in dead


def test_nothing_is_left_in_any_queue(machine: Machine) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(map(machine.left, machine.variants)):
        time.sleep(0.2)
    assert {variant: machine.left(variant) for variant in machine.variants} == dict.fromkeys(machine.variants, 0)
