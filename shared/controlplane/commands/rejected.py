"""`./deploy.sh rejected`: what lies in the dead-letter queues, and why."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from controlplane import output
from controlplane.machine import DeployedVariant, Machine
from controlplane.operating.addresses import iso
from controlplane.operating.letters import Letter, Look, grouped
from controlplane.options import json_option, on_machine, reason_option, variant_argument
from controlplane.signals import stop_on_signals
from controlplane.words import count, printable

_SHOWN = 10
"""Of each group."""


@click.command(
    help="""\
What lies in the dead-letter queues, or in one variant's, grouped by why. Nothing is taken out: look as often as you
like, also several at once. `redrive` sends them back to their queues.

Exit status: 0, whether there are any or not."""
)
@variant_argument
@reason_option
@json_option
@on_machine
def command(machine: Machine, *, variant: str | None, reason: str | None, as_json: bool) -> int:
    """Prints them."""
    stop_on_signals()
    variants = machine.chosen(variant)
    with ThreadPoolExecutor(len(variants)) as pool:
        looks = list(pool.map(lambda one: _look(machine, one), variants))
    letters = sorted(
        (letter for found, _ in looks for letter in found), key=lambda letter: (letter.variant, letter.since)
    )
    letters = [letter for letter in letters if reason in (None, letter.reason)]
    if unseen := sum(number for _, number in looks):
        output.note(f"About {unseen:,} more could not be looked at now, somebody holds them: run it again in a minute.")
    if as_json:
        output.json_object({"messages": [_as_json(letter) for letter in letters]})
    else:
        output.result(
            "\n\n".join(_told(machine, group) for group in grouped(letters).values()) or "Nothing is rejected."
        )
    return 0


def _look(machine: Machine, variant: DeployedVariant) -> tuple[list[Letter], int]:
    with Look(machine.clients["sqs"], variant.dead_letter_url, variant.name) as look:
        return list(look.letters()), look.unseen


def _as_json(letter: Letter) -> dict[str, Any]:
    return {
        "variant": letter.variant,
        "reason": letter.reason,
        "detail": letter.detail,
        "source": letter.source,
        "since": iso(letter.since),
    }


def _told(machine: Machine, letters: Sequence[Letter]) -> str:
    """Why, how many, and which uploads, each once for all variants that rejected it."""
    by_source: dict[str, list[Letter]] = {}
    for letter in letters:
        by_source.setdefault(letter.source, []).append(letter)
    first = letters[0]
    lines = [f"{first.reason}, {count(len(letters), 'dead letter')}: {printable(first.detail)}"]
    for source, about in list(by_source.items())[:_SHOWN]:
        variants = sorted({letter.variant for letter in about})
        which = "all variants" if len(variants) == len(machine.variants) > 1 else ", ".join(variants)
        lines.append(f"  {iso(about[0].since)}  {printable(source)}  ({which})")
    if len(by_source) > _SHOWN:
        lines.append(f"  ... and {count(len(by_source) - _SHOWN, 'more upload')}; --json lists them all.")
    return "\n".join(lines)
