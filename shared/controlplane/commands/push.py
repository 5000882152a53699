"""`./deploy.sh push`: new images for functions that are deployed already."""

import click

from controlplane import output, stacks
from controlplane.account import Account
from controlplane.deploying import changesets, deployment, images, planning, variants
from controlplane.deploying.engine import Platform
from controlplane.errors import Failure, UsageError
from controlplane.machine import Machine, digests, digests_parameter
from controlplane.options import on_account, stack_option


@click.command(
    help="""\
Build, push and update only these functions; all of them if none is named. Nothing else of the stack is touched.

A function that does not start afterwards is told with its log, and its last image is put back."""
)
@click.argument("names", nargs=-1, metavar="[VARIANT ...]")
@stack_option
@on_account
def command(account: Account, names: tuple[str, ...], stack: str) -> None:
    """The story of a push."""
    planning.well_named(stack)
    folders = variants.folders()
    for name in names:
        if name not in folders:
            raise UsageError(f'There is no variant "{name}"; there are {", ".join(folders)}.')
    there = stacks.repaired(account, stacks.settled(account, stack))
    if there is None:
        raise Failure(f"There is no stack {stack} yet: `./deploy.sh up` makes it.")
    machine = Machine.of(there, account)
    deployed = [variant.name for variant in machine.variants]
    wanted = names or tuple(name for name in folders if name in deployed)
    for name in wanted:
        if name not in deployed:
            raise Failure(f"The stack has no {name} yet: `./deploy.sh up` adds it.")
    target = Platform.chosen()
    tags = {name: images.tag(name, target) for name in wanted}
    following = planning.pushable(there, wanted, tags, images.listing(account, stack))
    images.prepare(account, stack)
    made = {**digests(there.parameters["Digests"]), **images.ensure(account, stack, tags, target)}
    if _change(account, there, {**following, "Digests": digests_parameter(made)}):
        output.result(f"Updated: {', '.join(wanted)}.")
    else:
        output.result(f"Nothing changed: {', '.join(wanted)} run what is here already.")


def _change(account: Account, there: stacks.Stack, changed: dict[str, str]) -> bool:
    """Whether the stack was changed."""
    changesets.discard_others(account, there)
    # The template that is deployed is sent again: asked to take the previous one, CloudFormation would not see that a
    # parameter of an expanded Fn::ForEach has changed, and another one might change more than was asked for.
    template = stacks.template(account, there)
    parameters = {**there.parameters, **changed}
    change_set = changesets.create(account, there.name, there, template, parameters, there.tags)
    if change_set is None:
        return False
    output.step("Updating the stack")
    deployment.show(account, change_set.changes)
    deployment.bring_up(account, change_set, there, template)
    return True
