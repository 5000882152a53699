"""CloudFormation's expressions, as far as they follow from the stack's parameters alone."""

from collections.abc import Mapping
from typing import Any

UNKNOWN = object()
"""What an expression comes to that is CloudFormation's to know."""


class Expressions:
    """Those of one template with one set of parameters."""

    def __init__(self, conditions: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self._conditions = conditions
        self._parameters = parameters

    def value(self, node: Any) -> Any:
        """What `node` comes to: a string, a boolean, a list, or UNKNOWN."""
        if isinstance(node, dict) and len(node) == 1:
            ((name, argument),) = node.items()
            work = getattr(self, f"_{name.removeprefix('Fn::').lower()}", None)
            return work(argument) if work else UNKNOWN
        if isinstance(node, dict):
            return UNKNOWN
        return str(node) if isinstance(node, int | float) and not isinstance(node, bool) else node

    def _ref(self, name: Any) -> Any:
        # In a Fn::ForEach the name may be an expression itself.
        return self._parameters.get(name, UNKNOWN) if isinstance(name, str) else UNKNOWN

    def _condition(self, name: str) -> Any:
        return self.value(self._conditions[name])

    def _if(self, parts: list[Any]) -> Any:
        holds = self._condition(parts[0])
        return UNKNOWN if holds is UNKNOWN else self.value(parts[1] if holds else parts[2])

    def _equals(self, parts: list[Any]) -> Any:
        one, other = map(self.value, parts)
        return UNKNOWN if UNKNOWN in (one, other) else one == other

    def _not(self, parts: list[Any]) -> Any:
        denied = self.value(parts[0])
        return UNKNOWN if denied is UNKNOWN else not denied

    def _and(self, parts: list[Any]) -> Any:
        return self._joined(parts, decisive=False)

    def _or(self, parts: list[Any]) -> Any:
        return self._joined(parts, decisive=True)

    def _joined(self, parts: list[Any], *, decisive: bool) -> Any:
        """One decisive part decides, whatever the others come to."""
        values = list(map(self.value, parts))
        if decisive in values:
            return decisive
        return UNKNOWN if UNKNOWN in values else not decisive
