"""`./deploy.sh explain`: what became of one upload."""

from datetime import UTC, datetime

import click

from controlplane import output
from controlplane.errors import Failure
from controlplane.machine import Machine
from controlplane.operating.addresses import iso, moment, upload_key
from controlplane.operating.explaining import Explanation, Output, Story, explain
from controlplane.operating.recipes import wanted
from controlplane.operating.results import Wanted
from controlplane.options import json_option, on_machine
from controlplane.signals import stop_on_signals
from controlplane.words import printable, size


@click.command(
    help="""\
What became of the upload KEY in each variant: its results with the revision and the recipe that they were made of,
what the functions wrote about it, and its dead letters. KEY is given with or without the ingest prefix, or as an S3
URI.

Exit status: 0; 1 where nothing is known of such an upload; 2 wrong usage."""
)
@click.argument("key")
@click.option(
    "--since",
    metavar="TIME",
    help="Search the logs from then on: 10m, 2h or 3d ago, or ISO 8601. Else around the times when something happened.",
)
@json_option
@on_machine
def command(machine: Machine, *, key: str, since: str | None, as_json: bool) -> int:
    """Prints it."""
    stop_on_signals()
    start = None if since is None else moment(since, datetime.now(UTC))
    found = explain(machine, upload_key(machine, key), _wanted(machine), start)
    if as_json:
        output.json_object(found.as_json())
    else:
        output.result(_told(machine, found))
    return 0 if found.known else 1


def _wanted(machine: Machine) -> dict[str, Wanted | None]:
    """What each function makes; that one cannot say it keeps nothing else from being told."""
    found: dict[str, Wanted | None] = {}
    for variant in machine.variants:
        try:
            found |= wanted(machine, [variant])
        except Failure as failure:
            output.note(str(failure))
            found[variant.name] = None
    return found


def _told(machine: Machine, found: Explanation) -> str:
    key = printable(found.key)
    if not found.known:
        return f"Nothing is known of s3://{machine.source_bucket}/{key}: no upload, result, log line or dead letter."
    lines = [f"s3://{machine.source_bucket}/{key}"]
    if found.upload:
        upload = found.upload
        lines.append(f"  {size(upload.size)}, uploaded {iso(upload.modified)}, revision {upload.etag}")
    else:
        lines.append("  There is no such upload now.")
    return "\n".join([*lines, *(_story(story) for story in found.stories)])


def _story(story: Story) -> str:
    label = f"{story.outcome}: {story.reason}" if story.reason else story.outcome
    lines = [f"\n{story.name}: {label}", *(f"  {_output(one)}" for one in story.outputs)]
    lines += [
        f"  dead letter since {iso(letter.since)}, {letter.reason}: {printable(letter.detail)}"
        for letter in story.letters
    ]
    lines += [f"  {line}" for line in story.lines]
    return "\n".join(lines)


def _output(one: Output) -> str:
    facts = [size(one.stored.size), f"stored {iso(one.stored.modified)}"]
    if one.told.ours:
        facts.append(f"of revision {one.told.etag}, by recipe {one.told.recipe}")
        facts.append("current" if one.current else "not current")
    else:
        facts.append("not written by the machine")
    return f"{printable(one.key)}  {', '.join(facts)}"
