"""What a change set says, as a person is told it; and whose failure is told."""

from typing import Any

import pytest

from controlplane import stacks
from controlplane.deploying.changesets import Change, summary

STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1"


def change(action: str, type_: str, name: str, replacement: str = "", *properties: str) -> Change:
    return Change.read(
        {
            "Action": action,
            "LogicalResourceId": name,
            "ResourceType": type_,
            "PhysicalResourceId": "" if action == "Add" else f"https://sqs/1/{name}",
            **({"Replacement": replacement} if replacement else {}),
            "Details": [{"Target": {"Attribute": "Properties", "Name": name}} for name in properties],
        }
    )


def test_what_goes_is_named_first_and_what_comes_is_counted() -> None:
    lines = summary(
        [
            change("Add", "AWS::SQS::Queue", "a"),
            change("Add", "AWS::SQS::Queue", "b"),
            change("Modify", "AWS::Lambda::Function", "f", "False", "MemorySize", "Code"),
            change("Modify", "AWS::SNS::Topic", "t", "True", "TopicName"),
            change("Modify", "AWS::S3::Bucket", "k", "Conditional", "BucketName"),
            change("Remove", "AWS::SQS::Queue", "c"),
        ]
    )
    assert lines == [
        "replaces Topic t (for its TopicName)",
        "may replace Bucket k (for its BucketName)",
        "removes Queue c",
        "adds 2 Queue",
        "changes Function f (its Code, MemorySize)",
    ]


@pytest.mark.parametrize(
    ("action", "type_", "replacement", "loses"),
    [
        ("Remove", "AWS::SQS::Queue", "", True),
        ("Modify", "AWS::SQS::Queue", "True", True),
        ("Remove", "AWS::Logs::LogGroup", "", True),
        ("Modify", "AWS::SNS::Topic", "True", True),
        ("Modify", "AWS::SQS::Queue", "False", False),
        ("Add", "AWS::SQS::Queue", "", False),
        ("Remove", "AWS::S3::Bucket", "", False),
        ("Remove", "AWS::Lambda::Function", "", False),
    ],
)
def test_what_would_be_lost(action: str, type_: str, replacement: str, loses: bool) -> None:
    assert change(action, type_, "x", replacement).loses == loses


@pytest.mark.parametrize(
    ("type_", "properties", "tells"),
    [
        ("AWS::SQS::Queue", ("Tags",), False),
        ("AWS::SQS::Queue", ("Tags", "VisibilityTimeout"), True),
        ("AWS::Lambda::Function", ("Code",), False),
        ("AWS::Lambda::Function", ("Code", "MemorySize"), True),
    ],
)
def test_a_mention_is_no_change(type_: str, properties: tuple[str, ...], tells: bool) -> None:
    """All functions mention the parameter that holds all images."""
    modified = change("Modify", type_, "Functionweb", "False", *properties)
    assert modified.tells(changed={"mobile"}) == tells
    assert modified.tells(changed={"web"}) == (tells or type_ == "AWS::Lambda::Function")


def event(name: str, status: str, token: str = "", reason: str = "") -> dict[str, Any]:
    whole = name == "s"
    return {
        "StackId": STACK,
        "LogicalResourceId": name,
        "PhysicalResourceId": STACK if whole else name,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        **({"ClientRequestToken": token} if token else {}),
    }


HISTORY = [
    event("s", "CREATE_IN_PROGRESS", "one"),
    event("Old", "CREATE_FAILED", "one", "It was long ago."),
    event("s", "ROLLBACK_COMPLETE", "one"),
    event("s", "UPDATE_IN_PROGRESS", "two"),
    event("Cancelled", "UPDATE_FAILED", "two", "Resource update cancelled"),
    event("Cause", "UPDATE_FAILED", "two", "The name is taken."),
    event("Consequence", "UPDATE_FAILED", "two", "Something else."),
    event("s", "UPDATE_ROLLBACK_IN_PROGRESS", "two"),
    event("s", "UPDATE_ROLLBACK_COMPLETE", "two"),
]
NEWEST_FIRST = HISTORY[::-1]


def test_the_failure_that_is_told_is_the_first_of_its_own_operation() -> None:
    assert stacks.first_failure(NEWEST_FIRST, "two") == "Cause: The name is taken."
    assert stacks.first_failure(NEWEST_FIRST, "one") == "Old: It was long ago."
    assert stacks.first_failure(NEWEST_FIRST, "three") is None


def test_without_a_token_it_is_that_of_the_latest_operation() -> None:
    assert stacks.first_failure(NEWEST_FIRST, None) == "Cause: The name is taken."
    well = [event("s", "UPDATE_COMPLETE", "x"), event("s", "UPDATE_IN_PROGRESS", "x")]
    assert stacks.first_failure([*well, *NEWEST_FIRST], None) is None
