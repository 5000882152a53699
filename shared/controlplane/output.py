"""What a person sees: news on standard error, results on standard output."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from controlplane.errors import UsageError

_NO_TERMINAL = 500
"""Columns, where nobody's window has to hold a line."""


def step(text: str) -> None:
    """Tell what begins now, and may take a while."""
    click.echo(f"{text} ...", err=True)


def note(text: str) -> None:
    """Tell something on the way."""
    click.echo(f"  {text}", err=True)


def result(text: str) -> None:
    """Print what was asked for."""
    click.echo(text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print what was asked for in columns, the first of words, the others of numbers."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        drawn.add_column(head, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    width = None if sys.stdout.isatty() else _NO_TERMINAL
    Console(width=width, highlight=False, markup=False, emoji=False).print(drawn)


def json_object(value: dict[str, Any]) -> None:
    """Print what was asked for as one JSON object."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the answer is yes. Raises UsageError where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"Nobody can be asked here: {question} If so, run it again with --yes.")
    return click.confirm(question, err=True)


def json_line(value: dict[str, Any]) -> None:
    """Print one of many JSON objects on a line of its own."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))
