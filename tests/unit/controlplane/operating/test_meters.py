"""What a machine's counts mean, in sentences."""

import pytest

from controlplane.operating import meters
from controlplane.operating.meters import VariantStatus


@pytest.mark.parametrize(("age", "told"), [(None, False), (0, False), (3599, False), (3600, False), (3601, True)])
def test_a_message_that_waits_for_more_than_an_hour_is_told(age: int | None, told: bool) -> None:
    found = list(meters._complaints(VariantStatus("web", 1, 0, age, 0, 0, 0, "repository@sha256:0")))
    assert [complaint.startswith("The oldest message of web has waited ") for complaint in found] == [True] * told


def test_failures_of_the_last_hour_are_told() -> None:
    (complaint,) = meters._complaints(VariantStatus("web", 0, 0, 0, 0, 2, 0, "repository@sha256:0"))
    assert complaint.startswith("The web function failed 2 times in the last hour: ")
