"""OPERATING.md says what is so: its commands, options, settings and reasons exist."""

import re
from pathlib import Path

import click
import yaml

from controlplane import cli
from controlplane.operating.letters import RETRIED_OUT, UNDELIVERED
from imagemachine.errors import Reason

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "shared/controlplane/OPERATING.md").read_text()
OPERATING = ("status", "explain", "logs", "rejected", "redrive", "audit", "backfill", "cost")


class _Loader(yaml.SafeLoader):
    """Takes CloudFormation's tags for nothing."""


_Loader.add_multi_constructor("!", lambda *_: None)
PARAMETERS = yaml.load((ROOT / "shared/stack.yaml").read_text(), _Loader)["Parameters"]  # noqa: S506 - a safe loader


def commands() -> dict[str, set[str]]:
    """The options of each command."""
    context = click.Context(cli.commands)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name in cli.COMMANDS
        if (command := cli.commands.get_command(context, name))
    }


def typed() -> list[tuple[str, list[str]]]:
    """Each command that the page types, with its options."""
    found = []
    for text in re.findall(r"\./deploy\.sh (\w+[^`\n|#]*)", PAGE):
        name, *rest = text.split()
        found.append((name, re.findall(r"--[a-z-]+", " ".join(rest))))
    return found


def test_every_command_of_the_page_exists_with_its_options_and_every_operating_command_is_on_it() -> None:
    known = commands()
    for name, options in typed():
        assert name in known, name
        assert set(options) <= known[name] | {"--help"}, (name, options)
    assert set(OPERATING) <= {name for name, _ in typed()}


def test_every_setting_of_the_page_is_a_parameter_of_the_stack() -> None:
    settings = set(re.findall(r"`(?:\./deploy\.sh up )?([A-Z][a-z]+(?:[A-Z][a-z]+)+)=?", PAGE))
    assert settings - {"ImageMachine"} <= set(PARAMETERS)
    assert settings


def test_every_reason_of_a_dead_letter_is_on_the_page() -> None:
    reasons = {str(reason) for reason in Reason} | {RETRIED_OUT, UNDELIVERED}
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()
