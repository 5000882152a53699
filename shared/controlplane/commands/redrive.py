"""`./deploy.sh redrive`: dead letters back to their queues."""

from collections import Counter

import click

from controlplane import output
from controlplane.machine import Machine
from controlplane.operating.redriving import redrive
from controlplane.options import json_option, on_machine, reason_option, variant_argument
from controlplane.signals import stop_on_signals
from controlplane.words import count


@click.command(
    help="""\
Sends dead letters back to their queues, all or those of one variant or reason: after a fix, or when the trouble is
over. It can be interrupted and run again. What is rejected again lies in the dead-letter queue again.

Exit status: 0, whether there were any or not."""
)
@variant_argument
@reason_option
@json_option
@on_machine
def command(machine: Machine, *, variant: str | None, reason: str | None, as_json: bool) -> int:
    """Sends them, and says how many."""
    stop_on_signals()
    sent: dict[str, Counter[str]] = {}
    for one in machine.chosen(variant):
        sent[one.name] = redrive(machine, one, lambda letter: reason in (None, letter.reason))
        if not as_json and sent[one.name]:
            number = sum(sent[one.name].values())
            output.result(f"{one.name}: {count(number, 'message')} sent again, {_by_reason(sent[one.name])}.")
    if as_json:
        output.json_object({"variants": [{"name": name, "sent": sum(each.values())} for name, each in sent.items()]})
    elif not any(sent.values()):
        output.result("There was nothing to send again.")
    return 0


def _by_reason(reasons: Counter[str]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
