"""The operating commands, typed as an operator types them, on a machine that `./deploy.sh local --keep` keeps."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from controlplane.local import aws
from integration.kit import ROOT

VARIANTS = ("clockwise", "counterclockwise", "mobile", "thumbnail", "web")
DEPLOY = str(ROOT / "deploy.sh")
PICTURES = ROOT / "tests/pictures"


@dataclass
class Kept:
    """A kept machine, and the commands on it."""

    endpoint: str
    said: str
    environment: dict[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        self.s3 = aws.client("s3", self.endpoint)
        uploads = re.search(r"s3://(\S+)/ingest/", self.said)
        results = re.search(r"Results:\s+s3://(\S+)/", self.said)
        assert uploads
        assert results
        self.uploads, self.results = uploads[1], results[1]

    def run(self, *arguments: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """A command, and that it ends with `status`."""
        done = subprocess.run(
            [DEPLOY, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert status in (None, done.returncode), f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, status: int | None = 0) -> Any:
        """What a command prints with --json: one object and nothing else."""
        return json.loads(self.run(*arguments, "--json", status=status).stdout)

    def result(self, key: str) -> dict[str, Any] | None:
        """What S3 says of a result."""
        try:
            found: dict[str, Any] = self.s3.head_object(Bucket=self.results, Key=key)
        except self.s3.exceptions.ClientError:
            return None
        return found

    def wait_for(self, key: str) -> None:
        """Wait for a result."""
        deadline = time.monotonic() + 60
        while self.result(key) is None:
            assert time.monotonic() < deadline, key
            time.sleep(0.1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Four uploads, one of them broken, their results made, and the machine still up."""
    folder = tmp_path_factory.mktemp("kept")
    pictures = folder / "album"
    pictures.mkdir()
    for name in ("rocket.jpg", "chelsea.png"):
        shutil.copy(PICTURES / name, pictures)
    Image.new("RGB", (64, 48), (200, 90, 20)).save(pictures / "a b+ü%.gif")
    (pictures / "broken.jpg").write_text("Dear diary")
    command = [DEPLOY, "local", *map(str, pictures.iterdir()), "--out", str(folder / "out"), "--keep", "--port", "0"]
    log = folder / "log"
    with log.open("w") as output:
        child = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(r"AWS_ENDPOINT_URL=(http://\S+)", log.read_text())):
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        time.sleep(0.5)  # The rest of what it says, and its first log lines on their way.
        environment = {**os.environ, **aws.CREDENTIALS, "AWS_ENDPOINT_URL": found[1]}
        yield Kept(found[1], log.read_text(), environment)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30)


def of(report: Any, name: str) -> Any:
    """One variant's part of a report."""
    (found,) = (variant for variant in report["variants"] if variant["name"] == name)
    return found


def test_status_tells_each_variant_and_that_something_is_wrong(kept: Kept) -> None:
    found = kept.json("status", status=1)
    assert found["healthy"] is False
    assert [variant["name"] for variant in found["variants"]] == list(VARIANTS)
    for variant in found["variants"]:
        assert variant.keys() == {
            "name", "queued", "in_flight", "oldest_seconds", "dead_letters", "errors", "throttles", "image",
        }  # fmt: skip
        assert (variant["queued"], variant["in_flight"], variant["oldest_seconds"]) == (0, 0, 0)
        assert variant["dead_letters"] == 1
        assert variant["errors"] == 0
        assert "@sha256:" in variant["image"]
    told = kept.run("status", status=1).stdout
    assert "5 dead letters" in told
    assert "./deploy.sh rejected" in told


