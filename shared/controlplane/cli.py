"""The commands by name, each loaded when it is called; and how whatever ends one is told."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from controlplane import environment
from controlplane.errors import Failure
from controlplane.signals import Stopped

PROGRAM = "./deploy.sh"
INTERRUPTED = 130

COMMANDS = {
    "local": "Run the whole machine on this computer, on pictures and folders of yours; no AWS account is needed.",
    "check": "Load every variant and setting, say what is in the way of `up` and what it would change; change nothing.",
    "up": "Build the images, push them to ECR, create or update the stack; run again, it changes only what changed.",
    "push": "Build, push and update only these functions.",
    "destroy": "Take the stack away again, after asking; buckets with pictures in them are kept.",
    "status": "How the machine is doing: queues, dead letters, failures, alarms; exit 1 where something is wrong.",
    "explain": "What became of one upload: its results and their revision, log lines, dead letters.",
    "logs": "What the functions wrote: all, of one variant, about one upload, or only what did not go well.",
    "rejected": "What lies in the dead-letter queues, grouped by why, without taking it out.",
    "redrive": "Those, back to their queues.",
    "audit": "Uploads against results: current, missing, stale, orphaned, rejected; what a repair would cost.",
    "backfill": "Sends work for what is missing or stale, after saying what it costs; can be interrupted.",
    "cost": "What it costs by item, estimated from measured times; actual use where CloudWatch knows it.",
}
"""In the order in which they are listed, with what each does; a command's module bears its name."""


class Commands(click.Group):
    """A group whose commands are modules that are imported when they are needed, and no sooner."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"controlplane.commands.{name}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(f"{PROGRAM} {name}", does) for name, does in COMMANDS.items()])


@click.command(
    cls=Commands,
    invoke_without_command=True,
    options_metavar="",
    subcommand_metavar="COMMAND ...",
    context_settings={"max_content_width": 100},
    epilog=f"`{PROGRAM} COMMAND --help` says more about a command.",
)
@click.pass_context
def commands(context: click.Context) -> None:
    """Image Machine: an upload lands in a bucket, seconds later its variants are there."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str]) -> int:
    """The exit status: a command's own, else 0; 1 where something is in the way, 2 for wrong usage."""
    _keep_the_environment()
    try:
        return commands.main(list(arguments), PROGRAM, standalone_mode=False) or 0
    except click.UsageError as error:
        return _end(_usage(error), error.exit_code)
    except Failure as failure:
        return _end(str(failure), failure.status)
    except Stopped as stopped:
        return _end("Stopped.", stopped.status)
    except click.Abort:
        return _end("Stopped.", INTERRUPTED)
    except BrokenPipeError:
        # Nobody reads on, as in `... | head`; Python would complain of it when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _usage(error: click.UsageError) -> str:
    """Click's complaint in one line, and where to look."""
    sentence = error.format_message()
    command = error.ctx.command_path if error.ctx else PROGRAM
    return f"{sentence}{'' if sentence.endswith(('.', '?')) else '.'} `{command} --help` says what is possible."


def _end(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return status


def _keep_the_environment() -> None:
    """Keep what this runs on from being removed by the first use of a changed one."""
    home = Path(sys.prefix).parent
    if home.parent.name == environment.FOLDER:
        environment.hold(home)
