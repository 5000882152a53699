"""`./deploy.sh audit`: uploads against results."""

from typing import Any

import click

from controlplane import output
from controlplane.commands.backfill import quick_option, quiet, rate_option, sent_all, surveyed, told
from controlplane.machine import Machine
from controlplane.operating.auditing import Count
from controlplane.operating.bill import Work as Billed
from controlplane.operating.bill import items, total
from controlplane.operating.meters import depths
from controlplane.operating.prices import Prices
from controlplane.operating.repairing import LACKING, Survey, dollars, origins, remove
from controlplane.operating.results import State
from controlplane.options import json_option, on_machine, yes_option
from controlplane.progress import Meter
from controlplane.signals import stop_on_signals
from controlplane.words import count, printable
from controlplane.words import dollars as price


@click.command(
    help="""\
Compares uploads with results, per variant: current (made of this revision of the upload by the deployed recipe),
missing, stale (of another revision or recipe), rejected (a dead letter says why), and orphaned (a result that no
upload stands for, the old extension's result after a change of format, or an object that somebody else put there).
PREFIX is the beginning of the uploads' keys. Each result is looked at, which costs US$ 0.40 a million; --quick only
lists them.

Exit status: 0 all is current, or was sent to be made; 1 something is not; 2 wrong usage."""
)
@click.argument("prefix", required=False)
@click.option(
    "--repair", is_flag=True, help="Send work for what is missing or stale, after asking, as `backfill` does."
)
@click.option("--remove-orphans", is_flag=True, help="Delete orphaned objects, after asking.")
@rate_option
@quick_option
@yes_option
@json_option
@on_machine
def command(
    machine: Machine,
    *,
    prefix: str | None,
    repair: bool,
    remove_orphans: bool,
    rate: float,
    quick: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Prints it, and mends it where that is asked for."""
    stop_on_signals()
    if repair:
        quiet(machine, machine.variants)
    elif left := sum(sum(depths(machine.clients["sqs"], variant.queue_url)) for variant in machine.variants):
        output.note(f"The queues hold {count(left, 'message')}: what these are about is missing or stale until then.")
    with surveyed(machine, machine.variants, prefix, LACKING, quick=quick) as found:
        if as_json:
            output.json_object(_as_json(machine, found))
        else:
            _print(machine, found, quick=quick)
        mended = not found.due
        if repair and found.due:
            if not as_json:
                output.result(told(machine, found, rate))
            mended = output.confirmed("Send it?", yes=yes) and sent_all(machine, found, rate) == len(found.due)
        gone = 0
        if remove_orphans and found.orphans:
            gone = _removed(machine, found, yes=yes)
        rest = any(one.states[State.REJECTED] for one in found.counts.values()) or gone < len(found.orphans)
    return 0 if mended and not rest else 1


def _print(machine: Machine, found: Survey, *, quick: bool) -> None:
    heads = ["", *(str(state) for state in State), "orphaned"]
    output.table(heads, [[name, *_row(one)] for name, one in found.counts.items()])
    output.result("")
    lacking = len(found.due)
    if lacking:
        cost = price(dollars(machine, found.due.counts))
        output.result(
            f"{count(found.uploads, 'upload')}. What is missing or stale can be made for {cost}: --repair does it."
        )
    else:
        output.result(f"{count(found.uploads, 'upload')}. Nothing is missing or stale.")
    if found.orphans:
        output.result(f"{count(len(found.orphans), 'orphaned object')}: --remove-orphans deletes them, after asking.")
    for name, one in found.counts.items():
        if one.left_out:
            output.result(f"{name} leaves out {count(one.left_out, 'upload')}, as it is to.")
    if quick:
        output.result("By dates alone: no result was looked at, so that another recipe's is taken to be current.")
    else:
        paid = total(items(Billed(reads=found.looked), Prices.load(), "x86_64"))
        output.note(f"{count(found.looked, 'result')} looked at, {price(paid)}.")


def _row(one: Count) -> list[str]:
    return [*(f"{one.states[state]:,}" for state in State), f"{one.orphaned:,}"]


def _as_json(machine: Machine, found: Survey) -> dict[str, Any]:
    return {
        "uploads": found.uploads,
        "variants": [
            {"name": name, **{str(state): one.states[state] for state in State}, "orphaned": one.orphaned}
            for name, one in found.counts.items()
        ],
        "repair_usd": round(dollars(machine, found.due.counts), 6),
    }


def _removed(machine: Machine, found: Survey, *, yes: bool) -> int:
    """Delete the orphans, if the answer is yes; how many."""
    known = origins(machine, found.orphans)
    kinds = []
    if known.ours:
        kinds.append(f"{count(known.ours, 'result')} that no upload stands for")
    if known.foreign:
        examples = ", ".join(printable(key) for key in known.examples)
        kinds.append(f"{count(known.foreign, 'object')} that the machine did not write ({examples})")
    if not output.confirmed(f"Delete {' and '.join(kinds)}?", yes=yes):
        return 0
    with Meter("object", len(found.orphans)) as meter:
        gone = remove(machine, found.orphans, meter.add)
    output.note(f"{count(gone, 'object')} deleted.")
    return gone
