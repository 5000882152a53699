"""A batch of messages: each has its own outcome, and none can touch another's."""

import math
import random
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from imagemachine.announcements import Announcer, completed
from imagemachine.envelopes import Notice, parse
from imagemachine.errors import OutOfTime, Reason, Rejected, Retryable
from imagemachine.job import Job, Outcome, Remaining, Report
from imagemachine.settings import LONGEST_RETRY_SECONDS
from imagemachine.storage import Queue
from imagemachine.telemetry import Measures, emit
from imagemachine.variant import Variant

_COUNTED = Measures({"pictures": "Count"}, by=("stack", "variant", "outcome"))
_MEASURED = Measures(
    {
        "milliseconds": "Milliseconds",
        "fetch_milliseconds": "Milliseconds",
        "codec_milliseconds": "Milliseconds",
        "store_milliseconds": "Milliseconds",
        "bytes_in": "Bytes",
        "bytes_out": "Bytes",
    },
    by=("stack", "variant"),
)

DESCRIBE = {"imagemachine": "describe"}
"""The event with which an operator asks what the function makes: only what runs knows its recipe."""

_MAX_DETAIL = 2000

_AT_ONCE = 10
"""Messages: a queue's largest batch. How many pictures are held at once is bounded by the job."""


class Batch:
    """The function's handler: takes SQS events, answers which messages are to be delivered again."""

    def __init__(
        self,
        variant: Variant,
        job: Job,
        queue: Queue,
        *,
        retry_seconds: int,
        stack: str = "-",
        announcer: Announcer | None = None,
    ) -> None:
        self.variant = variant
        self.stack = stack
        self._job = job
        self._queue = queue
        self._retry_seconds = retry_seconds
        self._announcer = announcer
        # One picture is in the codec, the others are on their way to or from it: I/O is not waited for in turn.
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="picture")

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Work on all messages of `event`; the answer is SQS's partial batch response."""
        if event == DESCRIBE:
            return self._job.description()
        records = event.get("Records")
        if not isinstance(records, list) or not all("messageId" in record and "body" in record for record in records):
            raise ValueError("The event holds no SQS messages: this function is fed by a queue.")
        messages = [_Message(self, record, context) for record in records]
        # What has come in vain before goes first: pictures that take a batch's whole time hold up no other twice.
        messages.sort(key=lambda message: message.receives, reverse=True)
        done = list(self._pool.map(_Message.run, messages))
        failed = [message for message, well in zip(messages, done, strict=True) if not well]
        return {"batchItemFailures": [{"itemIdentifier": message.id} for message in failed]}

    def handle(self, message: "_Message") -> bool:
        """Work on all that one message announces; False where it is to be delivered again."""
        try:
            notices = parse(message.body)
        except Rejected as rejected:
            notices = [rejected]
        if not notices:
            message.log(None, Report(Outcome.SKIPPED, "The message is S3's test event."), time.monotonic())
        # No shortcut: every record is worked on, whatever became of those before it.
        delays = [self._record(message, notice) for notice in notices]
        again = [delay for delay in delays if delay is not None]
        if again:
            self._postpone(message, max(again))
        return not again

    def _record(self, message: "_Message", notice: Notice | Rejected) -> int | None:
        """Work on one record, and log its outcome; the seconds after which it is to come again, None where it is not.

        This is the one place where everything is caught.
        """
        start = time.monotonic()
        known = notice if isinstance(notice, Notice) else None
        later = retry_delay(self._retry_seconds, message.receives)
        try:
            report = self._job.run(notice, message.remaining) if isinstance(notice, Notice) else _rejected(notice)
            self._announce(known, report)
            delay = None if self._set_aside(message, known, report) else later
        except Retryable as trouble:
            report = Report(Outcome.RETRIED, str(trouble))
            delay = 0 if isinstance(trouble, OutOfTime) else later
        except Exception as bug:  # noqa: BLE001 - the one place: whatever happens to a picture stays with it
            emit({"level": "ERROR", "message_id": message.id, "traceback": traceback.format_exc()})
            report = Report(Outcome.RETRIED, f"Unforeseen, a bug in the machine: {type(bug).__name__}: {bug}")
            delay = later
        message.log(known, report, start)
        if report.outcome is Outcome.RETRIED:
            with suppress(Retryable):  # It was trouble enough to bring it back; it is announced again then.
                self._announce(known, report)
        return delay

    def _set_aside(self, message: "_Message", notice: Notice | None, report: Report) -> bool:
        """Whether the message is done with; one that is rejected is where it has been set aside. Raises Retryable."""
        if report.outcome is not Outcome.REJECTED:
            return True
        reason, detail = report.reason or Reason.BAD_MESSAGE, report.detail or ""
        source = notice.source if notice else "-"
        try:
            rejected = Rejected(reason, detail)
            return self._queue.set_aside(message.body, rejected, variant=self.variant.name, source=source)
        except Retryable as trouble:
            raise Retryable(f"{detail} {trouble}") from trouble

    def _announce(self, notice: Notice | None, report: Report) -> None:
        """Publish the outcome, and that it was the last one if it was. Raises Retryable."""
        if self._announcer is None:
            return
        event = {
            "bucket": notice.bucket if notice else None,
            "key": notice.key if notice else None,
            "etag": report.revision.etag if report.revision else None,
            "version": report.revision.version if report.revision else None,
            "variant": self.variant.name,
            "outcome": str(report.outcome),
            "reason": report.reason,
            "outputs": report.files,
            "recipe": self.variant.recipe,
        }
        self._announcer.publish(event)
        if notice and report.complete:
            self._announcer.publish(completed(notice, report.complete))

    def _postpone(self, message: "_Message", seconds: int) -> None:
        """Ask for the message back after `seconds`; without that it comes when its visibility ends."""
        try:
            self._queue.postpone(message.receipt_handle, seconds)
        except Retryable as trouble:
            emit({"level": "WARNING", "variant": self.variant.name, "detail": str(trouble)})