def test_status_names_each_thing_that_is_wrong_and_what_to_do(kept: Kept) -> None:
    """Whatever AWS would report: a mapping switched off, a function that fails, an alarm, messages that wait."""
    functions, cloudwatch = aws.client("lambda", kept.endpoint), aws.client("cloudwatch", kept.endpoint)
    (mapping,) = functions.list_event_source_mappings(FunctionName="image-machine-web")["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    by_function = [{"Name": "FunctionName", "Value": "image-machine-mobile"}]
    failed = {"MetricName": "Errors", "Dimensions": by_function, "Value": 2.0, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[failed])
    by_queue = [{"Name": "QueueName", "Value": "image-machine-web"}]
    old = {"MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": by_queue, "Value": 7200.0, "Unit": "Seconds"}
    try:
        kept.s3.upload_file(str(PICTURES / "rocket.jpg"), kept.uploads, "ingest/waiting.jpg")
        deadline = time.monotonic() + 30
        while not of(kept.json("status", status=1), "web")["queued"]:
            assert time.monotonic() < deadline
        cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[old])
        found = kept.json("status", status=1)
        assert of(found, "mobile")["errors"] == 2
        assert of(found, "web")["queued"] == 1
        assert of(found, "web")["oldest_seconds"] == 7200
        told = "\n".join(found["problems"])
        assert "The mobile function failed 2 times in the last hour" in told
        assert "Nothing takes messages out of the queue of web" in told
        assert "The oldest message of web has waited 2 h 0 min" in told
        assert found["alarms"], "dead letters, and failures, set off the stack's alarms"
        assert all(f"The alarm {name} is going off" in told for name in found["alarms"])
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        kept.wait_for("web/waiting.jpg")
        kept.s3.delete_object(Bucket=kept.uploads, Key="ingest/waiting.jpg")
        while kept.result("web/waiting.jpg"):
            time.sleep(0.1)


