"""Dead letters sent back to their queues: sent first, then taken out, so that an interruption loses none."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.batches import batches
from controlplane.operating.letters import Letter, Look
from controlplane.operating.sending import BATCH, send

_SECOND = timedelta(seconds=1)


def redrive(
    machine: Machine,
    variant: DeployedVariant,
    wanted: Callable[[Letter], bool],
    sent: Callable[[int], None] = lambda _number: None,
) -> Counter[str]:
    """Send the letters of `variant` that are `wanted` back to its queue; how many there were, by reason.

    SQS's own redrive refuses messages that a function sent there. A letter that is written while this goes on is
    left alone: what is rejected again is not sent again. `sent` hears of each batch. Raises Failure, ClientError.
    """
    sqs = machine.clients["sqs"]
    started = _now(sqs, variant.dead_letter_url)
    bodies: set[bytes] = set()

    def due(letter: Letter) -> bool:
        # SQS's clock tells whole seconds. Of what was written in this one, it may be that this has sent it already.
        if letter.since < started or (letter.since < started + _SECOND and _digest(letter) not in bodies):
            return wanted(letter)
        return False

    reasons: Counter[str] = Counter()
    with Look(sqs, variant.dead_letter_url, variant.name) as look:
        for shown in look.received():
            for some in batches(filter(due, shown), BATCH):
                send(sqs, variant.queue_url, [letter.body for letter in some])
                bodies.update(map(_digest, some))
                look.take_out(some)
                reasons.update(letter.reason for letter in some)
                sent(len(some))
    return reasons


def _digest(letter: Letter) -> bytes:
    return sha256(letter.body.encode(errors="surrogatepass")).digest()


def _now(sqs: Any, url: str) -> datetime:
    """The time by SQS's clock, by which letters are dated, in whole seconds; by this computer's where it tells none."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)
