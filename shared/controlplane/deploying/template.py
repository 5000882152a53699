"""shared/stack.yaml as data: which settings there are, and what each may be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from controlplane.deploying.expressions import Expressions
from controlplane.environment import PROJECT

FILE = PROJECT / "shared/stack.yaml"

MOST_BYTES = 51_200
"""Of a template that travels in the call itself; a larger one would need a bucket before there is a stack."""

DECIDED = frozenset(
    {"Digests", "Repository", "Architecture", "ExistingSourceBucket", "ExistingOutputBucket", "CdnFormats"}
)
"""Parameters that the deployment decides and nobody types."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of the template, with its constraints."""

    name: str
    type: str
    default: str | None
    description: str
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str | None = None
    least: float | None = None
    most: float | None = None
    explanation: str = ""
    """What the template itself says of a value that does not fit."""

    @classmethod
    def read(cls, name: str, entry: Mapping[str, Any]) -> "Parameter":
        """From an entry of the template's section Parameters."""
        return cls(
            name=name,
            type=entry["Type"],
            default=None if entry.get("Default") is None else str(entry["Default"]),
            description=" ".join(entry.get("Description", "").split()),
            allowed_values=tuple(map(str, entry.get("AllowedValues", ()))),
            allowed_pattern=entry.get("AllowedPattern"),
            least=entry.get("MinValue"),
            most=entry.get("MaxValue"),
            explanation=" ".join(entry.get("ConstraintDescription", "").split()),
        )

    def complaint(self, value: str) -> str | None:
        """What is wrong with `value` by the template's constraints, in a sentence; None where nothing is."""
        if self.allowed_values:
            return None if value in self.allowed_values else self._sentence(value, _one_of(self.allowed_values))
        if self.type == "Number":
            return None if self._counts(value) else self._sentence(value, self._range())
        values = value.split(",") if self.type == "CommaDelimitedList" else [value]
        if self.allowed_pattern is not None and not all(re.fullmatch(self.allowed_pattern, each) for each in values):
            return self._sentence(value, self.explanation or f"It has to match {self.allowed_pattern}.")
        return None

    def _counts(self, value: str) -> bool:
        try:
            number = float(value)
        except ValueError:
            return False
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)

    def _range(self) -> str:
        if self.most is None:
            return f"It is a number from {self.least or 0:g} on."
        return f"It is a number from {self.least or 0:g} to {self.most:g}."

    def _sentence(self, value: str, rule: str) -> str:
        return f"{self.name}={value} is not possible: {rule[:1].lower()}{rule[1:]}"


def _one_of(values: tuple[str, ...]) -> str:
    named = [value or "nothing" for value in values]
    return f"It is {', '.join(named[:-1])} or {named[-1]}."


class Template:
    """The template in a file."""

    def __init__(self, file: Path = FILE) -> None:
        self.body = re.sub(r"(?m)^ *#.*\n", "", file.read_text())
        """As it is sent: comments are for who reads the file, and CloudFormation counts bytes."""

    @cached_property
    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = yaml.load(self.body, _Loader)  # noqa: S506 - a safe loader
        return read

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """By name, in the template's order."""
        return {name: Parameter.read(name, entry) for name, entry in self._read["Parameters"].items()}

    @property
    def settings(self) -> dict[str, Parameter]:
        """Those parameters that a person may give."""
        return {name: parameter for name, parameter in self.parameters.items() if name not in DECIDED}

    def complaints(self, values: Mapping[str, str]) -> list[str]:
        """What is wrong with these parameters, each by itself and then together, in sentences."""
        alone = [said for name, value in values.items() if (said := self.parameters[name].complaint(value))]
        return alone or self._broken_rules(values)

    def _broken_rules(self, values: Mapping[str, str]) -> list[str]:
        expressions = self._expressions(values)
        return [
            assertion["AssertDescription"]
            for rule in self._read.get("Rules", {}).values()
            if expressions.value(rule.get("RuleCondition", True)) is True
            for assertion in rule["Assertions"]
            if expressions.value(assertion["Assert"]) is False
        ]

    def environment(self, values: Mapping[str, str]) -> dict[str, str]:
        """The variables that a variant's function is given and that follow from these parameters alone."""
        expressions = self._expressions(values)
        function = self._read["Resources"]["Fn::ForEach::Machine"][2]["Function${Variant}"]
        variables = function["Properties"]["Environment"]["Variables"]
        known = {name: expressions.value(node) for name, node in variables.items()}
        return {name: value for name, value in known.items() if isinstance(value, str)}

    def _expressions(self, values: Mapping[str, str]) -> Expressions:
        return Expressions(self._read["Conditions"], values)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads CloudFormation's `!Name value` as {"Name": value}."""


def _tagged(loader: Any, tag: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            return {tag: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {tag: loader.construct_sequence(node, deep=True)}
        case _:
            return {tag: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)
