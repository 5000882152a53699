"""Options that commands have in common, and what they stand for."""

import functools
from collections.abc import Callable
from typing import Any

import click

from controlplane.account import Account, aws_errors
from controlplane.errors import Failure
from controlplane.local import kept
from controlplane.local.aws import forget_the_users_account
from controlplane.machine import DEFAULT_NAME, Machine

Function = Callable[..., Any]

stack_option = click.option(
    "--stack",
    default=DEFAULT_NAME,
    metavar="NAME",
    help=f"Another name than {DEFAULT_NAME}, for a second machine in the same account and region.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output, and nothing else."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
variant_argument = click.argument("variant", required=False, metavar="[VARIANT]")
reason_option = click.option("--reason", metavar="REASON", help="Only those of this reason, such as corrupt.")


def on_account(command: Function) -> Function:
    """Give the command `account`, that of the user's AWS configuration; what AWS refuses in it is a Failure."""

    @functools.wraps(command)
    def wrapper(**options: Any) -> Any:
        with aws_errors():
            return command(account=Account.login(), **options)

    return wrapper


def on_machine(command: Function) -> Function:
    """Give the command `machine`, the one that --stack and --local choose; what AWS refuses in it is a Failure."""

    @_choice
    @functools.wraps(command)
    def wrapper(*, stack: str, local: bool, **options: Any) -> Any:
        with aws_errors():
            return command(machine=Machine.find(_account(local=local), stack), **options)

    return wrapper


def on_machine_if_any(command: Function) -> Function:
    """As on_machine; where none can be found, `machine` is the Failure that says why."""

    @_choice
    @functools.wraps(command)
    def wrapper(*, stack: str, local: bool, **options: Any) -> Any:
        machine: Machine | Failure
        try:
            with aws_errors():
                machine = Machine.find(_account(local=local), stack)
        except Failure as failure:
            machine = failure
        with aws_errors():
            return command(machine=machine, **options)

    return wrapper


def _choice(wrapper: Function) -> Function:
    """The options that choose a machine."""
    local = click.option("--local", is_flag=True, help="The machine that `./deploy.sh local --keep` keeps here.")
    return local(stack_option(wrapper))


def _account(*, local: bool) -> Account:
    if not local:
        return Account.login()
    forget_the_users_account()
    return Account.emulated(kept.endpoint())
