"""The counts of a local machine's queues, for the page."""

from botocore.exceptions import BotoCoreError, ClientError

from controlplane.local.aws import client
from controlplane.local.hosts import Stack
from controlplane.local.machine import STACK_NAME
from controlplane.local.uploads import INGEST
from controlplane.operating.meters import depths
from controlplane.page.source import Counts, Machine, SourceError, State


class Queues:
    """A page.source.Source."""

    pause = 0.4

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sqs = client("sqs", stack.endpoint)
        self.machine = Machine(
            name=STACK_NAME,
            where=stack.endpoint,
            uploads=f"s3://{stack.source_bucket}/{INGEST}",
            results=f"s3://{stack.output_bucket}/",
            variants=tuple(stack.queues),
        )

    def look(self) -> State:
        """The queues as they are now. Raises SourceError."""
        try:
            return State(tuple(self._counts(variant) for variant in self._stack.queues))
        except (BotoCoreError, ClientError) as error:
            raise SourceError(f"The machine's queues do not answer: {error}") from error

    def _counts(self, variant: str) -> Counts:
        queued, in_flight = depths(self._sqs, self._stack.queues[variant])
        return Counts(variant, queued, in_flight, sum(depths(self._sqs, self._stack.dead_letters[variant])))
