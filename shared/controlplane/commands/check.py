"""`./deploy.sh check`: what would be in the way of `up`, and what it would change; changes nothing."""

import hashlib

import click

from controlplane import output, stacks
from controlplane.account import Account
from controlplane.deploying import changesets, deployment, images, parameters, planning
from controlplane.deploying.changesets import Change
from controlplane.deploying.planning import Plan
from controlplane.deploying.template import Template
from controlplane.options import json_option, on_account, stack_option
from controlplane.stacks import Stack


@click.command(
    help="""\
Load every variant and every setting, look at the account and the buckets, and say all that would be in the way of `up`,
and what it would change. Takes the same settings. Changes nothing.

Exit status: 0 nothing is in the way; 1 something is."""
)
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE ...]")
@stack_option
@json_option
@on_account
def command(account: Account, settings: tuple[str, ...], stack: str, as_json: bool) -> int:
    """The checks that are at the head of `up`, and the change set that it would execute."""
    planning.well_named(stack)
    template = Template()
    given = parameters.typed(settings, template)
    there = stacks.find(account, stack)
    there = there if there and there.updatable else None
    plan, found = planning.considered(account, stack, there, given, template)
    changes = _changes(account, plan, there) if there and there.settled and not found.problems else ()
    lines = changesets.summary(changes)
    if as_json:
        output.json_object({"problems": found.problems, "notes": found.notes, "changes": lines})
        return 1 if found.problems else 0
    for note in found.notes:
        output.note(note)
    if not found.problems and there is not None:
        deployment.show(account, changes)
    for problem in found.problems:
        output.result(problem)
    output.result(_verdict(plan, found.problems, there, lines))
    return 1 if found.problems else 0


def _changes(account: Account, plan: Plan, there: Stack) -> tuple[Change, ...]:
    """What would become of the stack. An image that is still to be built stands for itself by what it is made of."""
    in_ecr = images.listing(account, plan.name)
    digests = {
        variant: in_ecr.get(tag) or hashlib.sha256(tag.encode()).hexdigest() for variant, tag in plan.image_tags.items()
    }
    wanted = planning.with_images(plan, account, digests)
    change_set = changesets.create(account, plan.name, there, plan.template.body, wanted, plan.tags)
    if change_set is None:
        return ()
    changesets.discard(account, change_set.id)
    return change_set.changes


def _verdict(plan: Plan, problems: list[str], there: Stack | None, lines: list[str]) -> str:
    if problems:
        return f"`./deploy.sh up` would stop here: {len(problems)} in the way."
    if there is None:
        return f"Nothing is in the way: `./deploy.sh up` would make {plan.name} with {', '.join(plan.variants)}."
    return "Nothing is in the way, and `./deploy.sh up` would change " + ("this." if lines else "nothing.")
