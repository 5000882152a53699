"""CloudFormation stacks: what there is, how it gets to where something can be done with it, and what failed."""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from controlplane import output
from controlplane.account import Account, code, message
from controlplane.errors import Failure
from controlplane.signals import Stopped

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 3.0
"""Between two looks at what is under way."""

BEGIN_SECONDS = 15.0
"""After so long an operation of which there is no event is taken for one that has been."""

UP = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""States of a stack whose last operation did what it was meant to."""

NEVER_UP = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
"""States in which a creation or a deletion broke off: such a stack can only be deleted."""

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it."""

    name: str
    id: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> "Stack":
        """From an entry of DescribeStacks."""
        return cls(
            name=described["StackName"],
            id=described["StackId"],
            status=described["StackStatus"],
            reason=described.get("StackStatusReason", ""),
            parameters={entry["ParameterKey"]: entry["ParameterValue"] for entry in described.get("Parameters", ())},
            outputs={entry["OutputKey"]: entry["OutputValue"] for entry in described.get("Outputs", ())},
            tags={entry["Key"]: entry["Value"] for entry in described.get("Tags", ())},
        )

    @property
    def settled(self) -> bool:
        """Whether nothing is under way."""
        return not self.status.endswith("_IN_PROGRESS") or self.status == "REVIEW_IN_PROGRESS"

    @property
    def updatable(self) -> bool:
        """Whether it has been up: its settings are somebody's."""
        return self.status not in NEVER_UP and self.status != "REVIEW_IN_PROGRESS"

    @property
    def up(self) -> bool:
        """Whether its last operation did what it was meant to."""
        return self.status in UP


def find(account: Account, name: str) -> Stack | None:
    """The stack of that name or id; None only where AWS says that there is none. Raises ClientError."""
    try:
        (described,) = account.clients["cloudformation"].describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if code(error) == "ValidationError" and re.search(r"does not exist", message(error)):
            return None
        raise
    stack = Stack.read(described)
    # By its id a stack can be looked at for months after it is gone.
    return None if stack.status == "DELETE_COMPLETE" else stack


def token() -> str:
    """A name for one operation, by which its events are found among all others."""
    return f"image-machine-{uuid4().hex}"


def settle(account: Account, stack: Stack) -> Stack | None:
    """Wait until nothing is under way in `stack`, telling what happens; None where it is gone then. Raises Failure."""
    if stack.settled:
        return stack
    output.step(f"Waiting for what is under way in {stack.name} ({stack.status})")
    return _follow(account, stack, {event["EventId"] for event in _events(account, stack)}, lambda _: True)


def wait(account: Account, stack: Stack, mark: str, shown: Collection[str] | None = None) -> Stack | None:
    """Wait until the operation with that token has ended; None where the stack is gone then.

    Tells what becomes of the resources whose logical ids are in `shown`, or of all, and of every one that fails.

    Raises Failure where somebody stops this meanwhile, for what is under way goes on.
    """
    latest = time.monotonic() + BEGIN_SECONDS

    def begun(events: Sequence[Event]) -> bool:
        # Until then its status is still that of the operation before.
        return time.monotonic() > latest or any(event.get("ClientRequestToken") == mark for event in events)

    return _follow(account, stack, set(), begun, mark, shown)


def _follow(
    account: Account,
    stack: Stack,
    told: set[str],
    begun: Callable[[Sequence[Event]], bool],
    mark: str | None = None,
    shown: Collection[str] | None = None,
) -> Stack | None:
    try:
        for pause in pauses():
            events = _events(account, stack)
            # By its id: the name of a stack that is deleted finds nothing any more.
            current = find(account, stack.id)
            for event in reversed(events):
                if event["EventId"] not in told and mark in {None, event.get("ClientRequestToken")}:
                    told.add(event["EventId"])
                    _tell(event, shown)
            if begun(events) and (current is None or current.settled):
                return current
            time.sleep(pause)
    except Stopped as stopped:
        raise Failure(
            f"Stopped waiting. CloudFormation goes on with {stack.name} by itself; the same command, run again, waits "
            "for it and finishes what is left.",
            status=stopped.status,
        ) from None
    raise AssertionError("There is always another pause.")


def delete(account: Account, stack: Stack) -> None:
    """Delete the stack and wait until it is gone. Raises Failure with what was in the way."""
    mark = token()
    account.clients["cloudformation"].delete_stack(StackName=stack.id, ClientRequestToken=mark)
    left = wait(account, stack, mark)
    if left is not None:
        raise Failure(
            f"The stack {stack.name} could not be deleted ({left.status}): {cause(account, left, mark)} "
            "Put that right and run the command again."
        )


