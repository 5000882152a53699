"""How a stack becomes what was planned: shown, asked where something would be lost, done, tried, or put back."""

import sys
from collections.abc import Sequence

import click

from controlplane import output
from controlplane.account import Account
from controlplane.deploying import changesets, starts
from controlplane.deploying.changesets import Change, ChangeSet
from controlplane.errors import Failure
from controlplane.machine import Machine
from controlplane.stacks import Stack

MOST_SHOWN = 40
"""Lines of changes."""


def show(account: Account, changes: Sequence[Change]) -> None:
    """Say what would change, with the messages that would go with a queue."""
    lines = changesets.summary(changes)
    for line in lines[:MOST_SHOWN]:
        output.note(line)
    if len(lines) > MOST_SHOWN:
        output.note(f"and changes {len(lines) - MOST_SHOWN:,} more")
    for line in losses(account, changes):
        output.note(line)


def losses(account: Account, changes: Sequence[Change]) -> list[str]:
    """What would be lost, a sentence for each."""
    return [_loss(account, change) for change in changes if change.loses]


def _loss(account: Account, change: Change) -> str:
    name = change.physical_id.rpartition("/")[2].rpartition(":")[2] or change.logical_id
    match change.type:
        case "AWS::SQS::Queue":
            held = messages(account, change.physical_id)
            return f"The queue {name} goes, with {held:,} message{'' if held == 1 else 's'} in it."
        case "AWS::SNS::Topic":
            return f"The topic {name} goes, with whoever else has subscribed to it."
        case _:
            return f"The log group {change.physical_id} goes, with all its lines."


def messages(account: Account, queue_url: str) -> int:
    """How many messages a queue holds, in flight and delayed ones included."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    answer = account.clients["sqs"].get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def consent(question: str, *, yes: bool) -> None:
    """Ask, unless `yes` was said already. Raises Failure unless the answer is yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(
            f"{question} Nobody is there to be asked, so nothing was changed: add --yes if that is what you want."
        )
    if not click.confirm(question, default=False, err=True):
        raise Failure("Nothing was changed.")


def bring_up(account: Account, change_set: ChangeSet, before: Stack | None, template_before: str | None) -> Machine:
    """Execute the change set, and try each function that it changes. Raises Failure.

    Where one does not start, the stack is put back to what it was.
    """
    stack = changesets.execute(account, change_set)
    machine = Machine.of(stack, account)
    changed = [
        change.logical_id.removeprefix("Function")
        for change in change_set.changes
        if change.type == "AWS::Lambda::Function" and change.action in {"Add", "Modify", "Dynamic"}
    ]
    if changed:
        output.step(f"Trying whether {', '.join(changed)} {'starts' if len(changed) == 1 else 'start'}")
    failed = starts.broken(account, machine, changed)
    if failed:
        undone = _put_back(account, before, template_before)
        raise Failure("\n".join([*map(_told, failed), undone]))
    return machine


def _told(broken: starts.Broken) -> str:
    sentence = f"The function {broken.variant} does not start: {broken.why}."
    return f"{sentence} Its log ends:\n{broken.log}" if broken.log else sentence


def _put_back(account: Account, before: Stack | None, template: str | None) -> str:
    """What was done about it, in a sentence."""
    if before is None or template is None:
        return "The stack is new, so there is nothing to put back: mend the function and run the command again."
    output.step("Putting back what ran before")
    change_set = changesets.create(account, before.name, before, template, before.parameters, before.tags)
    if change_set is not None:
        changesets.execute(account, change_set)
    return "What ran before runs again: mend the function and run the command again."
