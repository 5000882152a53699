"""What a backfill says before it asks, and the rates that it takes."""

import click
import pytest

from controlplane.commands import backfill
from controlplane.operating.auditing import Count
from machine_kit import machine, survey


def test_a_backfill_says_how_much_and_how_long() -> None:
    with survey(7, 0, 5, 0, web=Count(), thumbnail=Count()) as found:
        assert backfill.told(machine("thumbnail", "web"), found, 2.0) == (
            "7 uploads: 5 results to be made (2 thumbnail, 3 web), for less than US$ 0.01, "
            "in 2.5 s or more at 2 a second."
        )
    with survey(7, 0, 0, 0, web=Count()) as found:
        assert backfill.told(machine("web"), found, 2.0) == "7 uploads: nothing is to be made."


@pytest.mark.parametrize(("rate", "taken"), [("0.09", False), ("0.1", True), ("10000", True), ("10001", False)])
def test_a_rate_is_bounded(rate: str, taken: bool) -> None:
    heard: list[float] = []
    command = click.Command("send", callback=lambda *, rate: heard.append(rate))
    backfill.rate_option(command)
    if taken:
        command.main(["--rate", rate], standalone_mode=False)
        assert heard == [float(rate)]
    else:
        with pytest.raises(click.UsageError, match="is not in the range"):
            command.main(["--rate", rate], standalone_mode=False)