def settled(account: Account, name: str) -> Stack | None:
    """The stack of that name, once nothing is under way in it; None where there is none. Raises Failure."""
    stack = find(account, name)
    return settle(account, stack) if stack else None


def repaired(account: Account, stack: Stack | None) -> Stack | None:
    """The stack, once it can be updated; None where it has to be created.

    Clears away a creation or deletion that broke off, and finishes a rollback that did. Raises Failure.
    """
    if stack is None or stack.status == "REVIEW_IN_PROGRESS":
        return None
    if stack.status in NEVER_UP:
        output.step(f"The stack's creation or deletion broke off ({stack.status}); clearing it away")
        delete(account, stack)
        return None
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        output.step("The stack's last update could not be undone; trying again")
        mark = token()
        account.clients["cloudformation"].continue_update_rollback(StackName=stack.name, ClientRequestToken=mark)
        stack = wait(account, stack, mark)
        if stack is None or stack.status == "UPDATE_ROLLBACK_FAILED":
            why = cause(account, stack, mark) if stack else "it is gone."
            raise Failure(
                f"The stack's last update can still not be undone: {why} Put that right and run the command again."
            )
    return stack


def resources(account: Account, stack: Stack) -> dict[str, tuple[str, str]]:
    """Type and physical id of each of the stack's resources that exist, by logical id."""
    pages = account.clients["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=stack.id)
    return {
        entry["LogicalResourceId"]: (entry["ResourceType"], entry["PhysicalResourceId"])
        for page in pages
        for entry in page["StackResourceSummaries"]
        if entry.get("PhysicalResourceId") and entry["ResourceStatus"] != "DELETE_COMPLETE"
    }


def template(account: Account, stack: Stack) -> str:
    """The template that the stack was last given, as it was written."""
    told = account.clients["cloudformation"].get_template(StackName=stack.id, TemplateStage="Original")
    body = told["TemplateBody"]
    # One that was given as JSON comes back read.
    return body if isinstance(body, str) else json.dumps(body)


def cause(account: Account, stack: Stack, mark: str | None = None) -> str:
    """The first thing that failed in the operation with this token, or in the latest, in CloudFormation's words."""
    return first_failure(_events(account, stack), mark) or stack.reason or "CloudFormation gives no reason."


def first_failure(events: Sequence[Event], mark: str | None) -> str | None:
    """Of `events`, newest first, as CloudFormation lists them."""
    failed = [event for event in _of_one_operation(events, mark) if event["ResourceStatus"].endswith("_FAILED")]
    # What was cancelled was cancelled because something else failed.
    first = next(
        (event for event in reversed(failed) if "cancelled" not in event.get("ResourceStatusReason", "")), None
    )
    if first is None:
        return None
    reason = first.get("ResourceStatusReason", "").strip().rstrip(".") or "no reason is given"
    return f"{first['LogicalResourceId']}: {reason}."


def _of_one_operation(events: Sequence[Event], mark: str | None) -> Iterator[Event]:
    """Newest first: those with that token; without one, those back to where the latest operation began."""
    for event in events:
        if mark is None or event.get("ClientRequestToken") == mark:
            yield event
        if mark is None and _begins(event):
            return


def _begins(event: Event) -> bool:
    """Whether an operation of the whole stack begins with it; a rollback is a part of what it undoes."""
    return bool(
        event.get("PhysicalResourceId") == event["StackId"]
        and re.fullmatch(r"(CREATE|UPDATE|DELETE|IMPORT)_IN_PROGRESS", event["ResourceStatus"])
    )


def _events(account: Account, stack: Stack) -> list[Event]:
    """Newest first; the latest few hundred."""
    paginator = account.clients["cloudformation"].get_paginator("describe_stack_events")
    pages = paginator.paginate(StackName=stack.id, PaginationConfig={"MaxItems": 500})
    return [event for page in pages for event in page["StackEvents"]]


def _tell(event: Event, shown: Collection[str] | None) -> None:
    status, name = event["ResourceStatus"], event["LogicalResourceId"]
    of_the_stack = event.get("PhysicalResourceId") == event["StackId"]
    wanted = status.endswith("_COMPLETE") and (shown is None or name in shown)
    if not of_the_stack and (wanted or status.endswith("_FAILED")):
        output.note(f"{status:<20} {name}")


def pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(LONGEST_PAUSE_SECONDS, pause * 1.5)