def _rejected(rejected: Rejected) -> Report:
    return Report(Outcome.REJECTED, rejected.detail, rejected.reason)


def retry_delay(first: int, receives: int) -> int:
    """Seconds until a message that failed `receives` times is tried again: `first`, then three times as long each time.

    At random between that and its half: what failed together, in one outage, does not come back together.
    Source: "Timeouts, retries, and backoff with jitter" in the Amazon Builders' Library.
    """
    longest = min(first * 3 ** min(receives - 1, 20), LONGEST_RETRY_SECONDS)
    return math.ceil(random.uniform(longest / 2, longest))  # noqa: S311 - spreads work, guards nothing


class _Message:
    """One SQS message of the batch."""

    def __init__(self, batch: Batch, record: Mapping[str, Any], context: Any) -> None:
        self._batch = batch
        self._context = context
        self.id: str = record["messageId"]
        self.body: str = record["body"]
        self.receipt_handle: str = record.get("receiptHandle", "")
        self.receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))

    def run(self) -> bool:
        return self._batch.handle(self)

    @property
    def remaining(self) -> Remaining:
        """Seconds left of the invocation, as a clock that can be asked again."""
        return lambda: self._context.get_remaining_time_in_millis() / 1000

    def log(self, notice: Notice | None, report: Report, start: float) -> None:
        made = report.made
        properties = {
            "level": "INFO" if report.outcome in (Outcome.MADE, Outcome.REMOVED, Outcome.SKIPPED) else "WARNING",
            "stack": self._batch.stack,
            "variant": self._batch.variant.name,
            "outcome": str(report.outcome),
            "reason": report.reason,
            "detail": report.detail[:_MAX_DETAIL] if report.detail else None,
            "bucket": notice.bucket if notice else None,
            "key": notice.key if notice else None,
            "output": report.output,
            "outputs": report.files if len(report.outputs) > 1 else None,
            "bytes_in": report.bytes_in,
            "bytes_out": report.bytes_out,
            "width": made.width if made else None,
            "height": made.height if made else None,
            "frames": made.frames if made else None,
            "milliseconds": round((sum(report.times.values()) or time.monotonic() - start) * 1000, 1),
            **{f"{step}_milliseconds": round(seconds * 1000, 1) for step, seconds in report.times.items()},
            "engine": made.engine if made else None,
            "notes": list(made.notes) if made else [],
            "message_id": self.id,
            "request_id": getattr(self._context, "aws_request_id", None),
            "receives": self.receives,
            "pictures": 1,
        }
        emit(properties, _COUNTED, _MEASURED)
