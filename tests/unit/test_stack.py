"""What shared/stack.yaml says, read as data: the promises that no emulator would break."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagemachine.formats import CHOICES
from imagemachine.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent.name for path in (ROOT / "images").glob("*/app.py"))


class Loader(yaml.SafeLoader):
    """Reads `!Name value` as {"Name": value}."""


def _tagged(loader: Loader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {tag: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _tagged)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "shared/stack.yaml").read_text(), Loader)  # noqa: S506 - a SafeLoader
IDENTIFIER, COLLECTION, MACHINE = TEMPLATE["Resources"]["Fn::ForEach::Machine"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]


def one(name: str) -> dict[str, Any]:
    """The properties of a variant's resource."""
    properties: dict[str, Any] = MACHINE[name + "${Variant}"]["Properties"]
    return properties


def resources() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in TEMPLATE["Resources"].items():
        if not name.startswith("Fn::ForEach"):
            yield name, resource
    yield from MACHINE.items()


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement anywhere below `node`."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def texts(node: Any) -> Iterator[str]:
    """Every string anywhere below `node`."""
    if isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


ALLOWED = [
    statement for _, resource in resources() for statement in statements(resource) if statement["Effect"] == "Allow"
]


def test_everything_of_a_variant_is_written_once() -> None:
    assert (IDENTIFIER, COLLECTION) == ("Variant", {"Ref": "Variants"})
    assert TEMPLATE["Transform"] == "AWS::LanguageExtensions"
    assert all(name.endswith("${Variant}") for name in MACHINE)


def test_the_template_travels_in_the_call_itself() -> None:
    """Beyond this CloudFormation wants it in a bucket first."""
    assert (ROOT / "shared/stack.yaml").stat().st_size <= 51_200


def test_the_folders_may_be_variants() -> None:
    pattern = PARAMETERS["Variants"]["AllowedPattern"]
    assert FOLDERS
    assert [name for name in FOLDERS if not re.fullmatch(pattern, name)] == []


@pytest.mark.parametrize("name", ["cafe", "a1", "Web", "web-large", "1web", "", "w" * 25])
def test_a_name_that_would_break_the_stack_is_refused(name: str) -> None:
    assert not re.fullmatch(PARAMETERS["Variants"]["AllowedPattern"], name)


@pytest.mark.parametrize("name", ["web", "g", "a4x", "counterclockwise", "w" * 24])
def test_a_name_that_fits_is_taken(name: str) -> None:
    assert re.fullmatch(PARAMETERS["Variants"]["AllowedPattern"], name)


def test_a_digest_is_found_by_its_variants_name() -> None:
    """The template's way through the parameter Digests, walked in Python."""
    names = sorted(["clockwise", "counterclockwise", "web", "mobileweb"], key=len)
    digests = "".join(f"{name}={index:064x};" for index, name in enumerate(names))
    assert re.fullmatch(PARAMETERS["Digests"]["AllowedPattern"], digests)
    for index, name in enumerate(names):
        assert int(digests.split(name)[1].split("=")[1].split(";")[0], 16) == index


@pytest.mark.parametrize("timeout", PARAMETERS["Timeout"]["AllowedValues"])
@pytest.mark.parametrize("window", PARAMETERS["BatchWindow"]["AllowedValues"])
def test_a_message_stays_hidden_for_six_timeouts_and_the_window(timeout: str, window: str) -> None:
    assert TEMPLATE["Mappings"]["VisibilityTimeout"][timeout][window] == 6 * int(timeout) + int(window)
    assert one("Queue")["VisibilityTimeout"] == {
        "FindInMap": ["VisibilityTimeout", {"Ref": "Timeout"}, {"Ref": "BatchWindow"}]
    }
    assert one("Function")["Timeout"] == {"Ref": "Timeout"}


