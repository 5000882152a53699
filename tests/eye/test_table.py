"""The table against what the formats' own records claim: a gap in it is a gap in what is looked at."""

import pytest

from eye.table import AXES, kinds, sample
from imagemachine.formats import FORMATS


def test_every_format_is_there() -> None:
    assert set(AXES) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_s_record_claims_is_looked_at(name: str) -> None:
    format_, axes = FORMATS[name], AXES[name]
    assert (set(axes["alpha"]) != {"none"}) == format_.alpha
    assert (max(axes["frames"]) > 1) == format_.animation
    if format_.sixteen_bit:
        assert 16 in axes["depth"]
    there = [kind for kind in kinds() if kind.format == name]
    for axis, values in axes.items():
        assert {getattr(kind, axis) for kind in there} == set(values), f"nothing is left of a value of {axis}"


@pytest.mark.parametrize("name", FORMATS)
def test_what_exists_has_a_file(name: str) -> None:
    """Of two formats not every machine has an encoder; another entry without a file is a gap."""
    unwritten = [str(kind) for kind in kinds() if kind.format == name and isinstance(sample(kind), str)]
    assert unwritten == [] or name in ("avif", "heic")
