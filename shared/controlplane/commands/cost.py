"""`./deploy.sh cost`: what it costs, item by item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from controlplane import output
from controlplane.environment import PROJECT
from controlplane.errors import Failure
from controlplane.machine import Machine
from controlplane.operating.bill import Item, Measured, Work, alone, idle, items, total
from controlplane.operating.meters import resources
from controlplane.operating.prices import Prices
from controlplane.operating.usage import Use, metrics_kept, used
from controlplane.options import json_option, on_machine_if_any
from controlplane.words import count, dollars

_GIGABYTE = 1e9
_METRICS = 13
"""Of a variant that has had every outcome: eight of its own, and one for each outcome."""


@click.command(
    help="""\
What the machine costs by item: for so many uploads, in a month without any, and what it has used lately where
CloudWatch knows it. Times are those of the deployed functions where they have made enough, else those of the benchmark,
for photographs of 12 megapixels. Each upload is reckoned to come by itself; a burst fills batches and costs less.

Without a machine the estimate is made for the variants of this project."""
)
@click.option("--uploads", type=click.IntRange(min=1), default=1_000_000, metavar="N", help="For so many (1,000,000).")
@click.option("--days", type=click.IntRange(1, 455), default=30, metavar="N", help="Used in so many days (30).")
@json_option
@on_machine_if_any
def command(machine: Machine | Failure, *, uploads: int, days: int, as_json: bool) -> int:
    """Prints it."""
    prices, measured = Prices.load(), Measured.load()
    if isinstance(machine, Failure):
        output.note(f"{machine} So this is an estimate for the variants of this project.")
        basis = _project(prices)
    else:
        basis = _deployed(machine, days, prices)
    lines = items(_for_uploads(basis, measured, uploads), prices, basis.architecture)
    if as_json:
        output.json_object(_as_json(basis, uploads, lines, prices))
        return 0
    output.table([f"{uploads:,} uploads, {count(len(basis.variants), 'variant')}", "quantity", "", "US$"], _rows(lines))
    output.result("")
    output.table(["a month without any", "quantity", "", "US$"], _rows(basis.standing))
    stored = sum(measured.size(name) for name in basis.variants) * uploads / _GIGABYTE
    output.result("")
    output.result(
        f"The results are about {stored:,.0f} GB, {dollars(stored * prices.stored_gigabyte_month)} a month while they "
        "are kept. What is sent to browsers is not in here."
    )
    if basis.use is not None and basis.use.known:
        output.result("")
        spent = items(basis.use.work, prices, basis.architecture)
        output.table([f"used in the last {days} days, as CloudWatch knows it", "quantity", "", "US$"], _rows(spent))
    output.result("")
    output.result(f"Prices of {prices.region}, as published on {prices.checked}; free tiers are left out.")
    return 0


@dataclass(frozen=True)
class _Basis:
    """What an estimate is made for."""

    variants: Sequence[str]
    memory: int
    architecture: str
    standing: Sequence[Item]
    """What a month costs without uploads."""
    use: Use | None = None


def _project(prices: Prices) -> _Basis:
    names = sorted(file.parent.name for file in PROJECT.glob("images/*/app.py"))
    return _Basis(names, 1769, "x86_64", idle(len(names), _METRICS * len(names), 5 * len(names), 1, prices))


def _deployed(machine: Machine, days: int, prices: Prices) -> _Basis:
    names = [variant.name for variant in machine.variants]
    kinds = [kind for kind, _ in resources(machine)]
    alarms, dashboards = kinds.count("AWS::CloudWatch::Alarm"), kinds.count("AWS::CloudWatch::Dashboard")
    kept = metrics_kept(machine) or _METRICS * len(names)
    return _Basis(
        names,
        int(machine.parameters.get("Memory", 1769)),
        machine.parameters.get("Architecture", "x86_64"),
        idle(len(names), kept, alarms, dashboards, prices),
        used(machine, days),
    )


def _for_uploads(basis: _Basis, measured: Measured, uploads: int) -> Work:
    work = Work(publishes=uploads, uploads=uploads)
    for name in basis.variants:
        each = alone(measured, name, basis.memory, uploads)
        use = basis.use.variants[name] if basis.use else None
        if use is not None and use.telling:
            seconds, invocations = use.seconds / use.made, use.invocations / use.made
            each = each.taking(uploads * seconds * basis.memory / 1024, uploads * invocations)
        work += each
    return work


def _rows(lines: Sequence[Item]) -> list[list[str]]:
    rows = [[line.name, f"{line.quantity:,.0f}", line.unit, f"{line.dollars:,.4f}"] for line in lines]
    return [*rows, ["all", "", "", f"{total(lines):,.4f}"]]


def _as_json(basis: _Basis, uploads: int, lines: Sequence[Item], prices: Prices) -> dict[str, Any]:
    spent = items(basis.use.work, prices, basis.architecture) if basis.use and basis.use.known else None
    return {
        "uploads": uploads,
        "items": _plain(lines),
        "usd": round(total(lines), 6),
        "monthly": _plain(basis.standing),
        "used": None
        if spent is None or basis.use is None
        else {"days": basis.use.days, "items": _plain(spent), "usd": round(total(spent), 6)},
        "prices": {"region": prices.region, "checked": prices.checked.isoformat()},
    }


def _plain(lines: Sequence[Item]) -> list[dict[str, Any]]:
    return [
        {"name": line.name, "quantity": round(line.quantity, 3), "unit": line.unit, "usd": round(line.dollars, 6)}
        for line in lines
    ]
