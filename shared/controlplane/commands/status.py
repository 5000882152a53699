"""`./deploy.sh status`: how a machine is doing."""

import click

from controlplane import output
from controlplane.machine import Machine
from controlplane.operating.meters import Status, VariantStatus, status
from controlplane.options import json_option, on_machine
from controlplane.words import duration

_DIGEST = 12


@click.command(
    help="""\
How the machine is doing, per variant: messages queued and in flight, how long the oldest has waited, dead letters,
failures and throttles of the function in the last hour, and the image that runs; and the alarms that are going off.

Exit status: 0 all is well; 1 something is wrong, and a sentence says what and what to do; 2 wrong usage."""
)
@json_option
@on_machine
def command(machine: Machine, *, as_json: bool) -> int:
    """Prints it."""
    found = status(machine)
    if as_json:
        output.json_object(found.as_json())
    else:
        _print(machine, found)
    return 0 if found.healthy else 1


def _print(machine: Machine, found: Status) -> None:
    heads = ["", "queued", "in flight", "oldest", "dead letters", "errors/h", "throttles/h", "image"]
    output.table(heads, [_row(variant) for variant in found.variants])
    output.result("")
    output.result("\n".join(found.problems) or f"All is well with {machine.name} in {machine.region}.")


def _row(variant: VariantStatus) -> list[str]:
    age = variant.oldest_seconds
    return [
        variant.name,
        f"{variant.queued:,}",
        f"{variant.in_flight:,}",
        "?" if age is None else duration(age) if age else "-",
        f"{variant.dead_letters:,}",
        f"{variant.errors:,}",
        f"{variant.throttles:,}",
        variant.image.rpartition("sha256:")[2][:_DIGEST],
    ]
