"""`./deploy.sh up`: builds, pushes, creates or updates."""

import click

from controlplane import output, stacks
from controlplane.account import Account
from controlplane.deploying import buckets, changesets, deployment, images, parameters, planning
from controlplane.deploying.planning import Plan
from controlplane.deploying.template import Template
from controlplane.machine import DEFAULT_NAME, Machine, digests
from controlplane.options import on_account, stack_option, yes_option


@click.command(
    help="""\
Build the images, push them to ECR, create or update the stack. Run again, it changes only what changed; a run that was
interrupted is finished by the next. Everything that can be checked is checked before anything is built, and what would
be lost is asked about.

Settings are the parameters of shared/stack.yaml, such as Memory=3008 or SourceBucketName=my-pictures, and stay as they
are until they are given again; NAME= goes back to the default. A bucket that exists is used as it is.

The account is that of your AWS configuration (AWS_PROFILE, AWS_REGION). PLATFORM=linux/arm64 builds for Graviton."""
)
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE ...]")
@stack_option
@yes_option
@on_account
def command(account: Account, settings: tuple[str, ...], stack: str, yes: bool) -> None:
    """The story of a deployment."""
    planning.well_named(stack)
    template = Template()
    given = parameters.typed(settings, template)
    there = stacks.settled(account, stack)
    plan = planning.plan(account, stack, there if there and there.updatable else None, given, template)
    output.note(
        f"Account {account.number}, region {account.region}, stack {stack}, {len(plan.variants)} variants, "
        f"{plan.target.architecture}."
    )
    for note in plan.notes:
        output.note(note)
    there = stacks.repaired(account, there)
    images.prepare(account, stack)
    made = images.ensure(account, stack, plan.image_tags, plan.target)
    changed = _change(account, plan, there, made, yes=yes)
    machine = Machine.find(account, stack)
    _mark(account, machine)
    changed |= _announce(account, plan, machine)
    images.prune(account, stack, digests(machine.parameters["Digests"]).values())
    output.result(f"{stack} is up." if changed else f"Nothing changed: {stack} is up to date.")
    output.result(_next(machine))


def _change(account: Account, plan: Plan, there: stacks.Stack | None, made: dict[str, str], *, yes: bool) -> bool:
    """Whether the stack was changed."""
    if there is not None:
        changesets.discard_others(account, there)
    wanted = planning.with_images(plan, account, made)
    change_set = changesets.create(account, plan.name, there, plan.template.body, wanted, plan.tags)
    if change_set is None:
        return False
    output.step("Creating the stack" if there is None else "Updating the stack")
    if there is not None:
        deployment.show(account, change_set.changes)
    if deployment.losses(account, change_set.changes):
        deployment.consent("Go on, and lose that?", yes=yes)
    template = stacks.template(account, there) if there else None
    deployment.bring_up(account, change_set, there, template)
    return True


def _mark(account: Account, machine: Machine) -> None:
    """The buckets that the stack made are known for its own, whatever becomes of it."""
    for role, name in (("Source", machine.source_bucket), ("Output", machine.output_bucket)):
        if machine.parameters[f"Existing{role}Bucket"] == "false":
            buckets.mark(account, name, machine.name)


def _announce(account: Account, plan: Plan, machine: Machine) -> bool:
    """Uploads are announced by the bucket that they go to, and by no other; whether that had to be seen to."""
    others = {*plan.hushed, *buckets.made_for(account, plan.name)} - {machine.source_bucket}
    changed = [buckets.hush(account, name, plan.announcer) for name in sorted(others)]
    if plan.announced is not None:
        changed.append(buckets.announce(account, plan.announced, plan.announcer))
    return any(changed)


def _next(machine: Machine) -> str:
    """What a person needs to use the machine."""
    which = "" if machine.name == DEFAULT_NAME else f" --stack {machine.name}"
    return f"""
  Upload:   aws s3 cp photo.jpg s3://{machine.source_bucket}/{machine.ingest_prefix}
  Results:  aws s3 ls --recursive s3://{machine.output_bucket}/
  Change:   ./deploy.sh up{which} NAME=VALUE
  End:      ./deploy.sh destroy{which}"""
