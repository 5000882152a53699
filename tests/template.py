"""shared/stack.yaml as CloudFormation reads it: with parameters in their places, loops unrolled, conditions decided.

Only what the template uses is known here; anything else is a KeyError, so that nothing is quietly left as it stands.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "shared/stack.yaml"

ACCOUNT, REGION, PARTITION = "123456789012", "eu-central-1", "aws"

_NOTHING = object()
"""AWS::NoValue."""


class Loader(yaml.SafeLoader):
    """Reads `!Name value` as {"Fn::Name": value}."""


def _tagged(loader: Loader, tag: str, node: yaml.Node) -> Any:
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    value = loader.construct_scalar(node)
    return {name: value.split(".", 1) if tag == "GetAtt" else value}


Loader.add_multi_constructor("!", _tagged)


@cache
def load(file: Path = FILE) -> Mapping[str, Any]:
    """The template as data, its functions in their long form."""
    return parse(file.read_text())


def parse(text: str) -> Mapping[str, Any]:
    """A template, YAML or JSON, as data."""
    template: Mapping[str, Any] = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    return template


@dataclass(frozen=True)
class Stack:
    """What the template comes to with these parameters; those that are not given have their defaults."""

    name: str
    given: Mapping[str, str]
    template: Mapping[str, Any]
    account: str = ACCOUNT
    region: str = REGION

    @cached_property
    def parameters(self) -> dict[str, Any]:
        values = {}
        for name, parameter in self.template.get("Parameters", {}).items():
            value = self.given[name] if name in self.given else str(parameter.get("Default", ""))
            values[name] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
        assert self.given.keys() <= values.keys(), self.given
        return values

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """By logical id, those whose condition holds; references are ARNs, names and URLs as AWS would make them."""
        return {
            name: self._resolved(resource, loop)
            for name, resource, loop in self._unrolled("Resources")
            if "Condition" not in resource or self.condition(resource["Condition"])
        }

    @cached_property
    def outputs(self) -> dict[str, str]:
        return {
            name: self._resolved(output["Value"], loop)
            for name, output, loop in self._unrolled("Outputs")
            if "Condition" not in output or self.condition(output["Condition"])
        }

    @cached_property
    def refusals(self) -> list[str]:
        """What the template's rules have against the parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if self._truth(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._truth(assertion["Assert"])
        ]

    def condition(self, name: str) -> bool:
        return self._truth(self.template["Conditions"][name])

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a type, by logical id."""
        return {name: entry["Properties"] for name, entry in self.resources.items() if entry["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def _unrolled(self, section: str) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
        yield from self._loops(self.template.get(section, {}), {})

    def _loops(
        self, entries: Mapping[str, Any], outer: dict[str, str]
    ) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
        for name, entry in entries.items():
            if name.startswith("Fn::ForEach::"):
                variable, collection, fragment = entry
                for item in self._resolved(collection, outer):
                    yield from self._loops(fragment, {**outer, variable: item})
            else:
                for variable, item in outer.items():
                    name = name.replace(f"${{{variable}}}", item)  # noqa: PLW2901 - one loop after the other
                yield name, entry, outer

    def _truth(self, node: Mapping[str, Any]) -> bool:
        ((function, value),) = node.items()
        match function:
            case "Condition":
                return self.condition(value)
            case "Fn::Not":
                return not self._truth(value[0])
            case "Fn::And":
                return all(map(self._truth, value))
            case "Fn::Or":
                return any(map(self._truth, value))
            case "Fn::Equals":
                left, right = (self._resolved(side, {}) for side in value)
                return str(left) == str(right)
        raise KeyError(function)

    def _resolved(self, node: Any, loop: Mapping[str, str]) -> Any:
        if isinstance(node, list):
            items = [self._resolved(item, loop) for item in node]
            return [item for item in items if item is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, value),) = node.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._function(function, value, loop)
        entries = {key: self._resolved(value, loop) for key, value in node.items()}
        return {key: value for key, value in entries.items() if value is not _NOTHING}

    def _function(self, function: str, value: Any, loop: Mapping[str, str]) -> Any:
        if function == "Fn::If":
            return self._resolved(value[1 if self.condition(value[0]) else 2], loop)
        if function == "Fn::Sub":
            return self._substituted(value, loop)
        given = self._resolved(value, loop)
        simple: Mapping[str, Callable[[], Any]] = {
            "Ref": lambda: self._reference(given, loop),
            "Fn::GetAtt": lambda: self._attribute(*given),
            "Fn::FindInMap": lambda: self.template["Mappings"][given[0]][given[1]][given[2]],
            "Fn::Select": lambda: given[1][int(given[0])],
            "Fn::Split": lambda: given[1].split(given[0]),
            "Fn::Join": lambda: given[0].join(given[1]),
        }
        return simple[function]()

    def _substituted(self, value: Any, loop: Mapping[str, str]) -> str:
        text, own = (value, {}) if isinstance(value, str) else value
        names = {name: str(self._resolved(inner, loop)) for name, inner in own.items()}
        parts = text.split("${")
        done = [parts[0]]
        for part in parts[1:]:
            name, _, rest = part.partition("}")
            if name.startswith("!"):
                done += ["${", name[1:], "}", rest]
            elif name in names:
                done += [names[name], rest]
            elif "." in name:
                done += [self._attribute(*name.split(".", 1)), rest]
            else:
                done += [str(self._reference(name, loop)), rest]
        return "".join(done)

    def _reference(self, name: str, loop: Mapping[str, str]) -> Any:
        pseudo = {
            "AWS::StackName": self.name,
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": PARTITION,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NOTHING,
        }
        if name in loop:
            return loop[name]
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        kind, physical = self._physical(name)
        match kind:
            case "AWS::SQS::Queue":
                return f"https://sqs.{self.region}.amazonaws.com/{self.account}/{physical}"
            case "AWS::SNS::Topic":
                return f"arn:{PARTITION}:sns:{self.region}:{self.account}:{physical}"
        return physical

    def _attribute(self, name: str, attribute: str) -> str:
        kind, physical = self._physical(name)
        if attribute in {"QueueName", "TopicName"}:
            return physical
        if attribute != "Arn":
            return f"<{name}.{attribute}>"
        place = f"{self.region}:{self.account}"
        return {
            "AWS::S3::Bucket": f"arn:{PARTITION}:s3:::{physical}",
            "AWS::SQS::Queue": f"arn:{PARTITION}:sqs:{place}:{physical}",
            "AWS::IAM::Role": f"arn:{PARTITION}:iam::{self.account}:role/{physical}",
            "AWS::Lambda::Function": f"arn:{PARTITION}:lambda:{place}:function:{physical}",
            "AWS::Logs::LogGroup": f"arn:{PARTITION}:logs:{place}:log-group:{physical}:*",
            "AWS::DynamoDB::Table": f"arn:{PARTITION}:dynamodb:{place}:table/{physical}",
        }[kind]

    def _physical(self, name: str) -> tuple[str, str]:
        """Type and name of a resource; those that give themselves no name are named after their logical id."""
        for logical, resource, loop in self._unrolled("Resources"):
            if logical == name:
                properties = resource.get("Properties", {})
                own = next((properties[key] for key in _NAMES if key in properties), f"<{name}>")
                return resource["Type"], self._resolved(own, loop)
        raise KeyError(name)


_NAMES: Sequence[str] = (
    "BucketName",
    "TopicName",
    "QueueName",
    "RoleName",
    "FunctionName",
    "LogGroupName",
    "TableName",
    "AlarmName",
)


def stack(name: str = "pictures", /, **parameters: str) -> Stack:
    """The stack `name` of two variants, unless `parameters` say otherwise."""
    variants = parameters.get("Variants", "thumbnail,web")
    digests = "".join(f"{variant}={'0' * 64};" for variant in sorted(variants.split(","), key=len))
    return Stack(name, {"Variants": variants, "Digests": digests, **parameters}, load())


def listed(value: Any) -> list[Any]:
    """`value`, which may stand alone where a policy has room for a list."""
    return value if isinstance(value, list) else [value]


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