def test_three_receives_then_the_dead_letters_for_fourteen_days() -> None:
    dead_letters = {"GetAtt": [{"Sub": "DeadLetters${Variant}"}, "Arn"]}
    assert one("Queue")["RedrivePolicy"] == {"deadLetterTargetArn": dead_letters, "maxReceiveCount": 3}
    assert one("Subscription")["RedrivePolicy"] == {"deadLetterTargetArn": dead_letters}
    assert one("DeadLetters")["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert one("Queue")["MessageRetentionPeriod"] < one("DeadLetters")["MessageRetentionPeriod"]


def test_one_bad_picture_is_not_the_whole_batch() -> None:
    assert one("Source")["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_nothing_is_allowed_to_everything() -> None:
    assert len(ALLOWED) >= 9
    for statement in ALLOWED:
        assert not [action for action in listed(statement["Action"]) if "*" in action], statement
        assert "*" not in listed(statement.get("Resource", "")), statement
        assert statement.get("Principal") != "*", statement
        assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys(), statement


def test_a_star_stands_below_a_named_prefix_only() -> None:
    for statement in ALLOWED:
        for text in texts(statement.get("Resource", "")):
            # CloudFront may read the whole bucket of results: it holds nothing else.
            assert "*" not in text or text.endswith(("/ingest/*", "/${Variant}/*", "${OutputBucket.Arn}/*")), text


def test_other_services_are_let_in_by_name_and_source() -> None:
    services = [statement for statement in ALLOWED if "Principal" in statement and "Resource" in statement]
    assert {statement["Principal"]["Service"] for statement in services} == {
        "s3.amazonaws.com",
        "sns.amazonaws.com",
        "cloudfront.amazonaws.com",
    }
    for statement in services:
        keys = {key for test in statement["Condition"].values() for key in test}
        assert "aws:SourceArn" in keys
        # A bucket's ARN names no account.
        assert statement["Principal"]["Service"] != "s3.amazonaws.com" or "aws:SourceAccount" in keys


@pytest.mark.parametrize("name", ["SourceBucket", "OutputBucket"])
def test_buckets_are_private_encrypted_and_outlive_the_stack(name: str) -> None:
    bucket = TEMPLATE["Resources"][name]
    properties = bucket["Properties"]
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert all(properties["PublicAccessBlockConfiguration"].values())
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    (tls,) = (
        statement for statement in statements(TEMPLATE["Resources"][f"{name}Policy"]) if statement["Effect"] == "Deny"
    )
    assert (tls["Effect"], tls["Action"], tls["Principal"]) == ("Deny", "s3:*", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(tls["Resource"]) == 2


def test_uploads_alone_are_announced() -> None:
    configurations = TEMPLATE["Resources"]["SourceBucket"]["Properties"]["NotificationConfiguration"]
    entries = configurations["TopicConfigurations"]
    assert {entry["Event"] for entry in entries} == {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
    assert [entry["Filter"]["S3Key"]["Rules"] for entry in entries] == [[{"Name": "prefix", "Value": "ingest/"}]] * 2
    assert TEMPLATE["Resources"]["SourceBucket"]["DependsOn"] == "TopicPolicy"


def test_what_the_stack_sets_is_what_the_settings_know() -> None:
    variables = set(one("Function")["Environment"]["Variables"])
    known = {f.upper() for f in Settings.__dataclass_fields__}
    assert variables <= known
    assert {"OUTPUT_BUCKET", "QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "RETRY_SECONDS"} <= variables


def test_formats_are_the_settings_formats() -> None:
    assert [value for value in PARAMETERS["Format"]["AllowedValues"] if value] == list(CHOICES)


def test_every_parameter_is_explained_grouped_and_used() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)
    used = " ".join(texts([TEMPLATE[section] for section in ("Conditions", "Resources", "Outputs", "Rules")]))
    for name, parameter in PARAMETERS.items():
        assert parameter["Description"].endswith(".")
        assert re.search(rf"\b{name}\b", used), f"{name} changes nothing"
