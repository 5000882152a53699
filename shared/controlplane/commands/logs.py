"""`./deploy.sh logs`: what the functions wrote."""

from collections.abc import Iterable
from datetime import UTC, datetime

import click

from controlplane import output
from controlplane.machine import Machine
from controlplane.operating.addresses import moment, upload_key
from controlplane.operating.lines import Line, Wish, follow, read
from controlplane.options import json_option, on_machine, variant_argument


@click.command(
    help="""\
What the functions wrote, or one of them: a line for each upload and variant, and whatever else is not routine.

With --json one object with all lines; with --follow, which has no end, an object on a line of its own for each."""
)
@variant_argument
@click.option("--follow", "-f", "following", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--since", default="10m", metavar="TIME", help="From when on: 90s, 10m, 2h or 3d ago, or ISO 8601 (10m).")
@click.option("--errors", is_flag=True, help="Only what did not go well: rejected, retried, failed.")
@click.option("--key", metavar="KEY", help="Only about this upload.")
@json_option
@on_machine
def command(
    machine: Machine,
    *,
    variant: str | None,
    following: bool,
    since: str,
    errors: bool,
    key: str | None,
    as_json: bool,
) -> int:
    """Prints them."""
    wish = Wish(None if key is None else upload_key(machine, key), errors)
    start = moment(since, datetime.now(UTC))
    variants = machine.chosen(variant)
    if following:
        _print(follow(machine, variants, wish, start), as_json=as_json)
    lines = read(machine, variants, wish, start)
    if as_json:
        output.json_object({"lines": [line.as_json() for line in lines]})
    else:
        _print(lines, as_json=False)
    return 0


def _print(lines: Iterable[Line], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            output.json_line(line.as_json())
        else:
            output.result(str(line))
