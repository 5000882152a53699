"""Change sets: what a stack would become, shown before it does."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from controlplane import stacks
from controlplane.account import Account
from controlplane.errors import Failure
from controlplane.machine import digests
from controlplane.stacks import Stack

CAPABILITIES = ("CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
"""Roles have names, and Fn::ForEach is expanded."""

NAME = "image-machine-"
"""What the names of our change sets begin with."""

KEEPERS = frozenset({"AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::SNS::Topic"})
"""Resources that hold what somebody may miss. Buckets do too, and outlive what becomes of the stack."""

_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """What would become of one resource."""

    action: str
    """Add, Modify, Remove, Import or Dynamic."""
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str = "False"
    """True, False or Conditional."""
    properties: tuple[str, ...] = ()
    """Those that change, where it is modified."""

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> "Change":
        """From a ResourceChange of DescribeChangeSet."""
        targets = (detail.get("Target", {}) for detail in entry.get("Details", ()))
        return cls(
            action=entry["Action"],
            logical_id=entry["LogicalResourceId"],
            type=entry["ResourceType"],
            physical_id=entry.get("PhysicalResourceId", ""),
            replacement=entry.get("Replacement") or "False",
            properties=tuple(sorted({target.get("Name") or target.get("Attribute", "") for target in targets})),
        )

    def tells(self, changed: Collection[str]) -> bool:
        """Whether it is more than tags, or than a mention of the parameter that holds all images.

        `changed` are the variants that get another image.
        """
        if self.action != "Modify":
            return True
        others = set(self.properties) - {"Tags"}
        variant = self.logical_id.removeprefix("Function")
        if self.type == "AWS::Lambda::Function" and variant not in changed:
            others.discard("Code")
        return bool(others)

    @property
    def ends(self) -> bool:
        """Whether the resource that is there goes."""
        return self.action == "Remove" or (self.action == "Modify" and self.replacement == "True")

    @property
    def loses(self) -> bool:
        """Whether what the resource holds goes with it."""
        return self.ends and self.type in KEEPERS


@dataclass(frozen=True)
class ChangeSet:
    """A change set that is ready to be executed."""

    id: str
    stack: Stack
    changes: tuple[Change, ...]
    """Those that tell something."""


def create(
    account: Account,
    name: str,
    stack: Stack | None,
    template: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> ChangeSet | None:
    """What would become of the stack `name`, which is `stack` or not there yet; None where nothing would.

    Raises Failure where CloudFormation refuses it.
    """
    cloudformation = account.clients["cloudformation"]
    made = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=NAME + stacks.token().rpartition("-")[2],
        ChangeSetType="UPDATE" if stack else "CREATE",
        TemplateBody=template,
        Capabilities=list(CAPABILITIES),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    described = _ready(account, made["Id"])
    if described["Status"] == "FAILED":
        discard(account, made["Id"])
        reason = described.get("StatusReason", "").strip()
        if any(nothing in reason for nothing in _NOTHING):
            return None
        raise Failure(f"CloudFormation refuses the stack: {reason.rstrip('.') or 'it gives no reason'}.")
    read = Stack.read({"StackName": name, "StackId": made["StackId"], "StackStatus": "REVIEW_IN_PROGRESS"})
    before = digests(stack.parameters.get("Digests", "")) if stack else {}
    changed = {name for name, digest in digests(parameters["Digests"]).items() if before.get(name) != digest}
    changes = (Change.read(entry["ResourceChange"]) for entry in described["Changes"])
    return ChangeSet(made["Id"], stack or read, tuple(change for change in changes if change.tells(changed)))


def _ready(account: Account, identity: str) -> dict[str, Any]:
    """The change set's description with all its changes, once CloudFormation has worked it out."""
    cloudformation = account.clients["cloudformation"]
    for pause in stacks.pauses():
        described: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=identity)
        if described["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
            break
        time.sleep(pause)
    changes = list(described.get("Changes", ()))
    page = described
    while following := page.get("NextToken"):
        page = cloudformation.describe_change_set(ChangeSetName=identity, NextToken=following)
        changes += page.get("Changes", ())
    return {**described, "Changes": changes}


def execute(account: Account, change_set: ChangeSet) -> Stack:
    """Make the stack what the change set says; the stack as it is then. Raises Failure with what was in the way."""
    mark = stacks.token()
    account.clients["cloudformation"].execute_change_set(
        StackName=change_set.stack.name, ChangeSetName=change_set.id, ClientRequestToken=mark
    )
    stack = stacks.wait(account, change_set.stack, mark, {change.logical_id for change in change_set.changes})
    if stack is None:
        raise Failure(f"The stack {change_set.stack.name} was deleted meanwhile.")
    if not stack.up:
        raise Failure(
            f"The stack could not be brought up ({stack.status}): {stacks.cause(account, stack, mark)} "
            "Put that right and run the command again."
        )
    return stack


def discard(account: Account, identity: str) -> None:
    """Delete a change set that is not to be executed."""
    with suppress(ClientError):  # It is in nobody's way.
        account.clients["cloudformation"].delete_change_set(ChangeSetName=identity)


def discard_others(account: Account, stack: Stack) -> None:
    """Delete the change sets of ours that interrupted runs left behind."""
    pages = account.clients["cloudformation"].get_paginator("list_change_sets").paginate(StackName=stack.name)
    for page in pages:
        for entry in page["Summaries"]:
            if entry["ChangeSetName"].startswith(NAME):
                discard(account, entry["ChangeSetId"])


def summary(changes: Sequence[Change]) -> list[str]:
    """What would change, in lines: what is replaced or removed by its name, everything else counted by its kind."""
    lines = []
    for change in changes:
        if change.action == "Remove":
            lines.append(f"removes {_named(change)}")
        elif change.replacement != "False":
            may = "replaces" if change.replacement == "True" else "may replace"
            lines.append(f"{may} {_named(change)} (for its {', '.join(change.properties) or 'properties'})")
    for verb, action in (("adds", "Add"), ("imports", "Import")):
        if kinds := Counter(_kind(change.type) for change in changes if change.action == action):
            lines.append(f"{verb} {_counted(kinds)}")
    return lines + [
        f"changes {_named(change)} (its {', '.join(change.properties) or 'attributes'})"
        for change in changes
        if change.action == "Modify" and change.replacement == "False"
    ]


def _named(change: Change) -> str:
    return f"{_kind(change.type)} {change.physical_id.rpartition('/')[2] or change.logical_id}"


def _kind(type_: str) -> str:
    """`AWS::SQS::Queue` as `Queue`."""
    return type_.rpartition("::")[2]


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
