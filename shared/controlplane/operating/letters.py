"""The dead letters: looked at without being taken out, and by several at once without hiding any from another.

SQS shows a message only to who receives it, and then hides it for a while. So all are received, hidden just until
all have been seen, and given back. Two who look at the same time hide some from one another for that moment: each
gives back what it holds when it finds no more, and looks again until it has seen as many as there are.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from controlplane.operating.batches import batches
from imagemachine.envelopes import Notice, parse
from imagemachine.errors import Rejected

RETRIED_OUT = "retried-out"
"""The reason of a message that no function set aside: SQS did, when every attempt had failed."""
UNDELIVERED = "undelivered"
"""The reason of a message that SNS could not put into the variant's queue."""

_BATCH = 10
"""Messages in one request, at most."""
_AT_ONCE = 8
_HIDDEN_SECONDS = 30
_SLOWEST = 50
"""Messages a second: with more letters than can be seen in time they have to be hidden for longer."""
_LONGEST_SECONDS = 43_200
_PATIENCE_SECONDS = 3.0
"""How long to look on where there seem to be more and nobody holds them: the queue's counts are approximate."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in a variant's dead-letter queue."""

    variant: str
    reason: str
    detail: str
    source: str
    """The upload's S3 URI, or `-` where the message names none."""
    since: datetime
    """When it was set aside; of one that SQS set aside, when it was first sent."""
    notices: tuple[Notice, ...]
    body: str
    id: str
    handle: str

    @classmethod
    def read(cls, variant: str, message: Mapping[str, Any]) -> "Letter":
        """From a message as SQS gives it, with all its attributes."""
        said = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
        notices = _notices(message["Body"])
        reason, detail = _why(said)
        return cls(
            variant=said.get("variant", variant),
            reason=reason,
            detail=detail,
            source=said.get("source") or (notices[0].source if notices else "-"),
            since=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
            notices=notices,
            body=message["Body"],
            id=message["MessageId"],
            handle=message["ReceiptHandle"],
        )


def _why(said: Mapping[str, str]) -> tuple[str, str]:
    if "reason" in said:
        return said["reason"], said.get("detail", "")
    if "ErrorCode" in said:
        return UNDELIVERED, f"SNS could not deliver it: {said.get('ErrorMessage') or said['ErrorCode']}"
    return RETRIED_OUT, "Every attempt failed for a reason that might have passed: the log says which."


def _notices(body: str) -> tuple[Notice, ...]:
    try:
        return tuple(notice for notice in parse(body) if isinstance(notice, Notice))
    except Rejected:
        return ()


class Look:
    """One look into a dead-letter queue; what it was shown lies there again when it ends, unless taken out."""

    def __init__(self, sqs: Any, url: str, variant: str) -> None:
        self._sqs = sqs
        self._url = url
        self._variant = variant
        self._held: dict[str, str] = {}
        """Receipt handles by message id."""
        self._seen: set[str] = set()
        self.unseen = 0
        """How many there seem to be that it was not shown: another is looking at them, or they come and go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def letters(self) -> Iterator[Letter]:
        """Each letter once."""
        for some in self.received():
            yield from some

    def received(self) -> Iterator[list[Letter]]:
        """Each letter once, in lists as they come; those of the last list are held until the next is asked for."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            quiet_since = time.monotonic()
            while True:
                before, _ = self._count()
                for some in self._round(pool, before):
                    quiet_since = time.monotonic()
                    yield [Letter.read(self._variant, message) for message in some]
                self._give_back()
                after, elsewhere = self._count()
                # The lower of the two: right after it, SQS may count what was given back as hidden and as there.
                self.unseen = max(0, min(before, after) - len(self._seen))
                patience = _PATIENCE_SECONDS + (_HIDDEN_SECONDS if elsewhere else 0)
                if not self.unseen or time.monotonic() - quiet_since > patience:
                    return
                time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - so that two do not keep step

    def take_out(self, letters: Sequence[Letter]) -> None:
        """Delete letters of the last list."""
        for some in batches(letters, _BATCH):
            entries = [{"Id": str(number), "ReceiptHandle": letter.handle} for number, letter in enumerate(some)]
            failed = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", [])
            kept = {some[int(entry["Id"])].id for entry in failed}
            for letter in some:
                if letter.id not in kept:
                    self._held.pop(letter.id, None)
                    self._seen.discard(letter.id)

    def _round(self, pool: ThreadPoolExecutor, there: int) -> Iterator[list[dict[str, Any]]]:
        """Receive until no more come, or only what came before; those that were not seen in an earlier round."""
        hidden = min(_HIDDEN_SECONDS + there // _SLOWEST, _LONGEST_SECONDS)
        some = min(_AT_ONCE, 1 + there // (4 * _BATCH))
        came: set[str] = set()
        while True:
            received = [message for answer in pool.map(self._receive, [hidden] * some) for message in answer]
            new = {message["MessageId"] for message in received} - came
            if not new:
                return
            came |= new
            fresh = [message for message in received if message["MessageId"] not in self._seen]
            self._seen.update(message["MessageId"] for message in fresh)
            if fresh:
                yield fresh

    def _receive(self, hidden: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=hidden,
            WaitTimeSeconds=1,  # A short poll asks only some of SQS's servers.
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        # Here, where nothing can come in between: what is not known to be held is not given back.
        self._held.update((message["MessageId"], message["ReceiptHandle"]) for message in messages)
        return messages

    def _count(self) -> tuple[int, int]:
        """How many letters there are in all, and how many of them somebody else holds."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        visible, hidden = (int(told[name]) for name in names)
        return visible + hidden, max(0, hidden - len(self._held))

    def _give_back(self) -> None:
        """Make all that is held visible again; what cannot be is so by itself a little later."""
        held = list(self._held.values())
        self._held.clear()
        for some in batches(held, _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(some)
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def grouped(letters: Iterable[Letter]) -> dict[tuple[str, str], list[Letter]]:
    """The letters by reason and detail, the largest group first."""
    groups: dict[tuple[str, str], list[Letter]] = {}
    for letter in letters:
        groups.setdefault((letter.reason, letter.detail), []).append(letter)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))
