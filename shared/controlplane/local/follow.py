"""Waits for every outcome, also for those that no log line tells of."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus

from controlplane.local.aws import client
from controlplane.local.hosts import Stack
from controlplane.local.outcomes import MAX_RECEIVES, Outcome, Tally
from controlplane.progress import Meter
from controlplane.words import count

QUIET_SECONDS = 5.0
"""After so long without news the queues are looked at."""


def follow(tally: Tally, stack: Stack, all_sent: Callable[[], bool], meter: Meter) -> Iterator[Outcome]:
    """Yield each upload's final outcome in each variant, as they come.

    A log line tells of nearly all. A function that dies every time leaves none: its messages end in the
    dead-letter queue, and that is where they are found, once nothing else is heard and `all_sent`.
    """
    auditor = Auditor(tally, stack)
    for _ in range(tally.total):
        while (outcome := tally.next(QUIET_SECONDS)) is None:
            meter.remark(f"still waiting for {count(len(tally.pending()), 'result')}")
            if all_sent():
                auditor.look()
        yield outcome


class Auditor:
    """Looks into queues and bucket for what the log lines do not tell."""

    def __init__(self, tally: Tally, stack: Stack) -> None:
        self._tally = tally
        self._stack = stack
        self._idle: set[str] = set()
        """Variants whose queue was empty when it was last looked at."""

    @cached_property
    def _sqs(self) -> Any:
        return client("sqs", self._stack.endpoint)

    def look(self) -> None:
        """Give an outcome to each upload that has none and will get none."""
        for variant in sorted({variant for variant, _ in self._tally.pending()}):
            self._read_dead_letters(variant)
            # Twice in a row: a message on its way from the bucket to the queue is in neither for a moment.
            if not self._empty(variant):
                self._idle.discard(variant)
            elif variant not in self._idle:
                self._idle.add(variant)
            else:
                self._give_up(variant)

    def _read_dead_letters(self, variant: str) -> None:
        url = self._stack.dead_letters[variant]
        answer = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=1
        )
        for message in answer.get("Messages", []):
            for outcome in DeadLetter.read(message).outcomes(variant):
                self._tally.add(outcome)

    def _empty(self, variant: str) -> bool:
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._stack.queues[variant], AttributeNames=names)
        return not any(int(answer["Attributes"][name]) for name in names)

    def _give_up(self, variant: str) -> None:
        detail = "The message is gone from the queue, and no log line tells what came of it."
        for other, key in self._tally.pending():
            if other == variant:
                self._tally.add(Outcome(variant, key, "retried", detail=detail, receives=MAX_RECEIVES))


@dataclass(frozen=True)
class DeadLetter:
    """A message that was set aside."""

    keys: tuple[str, ...]
    reason: str | None
    detail: str

    @classmethod
    def read(cls, message: dict[str, Any]) -> "DeadLetter":
        """From a received SQS message, whose body is S3's notification, as SNS sends it or bare."""
        attributes = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
        detail = attributes.get("detail") or f"Every one of {MAX_RECEIVES} attempts failed."
        return cls(_keys(message["Body"]), attributes.get("reason"), detail)

    def outcomes(self, variant: str) -> Iterator[Outcome]:
        """What this message says of each upload that it announces."""
        kind = "rejected" if self.reason else "retried"
        for key in self.keys:
            yield Outcome(variant, key, kind, reason=self.reason, detail=self.detail, receives=MAX_RECEIVES)


def _keys(body: str) -> tuple[str, ...]:
    try:
        said = json.loads(body)
        if "Message" in said:
            said = json.loads(said["Message"])
        return tuple(unquote_plus(record["s3"]["object"]["key"]) for record in said["Records"])
    except (ValueError, KeyError, TypeError):
        return ()
