"""A deployed machine as the page shows it: read-only, and asked only while somebody looks."""

from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from controlplane.account import sentence
from controlplane.machine import Machine
from controlplane.operating.meters import VariantStatus, status
from controlplane.page import source
from controlplane.words import count

PAUSE_SECONDS = 10.0
"""The metrics of one look at five variants cost US$ 0.00015: five cents for an hour of looking."""


class Watched:
    """A page.source.Source."""

    pause = PAUSE_SECONDS

    def __init__(self, machine: Machine) -> None:
        self._machine = replace(machine, clients=machine.clients.impatient())
        self.machine = source.Machine(
            name=machine.name,
            where=f"account {machine.account}, {machine.region}",
            uploads=f"s3://{machine.source_bucket}/{machine.ingest_prefix}",
            results=f"s3://{machine.output_bucket}/",
            variants=tuple(variant.name for variant in machine.variants),
        )

    def look(self) -> source.State:
        """The machine as `status` has it. Raises SourceError."""
        try:
            found = status(self._machine)
        except (BotoCoreError, ClientError) as error:
            raise source.SourceError(sentence(error)) from error
        return source.State(tuple(map(_counts, found.variants)), found.problems)


def _counts(variant: VariantStatus) -> source.Counts:
    trouble = []
    if variant.errors:
        trouble.append(f"{count(variant.errors, 'failure')} in the last hour.")
    if variant.throttles:
        trouble.append(f"{count(variant.throttles, 'throttle')} in the last hour.")
    return source.Counts(
        variant.name,
        variant.queued,
        variant.in_flight,
        variant.dead_letters,
        oldest_seconds=variant.oldest_seconds,
        trouble=" ".join(trouble) or None,
    )
