"""What a person sees: news on standard error, results on standard output."""

import json
from typing import Any

import click


def step(text: str) -> None:
    """Tell what begins now, and may take a while."""
    click.echo(f"{text} ...", err=True)


def note(text: str) -> None:
    """Tell something on the way."""
    click.echo(f"  {text}", err=True)


def result(text: str) -> None:
    """Print what was asked for."""
    click.echo(text)


def json_object(value: dict[str, Any]) -> None:
    """Print what was asked for as one JSON object."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False, default=str))
