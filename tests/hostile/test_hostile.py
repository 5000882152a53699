"""Hostile files through the sandbox: each made or rejected with a true reason, by the codec as it is."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hostile.bombs import CORRUPT, MADE, NOT_AN_IMAGE, PIXELS, SLOW, UNSUPPORTED, bombs
from hostile.fuzz import HERE, VARIANTS, Machine, fuzz, wrong
from hostile.seeds import good
from imagemachine.errors import Rejected
from imagemachine.variant import Made

SECONDS = 20.0
SLOW_SECONDS = 1.0
"""For what is made to be slow; a second shows that it is ended as well as a minute."""
KEPT = sorted((HERE / "files").glob("*.bin"))


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with closing(Machine()) as machine:
        yield machine


@pytest.fixture(scope="module")
def few() -> Iterator[Machine]:
    """Fewer variants, for what takes long."""
    with closing(Machine(VARIANTS[:3])) as machine:
        yield machine


def outcomes(machine: Machine, data: bytes, seconds: float = SECONDS) -> set[str]:
    """What became of it in the variants, each outcome checked."""
    kinds = set()
    for variant, outcome in machine.outcomes(data, seconds):
        fault = wrong(variant, outcome)
        kinds.add("made" if isinstance(outcome, Made) else str(outcome.reason))
        assert fault is None or "too-slow" in fault, f"{variant.name}: {fault}"
    return kinds


@pytest.mark.parametrize("name", good())
def test_the_undamaged_picture_is_made(machine: Machine, name: str) -> None:
    assert outcomes(machine, good()[name]) == {"made"}


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_made_or_rejected_with_a_true_reason(few: Machine, name: str) -> None:
    data, allowed = bombs()[name]
    assert outcomes(few, data, SLOW_SECONDS if SLOW in allowed else SECONDS) <= allowed


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.name)
def test_what_was_found_once_stays_put_right(machine: Machine, file: Path) -> None:
    assert outcomes(machine, file.read_bytes()) <= {MADE, CORRUPT, PIXELS, NOT_AN_IMAGE, UNSUPPORTED}


@pytest.mark.parametrize("name", good())
def test_a_file_that_ends_early(few: Machine, name: str) -> None:
    """After any of the first bytes, and at some other places."""
    size = len(good()[name])
    _shortened(few, name, {1, 2, 4, 8, 12, 16, 20, 30, size - 1, *random.Random(name).sample(range(size), 6)})


@pytest.mark.soak
@pytest.mark.parametrize("name", good())
def test_a_file_that_ends_anywhere(few: Machine, name: str) -> None:
    _shortened(few, name, set(range(len(good()[name]))))


def _shortened(machine: Machine, name: str, lengths: set[int]) -> None:
    for length in sorted(lengths):
        outcomes(machine, good()[name][:length])


def test_a_little_fuzz(machine: Machine) -> None:
    """The same files every time; fuzz.py tries others."""
    _, faults = fuzz(machine, 3.0, seed=1)
    assert not faults, sorted(faults)


def test_good_pictures_among_bad_ones(machine: Machine) -> None:
    """What comes before a picture changes nothing about it."""
    bad = [data for data, allowed in list(bombs().values())[::10] if SLOW not in allowed]
    before = {name: _results(machine, data) for name, data in good().items()}
    for name, data in good().items():
        _results(machine, random.Random(name).choice(bad))
        assert _results(machine, data) == before[name]


def _results(machine: Machine, data: bytes) -> list[Made | str]:
    return [
        str(outcome) if isinstance(outcome, Rejected) else outcome
        for _, outcome in machine.outcomes(data, SLOW_SECONDS)
    ]