def test_rejected_is_the_same_each_time_also_when_two_look_at_once(kept: Kept) -> None:
    first = kept.json("rejected")
    assert first == kept.json("rejected")
    command = [DEPLOY, "rejected", "--json"]
    both = [
        subprocess.Popen(command, env=kept.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    assert [json.loads(child.communicate(timeout=60)[0]) for child in both] == [first, first]
    assert sorted(message["variant"] for message in first["messages"]) == list(VARIANTS)
    for message in first["messages"]:
        assert message.keys() == {"variant", "reason", "detail", "source", "since"}
        assert message["reason"] == "not-an-image"
        assert message["source"] == f"s3://{kept.uploads}/ingest/broken.jpg"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", message["since"])
    assert kept.json("rejected", "web")["messages"] == [m for m in first["messages"] if m["variant"] == "web"]
    assert kept.json("rejected", "--reason", "corrupt") == {"messages": []}
    told = kept.run("rejected").stdout
    assert told.count("broken.jpg") == 1, "five rejections of one upload for one reason are one line"
    assert "all variants" in told


def test_a_deleted_result_is_found_and_made_again(kept: Kept) -> None:
    before = kept.json("audit", status=1)
    assert before["uploads"] == 4
    for variant in before["variants"]:
        counts = {"current": 3, "missing": 0, "stale": 0, "orphaned": 0, "rejected": 1}
        assert variant == {"name": variant["name"], **counts}
    assert before["repair_usd"] == 0
    kept.s3.delete_object(Bucket=kept.results, Key="web/rocket.jpg")
    lacking = kept.json("audit", status=1)
    assert of(lacking, "web")["missing"] == 1
    assert 0 < lacking["repair_usd"] < 0.001
    assert kept.json("backfill", "--dry-run")["due"] == 1
    assert kept.result("web/rocket.jpg") is None
    assert "Nobody can be asked" in kept.run("backfill", status=2).stderr
    sent = kept.json("backfill", "--yes")
    assert (sent["due"], sent["sent"], of(sent, "web")["due"]) == (1, 1, 1)
    kept.wait_for("web/rocket.jpg")
    assert kept.json("audit", status=1) == before
    assert kept.json("backfill", "--yes")["sent"] == 0


def test_another_s_object_and_an_old_format_s_result_are_orphans_and_go_only_when_asked(kept: Kept) -> None:
    kept.s3.put_object(Bucket=kept.results, Key="thumbnail/notes.txt", Body=b"mine")
    old = {"source-key": "ingest/rocket.jpg", "source-etag": "x", "recipe": "old"}
    kept.s3.put_object(Bucket=kept.results, Key="mobile/rocket.jpg.webp", Body=b"old", Metadata=old)
    found = kept.json("audit", status=1)
    assert {variant["name"]: variant["orphaned"] for variant in found["variants"] if variant["orphaned"]} == {
        "thumbnail": 1,
        "mobile": 1,
    }
    refused = kept.run("audit", "--remove-orphans", status=2)
    assert "1 result that no upload stands for and 1 object that the machine did not write" in refused.stderr
    assert "thumbnail/notes.txt" in refused.stderr
    assert kept.result("thumbnail/notes.txt")
    kept.run("audit", "--remove-orphans", "--yes", status=1)  # There still is a rejected upload.
    assert kept.result("thumbnail/notes.txt") is None
    assert kept.result("mobile/rocket.jpg.webp") is None
    assert kept.result("mobile/rocket.jpg")
    assert all(variant["orphaned"] == 0 for variant in kept.json("audit", status=1)["variants"])


@pytest.mark.parametrize("form", ["rocket.jpg", "ingest/rocket.jpg", "s3://{}/ingest/rocket.jpg"])
def test_explain_tells_results_with_revision_and_log(kept: Kept, form: str) -> None:
    found = kept.json("explain", form.format(kept.uploads))
    etag = kept.s3.head_object(Bucket=kept.uploads, Key="ingest/rocket.jpg")["ETag"].strip('"')
    assert (found["key"], found["etag"]) == ("ingest/rocket.jpg", etag)
    assert [variant["name"] for variant in found["variants"]] == list(VARIANTS)
    for variant in found["variants"]:
        assert (variant["outcome"], variant["reason"]) == ("made", None)
        (output,) = variant["outputs"]
        stored = kept.result(f"{variant['name']}/rocket.jpg")
        assert stored
        assert output["key"] == f"{variant['name']}/rocket.jpg"
        assert (output["etag"], output["recipe"]) == (etag, stored["Metadata"]["recipe"])
        assert (output["format"], output["bytes"], output["current"]) == ("jpeg", stored["ContentLength"], True)
        assert "made" in {line["said"]["outcome"] for line in variant["log"]}
        assert variant["dead_letters"] == []


def test_explain_tells_why_there_is_no_result(kept: Kept) -> None:
    found = of(kept.json("explain", "broken.jpg"), "web")
    assert (found["outcome"], found["reason"], found["outputs"]) == ("rejected", "not-an-image", [])
    assert [letter["reason"] for letter in found["dead_letters"]] == ["not-an-image"]
    assert found["log"][-1]["said"]["outcome"] == "rejected"
    unknown = kept.json("explain", "nowhere.jpg", status=1)
    assert {variant["outcome"] for variant in unknown["variants"]} == {"unknown"}


def test_redrive_sends_them_again_and_they_are_judged_again(kept: Kept) -> None:
    before = kept.json("rejected")["messages"]
    assert kept.json("redrive", "--reason", "corrupt")["variants"] == [{"name": name, "sent": 0} for name in VARIANTS]
    time.sleep(1)  # SQS's clock tells whole seconds.
    assert of(kept.json("redrive", "web"), "web") == {"name": "web", "sent": 1}
    deadline = time.monotonic() + 30
    while (after := kept.json("rejected")["messages"]) == before or len(after) < len(before):
        assert time.monotonic() < deadline
    assert [(m["variant"], m["reason"]) for m in after] == [(m["variant"], m["reason"]) for m in before]
    changed = [m["variant"] for m, earlier in zip(after, before, strict=True) if m != earlier]
    assert changed == ["web"]


def test_logs_of_all_of_one_variant_of_one_upload_and_of_what_failed(kept: Kept) -> None:
    lines = kept.json("logs", "--since", "1h")["lines"]
    outcomes = Counter((line["variant"], line["said"].get("outcome")) for line in lines if "said" in line)
    assert all(outcomes[variant, "made"] >= 3 and outcomes[variant, "rejected"] >= 1 for variant in VARIANTS)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert {line["variant"] for line in kept.json("logs", "web", "--since", "1h")["lines"]} == {"web"}
    about = kept.json("logs", "--key", "a b+ü%.gif", "--since", "1h")["lines"]
    assert {line["said"]["key"] for line in about} == {"ingest/a b+ü%.gif"}
    assert {line["variant"] for line in about} == set(VARIANTS)
    failed = kept.run("logs", "--errors", "--since", "1h").stdout
    assert "rejected: not-an-image." in failed
    assert "rocket.jpg" not in failed


def test_logs_are_followed(kept: Kept) -> None:
    command = [DEPLOY, "logs", "web", "--follow", "--since", "1s", "--json"]
    with subprocess.Popen(command, env=kept.environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        time.sleep(3)
        kept.s3.upload_file(str(PICTURES / "rocket.jpg"), kept.uploads, "ingest/followed.jpg")
        line = next(line for line in child.stdout if '"ingest/followed.jpg"' in line)
        assert json.loads(line)["said"]["outcome"] == "made"
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 130
    kept.s3.delete_object(Bucket=kept.uploads, Key="ingest/followed.jpg")


def test_cost_is_estimated_and_what_was_used_is_told(kept: Kept) -> None:
    found = kept.json("cost", "--uploads", "1000")
    assert found["uploads"] == 1000
    assert found["usd"] == pytest.approx(sum(item["usd"] for item in found["items"]), abs=1e-5)
    stored = {item["name"]: item["quantity"] for item in found["items"]}["S3, results stored"]
    assert stored == 5000
    assert {item["name"]: item["quantity"] for item in found["used"]["items"]}["S3, results stored"] >= 15


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rejected", "wob"], 'no variant "wob"'),
        (["logs", "--since", "yesterday"], "'yesterday' is no time"),
        (["explain", ""], "empty"),
        (["audit", ""], "empty"),
        (["backfill", "--variant", ""], "no variant"),
        (["explain", "s3://elsewhere/ingest/a.jpg"], "is no upload of image-machine"),
        (["backfill", "--rate", "0"], "--rate"),
    ],
)
def test_wrong_usage_is_one_sentence(kept: Kept, arguments: list[str], said: str) -> None:
    done = kept.run(*arguments, status=2)
    assert said in done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_an_account_without_the_machine_or_none_at_all_is_one_sentence(kept: Kept) -> None:
    done = kept.run("status", "--stack", "another", status=1)
    assert done.stderr.count("\n") == 1
    assert "There is no stack another" in done.stderr
    away = {**kept.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    done = subprocess.run(
        [DEPLOY, "cost", "--uploads", "10", "--json"],
        env=away,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert "cannot be reached" in done.stderr
    assert json.loads(done.stdout)["used"] is None


def test_a_backfill_killed_in_the_middle_and_run_again_makes_each_result_once(kept: Kept, tmp_path: Path) -> None:
    keys = [f"many/{number:03}.png" for number in range(60)]
    for number, key in enumerate(keys):
        Image.new("RGB", (8, 8), (4 * number, 90, 20)).save(tmp_path / "tiny.png")
        kept.s3.upload_file(str(tmp_path / "tiny.png"), kept.uploads, f"ingest/{key}")
    for key in keys:
        for variant in VARIANTS:
            kept.wait_for(f"{variant}/{key}")
    lacking = ("thumbnail", "web")
    for variant in lacking:
        for key in keys:
            kept.s3.delete_object(Bucket=kept.results, Key=f"{variant}/{key}")
    time.sleep(1.5)
    started = time.time()
    command = [DEPLOY, "backfill", "many/", "--yes", "--rate", "30"]
    with subprocess.Popen(command, env=kept.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        while sum(kept.result(f"web/{key}") is not None for key in keys[:20]) < 10:
            assert child.poll() is None, child.stdout and child.stdout.read()
        child.kill()
    left = sum(kept.result(f"{variant}/{key}") is None for variant in lacking for key in keys)
    assert 0 < left < 120
    kept.run("backfill", "many/", "--yes", "--rate", "200")
    for variant in lacking:
        for key in keys:
            kept.wait_for(f"{variant}/{key}")
    time.sleep(1.5)  # The last lines on their way.
    lines = kept.json("logs", "--since", f"{int(time.time() - started) + 1}s")["lines"]
    made = Counter(
        (line["variant"], line["said"]["key"].removeprefix("ingest/"))
        for line in lines
        if line.get("said", {}).get("outcome") == "made" and "many/" in line["said"]["key"]
    )
    assert made == Counter({(variant, key): 1 for variant in lacking for key in keys})
    counts = kept.json("audit", "many/")
    assert counts["uploads"] == 60
    assert all(variant["current"] == 60 for variant in counts["variants"])
