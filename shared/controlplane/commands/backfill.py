"""`./deploy.sh backfill`: work for what is missing or stale."""

from collections.abc import Mapping
from typing import Any

import click

from controlplane import output
from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.addresses import path_below
from controlplane.operating.auditing import Audit, rejected
from controlplane.operating.meters import objects_about
from controlplane.operating.recipes import wanted
from controlplane.operating.repairing import LACKING, RATE, Survey, dollars, send_due, survey, wait_for_quiet
from controlplane.operating.results import State
from controlplane.options import json_option, on_machine, yes_option
from controlplane.progress import Meter
from controlplane.signals import stop_on_signals
from controlplane.words import count, duration
from controlplane.words import dollars as price

quick_option = click.option(
    "--quick",
    is_flag=True,
    help="Only list, by dates: what is older than its upload is stale; every recipe is taken to be the deployed one.",
)
rate_option = click.option(
    "--rate",
    type=click.FloatRange(min=0.1, max=10_000),
    default=RATE,
    metavar="N",
    help=f"At most so many messages a second ({RATE:.0f}); no queue gets longer than ten seconds of it.",
)


@click.command(
    help="""\
Sends work for uploads whose results are missing or stale, to the variants that lack them: after a new variant, a
changed one, or for pictures that were there before the machine. First it says how much there is and what it costs, and
asks. It sends at a bounded rate and keeps the queues short, so that fresh uploads hardly wait. It can be interrupted
and run again: what has become current meanwhile is not made again. PREFIX is the beginning of the uploads' keys.

What was rejected is left alone: `redrive` sends it again. Exit status: 0 all is sent, or nothing was to be done."""
)
@click.argument("prefix", required=False)
@click.option("--variant", metavar="VARIANT", help="Only this variant's results.")
@click.option("--missing", "which", flag_value="missing", help="Only results that are missing.")
@click.option("--stale", "which", flag_value="stale", help="Only results of another revision or another recipe.")
@click.option("--all", "which", flag_value="all", help="All results, also those that are current.")
@click.option("--dry-run", is_flag=True, help="Only say how much there is and what it costs.")
@rate_option
@quick_option
@yes_option
@json_option
@on_machine
def command(
    machine: Machine,
    *,
    prefix: str | None,
    variant: str | None,
    which: str | None,
    dry_run: bool,
    rate: float,
    quick: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Audits, asks, sends."""
    stop_on_signals()
    due = {
        None: LACKING,
        "missing": frozenset({State.MISSING}),
        "stale": frozenset({State.STALE}),
        "all": LACKING | {State.CURRENT},
    }[which]
    variants = machine.chosen(variant)
    if not dry_run:
        quiet(machine, variants)
    with surveyed(machine, variants, prefix, due, quick=quick) as found:
        sent = 0
        if not as_json:
            output.result(told(machine, found, rate))
        if not dry_run and found.due and output.confirmed("Send it?", yes=yes):
            sent = sent_all(machine, found, rate)
        if as_json:
            output.json_object(_as_json(machine, found, sent))
        elif dry_run or not sent:
            output.result("Nothing was sent.")
    return 0


def quiet(machine: Machine, variants: tuple[DeployedVariant, ...]) -> None:
    """Let the queues do what they hold: it would be taken for missing, and made twice."""
    with Meter("message") as meter:
        if not wait_for_quiet(
            machine, variants, lambda left: meter.remark(f"waiting until {left:,} messages are done")
        ):
            output.note("The queues do not become empty: what they hold counts as missing, and may be made twice.")


def surveyed(
    machine: Machine, variants: tuple[DeployedVariant, ...], prefix: str | None, due: frozenset[State], *, quick: bool
) -> Survey:
    """What there is to be done. Raises Failure, UsageError, ClientError."""
    below = "" if prefix is None else path_below(machine, prefix)
    audit = Audit(machine, wanted(machine, variants), rejected(machine, variants), below=below, quick=quick)
    # Of a part nobody has counted how large it is.
    with Meter("upload", None if below else objects_about(machine)) as meter:
        return survey(audit, [variant.name for variant in variants], due, meter.reached)


def told(machine: Machine, found: Survey, rate: float) -> str:
    """How much there is to send and what it costs."""
    number = len(found.due)
    if not number:
        return f"{count(found.uploads, 'upload')}: nothing is to be made."
    each = ", ".join(f"{number:,} {name}" for name, number in sorted(found.due.counts.items()))
    return (
        f"{count(found.uploads, 'upload')}: {count(number, 'result')} to be made ({each}), for "
        f"{price(dollars(machine, found.due.counts))}, in {duration(number / rate)} or more at {rate:g} a second."
    )


def sent_all(machine: Machine, found: Survey, rate: float) -> int:
    """Send what is due; how many messages."""
    with Meter("message", len(found.due)) as meter:
        try:
            send_due(
                machine,
                found.due,
                rate,
                meter.add,
                lambda variant, depth: meter.remark(f"waiting for {variant}, which has {depth:,} in its queue"),
            )
        except BaseException:
            output.note(f"{meter.number:,} of {count(len(found.due), 'message')} were sent: run it again for the rest.")
            raise
    output.note(f"{count(meter.number, 'message')} sent; `./deploy.sh status` shows how they are worked off.")
    return meter.number


def _as_json(machine: Machine, found: Survey, sent: int) -> dict[str, Any]:
    return {
        "uploads": found.uploads,
        "variants": [
            {"name": name, "due": found.due.counts[name], **_states(count_.states)}
            for name, count_ in found.counts.items()
        ],
        "due": len(found.due),
        "usd": round(dollars(machine, found.due.counts), 6),
        "sent": sent,
    }


def _states(states: Mapping[State, int]) -> dict[str, int]:
    return {str(state): states[state] for state in State}
