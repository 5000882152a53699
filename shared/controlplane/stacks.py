"""CloudFormation stacks: what there is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from controlplane.account import Account, code, message


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
