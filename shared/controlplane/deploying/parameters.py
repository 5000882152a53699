"""What the stack is to be told, from what was typed, what it was told before, and what there is. No AWS here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controlplane.deploying.template import Template
from controlplane.errors import UsageError
from imagemachine.settings import Settings

BY_VARIANT = ("Width", "Height", "Quality", "Formats")
"""Settings that may be told for each variant."""

COMPUTED = frozenset({"KmsKeyArn", "MaximumConcurrency", "Variants"})
"""Settings that follow from what there is, until somebody chooses."""

FEWEST_AT_ONCE, MOST_AT_ONCE = 2, 1000
"""Limits of SQS for a queue's MaximumConcurrency."""
SHARE_OF_ACCOUNT = 0.9
"""What is left of the account's concurrency is for whatever else runs in it."""


def typed(words: Iterable[str], template: Template) -> dict[str, str]:
    """The settings in NAME=VALUE words. Raises UsageError for a word that is none."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in template.settings:
            names = " ".join(template.settings)
            raise UsageError(
                f'"{word}" is no setting of the stack. They are written NAME=VALUE, the names are: {names}.'
            )
        if name in given and given[name] != value:
            raise UsageError(f"{name} is given twice, as {given[name]} and as {value}: leave one out.")
        given[name] = value
    return given


@dataclass(frozen=True)
class Choice:
    """Settings with where they come from."""

    values: Mapping[str, str]
    """Of all settings that are not computed, and of those computed ones that somebody chose."""
    chosen: frozenset[str]
    """The computed settings that somebody chose, now or earlier."""


def chosen(
    given: Mapping[str, str], before: Mapping[str, str], chosen_before: Iterable[str], template: Template
) -> Choice:
    """Settings that are not given stay as they are; one that is given as nothing goes back to its default.

    Where a setting may be empty, nothing is a value like another.
    """
    values: dict[str, str] = {}
    kept: set[str] = set()
    for name, parameter in template.settings.items():
        value = given.get(name)
        if value == "" and parameter.complaint("") is not None:
            value = None if name in COMPUTED else parameter.default
        elif value is None and (name not in COMPUTED or name in chosen_before):
            value = before.get(name, parameter.default)
        if value is not None:
            values[name] = value
            kept |= {name} & COMPUTED
    return Choice(values, frozenset(kept))


def at_once(concurrency: int, functions: int, reserved: int = 0) -> int:
    """Invocations that each queue may start at once of its function, so that all share the account's `concurrency`.

    With `reserved` invocations set aside for each function it is what SQS may use of them; 0, no limit, where that is
    less than SQS can be limited to.
    """
    if reserved:
        return min(reserved, MOST_AT_ONCE) if reserved >= FEWEST_AT_ONCE else 0
    return max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, int(concurrency * SHARE_OF_ACCOUNT) // functions))


def strangers(values: Mapping[str, str], variants: Sequence[str]) -> list[str]:
    """A sentence for each setting that is for a variant which the stack does not have, as in `Width=thumbnial=200`."""
    told = []
    for setting in BY_VARIANT:
        pairs = values.get(setting, "")
        named = [pair.partition("=")[0] for pair in pairs.split(";")] if "=" in pairs else []
        told += [
            f"{setting} is for {name}, and the stack has no such variant: it has {', '.join(variants)}."
            for name in named
            if name and name not in variants
        ]
    return told


def haste(values: Mapping[str, str]) -> str | None:
    """What a person should know of a batch that has no time for its slowest pictures, or None where it has."""
    timeout, most = float(values["Timeout"]), float(values["MaxSeconds"] or Settings.max_seconds)
    if int(values["BatchSize"]) * most < timeout:
        return None
    return (
        f"Timeout={values['Timeout']} is not enough for {values['BatchSize']} pictures that take {most:g} s each: slow "
        "ones will send others of their batch back to the queue. Choose a longer Timeout, or a smaller BatchSize."
    )
