"""`./deploy.sh destroy`: takes the machine away, and says all that it leaves."""

from dataclasses import dataclass

import click

from controlplane import output, stacks
from controlplane.account import Account
from controlplane.deploying import buckets, deployment, engine, images, planning
from controlplane.deploying.buckets import Content
from controlplane.errors import Failure
from controlplane.options import on_account, stack_option, yes_option
from controlplane.stacks import Stack
from controlplane.words import count, size


@click.command(
    help="""\
Take the stack, its images (in ECR and on this computer) and its empty buckets away, after asking. A bucket with
something in it is kept, and of one that the machine did not make only the announcements are taken away."""
)
@click.option(
    "--delete-pictures",
    is_flag=True,
    help="Delete all buckets that the machine made, those of earlier settings included, with everything that is in "
    "them: uploads, results, all their versions.",
)
@yes_option
@stack_option
@on_account
def command(account: Account, stack: str, delete_pictures: bool, yes: bool) -> None:
    """The story of an end: it can be stopped anywhere, and is finished by the next one."""
    planning.well_named(stack)
    estate = Estate.of(account, stack)
    for line in estate.lines(delete_pictures=delete_pictures):
        output.note(line)
    if not yes:
        _ask(account, stack, delete_pictures=delete_pictures)
    announcer = planning.announcer(account, stack, estate.stack)
    for name in estate.users:
        # First: their names are known from the stack alone.
        buckets.hush(account, name, announcer)
    if estate.stack is not None:
        output.step("Deleting the stack")
        stacks.delete(account, estate.stack)
    for name in estate.made:
        # Last: a stack that is still there can be brought up again, and CloudFormation would not see what is missing.
        buckets.hush(account, name, announcer)
        _end_bucket(account, name, delete_pictures=delete_pictures)
    _end_images(account, stack)
    output.result(f"{stack} is gone.")


@dataclass(frozen=True)
class Estate:
    """What there is to be taken away, and what is not."""

    stack: Stack | None
    messages: int
    """In all its queues."""
    made: dict[str, Content]
    """Buckets that the machine made, with what is in them."""
    users: tuple[str, ...]
    """Buckets that it did not make and uses, or has used."""

    @classmethod
    def of(cls, account: Account, name: str) -> "Estate":
        """Raises Failure."""
        stack = stacks.settled(account, name)
        owned = stacks.resources(account, stack).values() if stack else ()
        queues = [physical for kind, physical in owned if kind == "AWS::SQS::Queue"]
        own = {physical for kind, physical in owned if kind == "AWS::S3::Bucket"}
        made = _made(account, name, own)
        return cls(
            stack=stack,
            messages=sum(deployment.messages(account, url) for url in queues),
            made={bucket: buckets.content(account, bucket) for bucket in made},
            users=tuple(bucket for bucket in planning.buckets_used(stack) if bucket not in made),
        )

    def lines(self, *, delete_pictures: bool) -> list[str]:
        """What becomes of it, in lines."""
        lines = []
        if self.stack is not None:
            lines.append(f"The stack {self.stack.name} goes, with {count(self.messages, 'message')} in its queues.")
        for bucket, content in self.made.items():
            if content.empty:
                lines.append(f"s3://{bucket} goes: it is empty.")
            elif delete_pictures:
                lines.append(f"s3://{bucket} goes, WITH {_told(content).upper()}.")
            else:
                lines.append(f"s3://{bucket} stays, with {_told(content)}; --delete-pictures deletes it.")
        lines += [f"s3://{bucket} stays, with all that is in it: the machine did not make it." for bucket in self.users]
        return lines


def _made(account: Account, name: str, own: set[str]) -> list[str]:
    """The buckets that the machine made, whichever way that is known: AWS's list of tags may be behind."""
    default = {f"{name}-{word}-{account.number}-{account.region}" for word in ("uploads", "results")}
    tagged = set(buckets.made_for(account, name))
    there = [bucket for each in sorted(default | tagged | own) if (bucket := buckets.find(account, each)) is not None]
    return [bucket.name for bucket in there if bucket.made_for == name or bucket.name in own]


def _told(content: Content) -> str:
    objects = count(content.objects, "object")
    older = f" and {count(content.versions, 'older version')}" if content.versions else ""
    return f"{objects}{older} ({size(content.bytes)})"


def _ask(account: Account, stack: str, *, delete_pictures: bool) -> None:
    """Raises Failure unless the stack's name is typed."""
    pictures = ", and DELETE ALL ITS PICTURES" if delete_pictures else ""
    question = f"Take {stack} in account {account.number}, {account.region} away{pictures}? Type its name"
    try:
        answer = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort:
        answer = ""
    if answer.strip() != stack:
        raise Failure("Nothing was touched.")


def _end_bucket(account: Account, name: str, *, delete_pictures: bool) -> None:
    if delete_pictures:
        output.step(f"Deleting what is in s3://{name}")
        buckets.empty(account, name)
    if buckets.delete(account, name):
        output.note(f"s3://{name} is gone.")
    else:
        output.note(f"s3://{name} is kept, with {_told(buckets.content(account, name))}.")


def _end_images(account: Account, stack: str) -> None:
    """In ECR and on this computer."""
    if images.exists(account, stack):
        output.step("Deleting the images")
        address = images.address(account, stack)
        images.delete(account, stack)
        removed = engine.remove([address, images.base_of(stack)])
        if removed:
            output.note(f"{count(len(removed), 'image')} of this computer removed, too.")
