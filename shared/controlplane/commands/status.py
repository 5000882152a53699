"""`./deploy.sh status`: how a machine is doing."""

import signal

import click

from controlplane import output
from controlplane.machine import Machine
from controlplane.operating.meters import Status, VariantStatus, status
from controlplane.operating.watching import Watched
from controlplane.options import json_option, on_machine
from controlplane.page.server import Server
from controlplane.words import duration

DEFAULT_PORT = 4567
"""Of the page: the same as a kept machine's, next to the port of the machine itself."""

_DIGEST = 12


@click.command(
    help="""\
How the machine is doing, per variant: messages queued and in flight, how long the oldest has waited, dead letters,
failures and throttles of the function in the last hour, and the image that runs; and the alarms that are going off.

With --page, a page on this computer shows the machine drawn and its counts as they change, until Ctrl-C; it can do
nothing to it.

Exit status: 0 all is well; 1 something is wrong, and a sentence says what and what to do; 2 wrong usage."""
)
@json_option
@click.option("--page", is_flag=True, help="Show it on a page, as it changes, until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, metavar="N", help=f"Of the page ({DEFAULT_PORT})."
)
@on_machine
def command(machine: Machine, port: int, *, page: bool, as_json: bool) -> int:
    """Prints it, or has it shown."""
    if page:
        return _shown(machine, port)
    found = status(machine)
    if as_json:
        output.json_object(found.as_json())
    else:
        _print(machine, found)
    return 0 if found.healthy else 1


def _shown(machine: Machine, port: int) -> int:
    """The page, for as long as nobody ends it."""
    with Server(Watched(machine), None, port) as server:
        output.result(f"{machine.name} in {machine.region}: {server.url}, until Ctrl-C.")
        signal.pause()
    return 0


def _print(machine: Machine, found: Status) -> None:
    output.result(
        f"{machine.name} in {machine.region}: uploads s3://{machine.source_bucket}/{machine.ingest_prefix}, "
        f"results s3://{machine.output_bucket}/\n"
    )
    heads = ["", "queued", "in flight", "oldest", "dead letters", "errors/h", "throttles/h", "image"]
    output.table(heads, [_row(variant) for variant in found.variants])
    output.result("")
    output.result("\n".join(found.problems) or "All is well.")


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
