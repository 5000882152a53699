"""Any storm of faults ends as a calm run would have: the results, byte for byte, or a message in the dead-letter queue.

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
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from PIL import Image, ImageDraw

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


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    chosen = request.config.getoption("--seed")
    return int(chosen) if chosen is not None else random.SystemRandom().randrange(10**6)


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
    with running(tmp_path, list(VARIANTS)) as machine:
        wire = Storm(seed, SHARE)
        machine.proxy.plan = wire
        with killings(machine, seed) as killed:
            final = upload_all(machine, chance, uploads)
            wait_until_queues_are_empty(machine, seconds=60 + uploads)
        machine.proxy.plan = lambda method, path: None
        lost, counts = audit(machine, final)
    print({"on the wire": dict(wire.seen), "killed": dict(killed), "keys": dict(counts)})
    assert lost == []
    assert counts["made"] > uploads / 3


def upload_all(machine: Machine, chance: random.Random, uploads: int) -> dict[str, bytes | None]:
    """Upload, overwrite, delete and announce twice, at random; what each key holds in the end, None for nothing."""
    final: dict[str, bytes | None] = {}
    for n in range(uploads):
        key = f"ingest/{n % 7}/nummer {n} ü.{chance.choice(['png', 'jpg', 'raw'])}"
        if final and chance.random() < 0.2:
            key = chance.choice(list(final))
        body = picture(chance, key)
        machine.upload(key, body)
        final[key] = body
        if chance.random() < 0.1:
            key = chance.choice(list(final))
            machine.delete(key)
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


def audit(machine: Machine, final: dict[str, bytes | None]) -> tuple[list[str], Counter[str]]:
    """What is neither as a calm run would leave it nor in the dead-letter queue; and what became of the others."""
    lost: list[str] = []
    counts: Counter[str] = Counter()
    for name, variant in VARIANTS.items():
        dead = {key for message in machine.dead_letters(name, seconds=3) for key in keys(message["Body"])}
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
    return lost, counts


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
