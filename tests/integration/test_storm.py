"""Any storm of faults ends as a calm run would have: the results, byte for byte, or a message in the dead-letter queue.

Whoever listens is told of each upload that survives it, once at least, that all its variants have ended; and never of
one that is older than what he was told of before.

A short storm blows on every run. A long one, as long and as often as wanted:

    tests/run.sh tests/integration/test_storm.py --uploads 5000 --seed 7

A failure is reproduced with the seed that it printed, as far as the scheduler allows.
"""

import io
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from PIL import Image, ImageDraw

from controlplane.local import aws
from imagemachine.errors import Rejected
from imagemachine.render import render
from imagemachine.variant import Fit, Limits, Turn, Variant
from integration.kit import Machine, kill, running
from integration.trouble import Storm

VARIANTS = {
    "thumbnail": Variant("thumbnail", [Fit(320, 320)], quality=80),
    "clockwise": Variant("clockwise", [Turn(90)]),
}
LIMITS = Limits(max_bytes=64 * 2**20, max_pixels=100_000_000)
SHARE = 0.05
"""Of all calls to S3 and SQS that meet trouble."""


def picture(chance: random.Random, key: str) -> bytes:
    """A small picture that is unlike all others, of a format that goes with the key; a few are broken."""
    image = Image.new("RGB", (chance.randint(1, 480), chance.randint(1, 360)), tuple(chance.randbytes(3)))
    ImageDraw.Draw(image).ellipse((5, 5, chance.randint(10, 200), chance.randint(10, 200)), tuple(chance.randbytes(3)))
    data = io.BytesIO()
    image.save(data, "jpeg" if key.endswith(("jpg", "raw")) else "png")
    body = data.getvalue()
    return body[: len(body) // 2] if chance.random() < 0.04 else body


def test_a_storm_ends_as_a_calm_run(tmp_path: Path, seed: int, request: pytest.FixtureRequest) -> None:
    uploads = request.config.getoption("--uploads")
    print(f"--uploads {uploads} --seed {seed}")
    chance = random.Random(seed)
    with running(tmp_path, list(VARIANTS), Announce="true") as machine:
        listener = Listener(machine)
        wire = Storm(seed, SHARE)
        machine.proxy.plan = wire
        with killings(machine, seed) as killed:
            final = upload_all(machine, chance, uploads, listener)
            wait_until_queues_are_empty(machine, seconds=60 + uploads)
        machine.proxy.plan = lambda method, path: None
        lost, counts, dead = audit(machine, final)
        wrong, told = listener.audit(final, dead)
    print({"on the wire": dict(wire.seen), "killed": dict(killed), "keys": dict(counts), "told": dict(told)})
    assert lost == []
    assert wrong == []
    assert counts["made"] > uploads / 3
    assert told["complete"] > uploads / 3


@dataclass
class Revision:
    """Something that a key has held, and until when; None for nothing."""

    etag: str | None
    until: float = float("inf")


class Listener:
    """Hears of all outcomes, and remembers what each key has held."""

    def __init__(self, machine: Machine) -> None:
        name = f"{machine.stack.functions[0].name.removesuffix('-' + machine.stack.functions[0].variant)}-outcomes"
        self._machine = machine
        self._queue = machine.sqs.create_queue(QueueName="heard")["QueueUrl"]
        aws.client("sns", machine.stack.endpoint).subscribe(
            TopicArn=f"arn:aws:sns:{aws.REGION}:000000000000:{name}",
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{aws.REGION}:000000000000:heard",
        )
        self._held: dict[str, list[Revision]] = {}

    def held(self, key: str, etag: str | None) -> None:
        """A key holds this from now on."""
        for revision in self._held.get(key, [])[-1:]:
            revision.until = time.time()
        self._held.setdefault(key, []).append(Revision(etag))

    def audit(self, final: dict[str, bytes | None], dead: set[str]) -> tuple[list[str], Counter[str]]:
        """What was told wrongly, or not at all; and how much was told, by outcome."""
        events = list(self._events())
        wrong: list[str] = []
        completes: dict[str, list[tuple[float, int, int]]] = {}
        for told, event in events:
            if event["outcome"] == "complete":
                key, history = event["key"], self._held[event["key"]]
                number = next(n for n, revision in enumerate(history) if revision.etag == event["etag"])
                # It was there when its last function looked, and little lies between that look and the announcement.
                if told > history[number].until + 1:
                    wrong.append(f"{key} was announced {told - history[number].until:.1f} s after it was replaced")
                completes.setdefault(key, []).append((told, event["sequence"], number))
        for key, known in completes.items():
            for order in (sorted(known), sorted(known, key=lambda each: each[1])):
                numbers = [number for _, _, number in order]
                if numbers != sorted(numbers):
                    wrong.append(f"{key} was announced after a newer one: {order}")
        for key, body in final.items():
            last = max((number for _, _, number in completes.get(key, ())), default=-1)
            if body is not None and key not in dead and last != len(self._held[key]) - 1:
                wrong.append(f"{key} has ended, and nobody was told")
        return wrong, Counter(event["outcome"] for _, event in events)

    def _events(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Everything that was told, with the time when that was."""
        while True:
            messages = self._machine.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages")
            if not messages:
                return
            for message in messages:
                self._machine.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                envelope = json.loads(message["Body"])
                yield datetime.fromisoformat(envelope["Timestamp"]).timestamp(), json.loads(envelope["Message"])


def upload_all(machine: Machine, chance: random.Random, uploads: int, listener: Listener) -> dict[str, bytes | None]:
    """Upload, overwrite, delete and announce twice, at random; what each key holds in the end, None for nothing."""
    final: dict[str, bytes | None] = {}
    for n in range(uploads):
        key = f"ingest/{n % 7}/nummer {n} ü.{chance.choice(['png', 'jpg', 'raw'])}"
        if final and chance.random() < 0.2:
            key = chance.choice(list(final))
        body = picture(chance, key)
        listener.held(key, machine.upload(key, body))
        final[key] = body
        if chance.random() < 0.1:
            key = chance.choice(list(final))
            machine.delete(key)
            listener.held(key, None)
            final[key] = None
        if chance.random() < 0.05:
            message = json.dumps({"bucket": machine.stack.source_bucket, "key": chance.choice(list(final))})
            machine.send(chance.choice(list(VARIANTS)), message)
    return final


@contextmanager
def killings(machine: Machine, seed: int) -> Iterator[Counter[str]]:
    """While the block lasts, functions and their codecs' workers die without warning, every few dozen pictures."""
    chance = random.Random(seed)
    killed: Counter[str] = Counter()
    calm = threading.Event()

    def go_on() -> None:
        due = 10
        while not calm.wait(chance.uniform(0.2, 1.0)):
            # By what was done, not by the clock: where a start takes long, they would do nothing but start.
            if len(machine.lines) < due:
                continue
            due = len(machine.lines) + chance.randint(10, 80)
            what, how = chance.choice(
                [
                    ("awslambdaric", signal.SIGKILL),
                    ("imagemachine.worker", signal.SIGSEGV),
                    ("imagemachine.worker", signal.SIGKILL),
                ]
            )
            killed[f"{what} {how.name}"] += kill(what, how)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield killed
    finally:
        calm.set()
        thread.join()


def wait_until_queues_are_empty(machine: Machine, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(machine.left, machine.variants)):
        assert time.monotonic() < deadline, {variant: machine.left(variant) for variant in machine.variants}
        time.sleep(0.2)


def audit(machine: Machine, final: dict[str, bytes | None]) -> tuple[list[str], Counter[str], set[str]]:
    """What is neither as a calm run would leave it nor in the dead-letter queue; and what became of the others.

    Last the keys that a function had no word on in the end: their messages were received too often.
    """
    lost: list[str] = []
    counts: Counter[str] = Counter()
    given_up: set[str] = set()
    for name, variant in VARIANTS.items():
        letters = machine.dead_letters(name, seconds=3)
        dead = {key for message in letters for key in keys(message["Body"])}
        given_up |= {key for letter in letters if "MessageAttributes" not in letter for key in keys(letter["Body"])}
        results = machine.results(f"{name}/")
        for key, body in final.items():
            calm = result_of(variant, body)
            stored = [result for result in results if result.startswith(key.replace("ingest/", f"{name}/", 1))]
            if [machine.result(result) for result in stored] == ([] if calm is None else [calm]):
                # A broken picture has no result, and its message has to be somewhere.
                if body is not None and calm is None and key not in dead:
                    lost.append(f"{name}: {key} was rejected and is not in the dead-letter queue")
                counts["made" if calm is not None else "rejected" if body is not None else "removed"] += 1
            elif key in dead:
                counts["dead-lettered"] += 1
            else:
                lost.append(f"{name}: {key} should be {'made' if calm else 'absent'}, and there is {stored}")
    return lost, counts, given_up


def result_of(variant: Variant, body: bytes | None) -> bytes | None:
    if body is None:
        return None
    try:
        return render(variant, body, LIMITS).data
    except Rejected:
        return None


def keys(body: str) -> Iterator[str]:
    said = json.loads(body)
    if "key" in said:
        yield said["key"]
        return
    for record in json.loads(said["Message"])["Records"]:
        yield unquote_plus(record["s3"]["object"]["key"])
