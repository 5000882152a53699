"""A batch of ten in which one picture sleeps for ever and one kills its process: the other eight are made, in time."""

import time
from contextlib import closing

import pytest

from imagemachine.batch import Batch
from imagemachine.job import Job
from imagemachine.sandbox import Sandbox
from imagemachine.settings import Settings
from imagemachine.storage import Queue, Storage
from imagemachine.variant import Limits
from integration.test_batch import VARIANT, Context, Machine, lines, machine

__all__ = ["machine"]

MIB = 2**20
MAX_SECONDS = 2.0


@pytest.mark.parametrize(("killer", "signal"), [(b"segfault", "SIGSEGV"), (b"abort", "signal SIG")])
def test_eight_are_made(
    machine: Machine,
    capsys: pytest.CaptureFixture[str],
    killer: bytes,
    signal: str,
) -> None:
    settings = Settings.load({"MAX_SECONDS": str(MAX_SECONDS)}, VARIANT.name)
    limits = Limits(max_bytes=MIB, max_pixels=10**6)
    queue = Queue(lambda: machine.sqs, url=machine.queue, dead_letter_url=machine.dead_letters)
    orders = [b"BM good %d" % n for n in range(10)]
    orders[2], orders[6] = b"hang", killer
    event = machine.deliver(*(machine.upload(f"ingest/{n}.bmp", order) for n, order in enumerate(orders)))

    with closing(Sandbox(VARIANT, limits, max_memory=512 * MIB, work="unit.sandbox_work:obey")) as sandbox:
        job = Job(VARIANT, settings, Storage(machine.s3, cache_control="no-store"), sandbox)
        batch = Batch(VARIANT, job, queue, retry_seconds=0)
        assert sandbox.notes == ()
        start = time.monotonic()
        assert batch(event, Context()) == {"batchItemFailures": []}
        assert time.monotonic() - start < MAX_SECONDS + 8

    outcomes = {line["key"]: (line["outcome"], line["reason"]) for line in lines(capsys)}
    assert outcomes.pop("ingest/2.bmp") == ("rejected", "too-slow")
    assert outcomes.pop("ingest/6.bmp") == ("rejected", "crashed")
    assert set(outcomes.values()) == {("made", None)}
    assert len(outcomes) == 8
    said = {letter["MessageAttributes"]["reason"]["StringValue"]: letter for letter in machine.set_aside()}
    assert set(said) == {"too-slow", "crashed"}
    assert signal in said["crashed"]["MessageAttributes"]["detail"]["StringValue"]
