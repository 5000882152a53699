"""What an audit says, and what it can do about it."""

from collections import Counter

import pytest

from controlplane.commands import audit
from controlplane.operating.auditing import Count
from controlplane.operating.repairing import Survey
from controlplane.operating.results import State
from machine_kit import machine, survey


def audited(capsys: pytest.CaptureFixture[str], found: Survey, *, quick: bool = False) -> tuple[list[str], str]:
    """What an audit prints, in lines with single spaces; and what it notes."""
    with found:
        audit._print(machine("thumbnail", "web"), found, quick=quick)
    printed = capsys.readouterr()
    return [" ".join(line.split()) for line in printed.out.splitlines()], printed.err.strip()


def test_an_audit_says_what_there_is_and_what_can_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    web = Count(Counter({State.CURRENT: 1200, State.MISSING: 2, State.STALE: 1}), orphaned=1, left_out=4)
    thumbnail = Count(Counter({State.CURRENT: 1203, State.REJECTED: 3}))
    lines, note = audited(capsys, survey(1210, 2_500_000, 3, 1, thumbnail=thumbnail, web=web))
    assert lines == [
        "current missing stale rejected orphaned",
        "thumbnail 1,203 0 0 3 0",
        "web 1,200 2 1 0 1",
        "",
        "1,210 uploads. What is missing or stale can be made for less than US$ 0.01: --repair does it.",
        "1 orphaned object: --remove-orphans deletes them, after asking.",
        "web leaves out 4 uploads, as it is to.",
    ]
    assert note == "2,500,000 results looked at, US$ 1.00."


def test_an_audit_that_finds_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    lines, note = audited(capsys, survey(1, 1, 0, 0, web=Count(Counter({State.CURRENT: 1}))))
    assert lines[3:] == ["1 upload. Nothing is missing or stale."]
    assert note == "1 result looked at, less than US$ 0.01."
    lines, note = audited(capsys, survey(1, 0, 0, 0, web=Count(Counter({State.CURRENT: 1}))), quick=True)
    assert lines[-1].startswith("By dates alone: no result was looked at")
    assert note == ""
