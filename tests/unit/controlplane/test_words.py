"""Numbers as a person reads them."""

import pytest

from controlplane import words


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9999, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (123_456_789, "123 MB"),
    ],
)
def test_sizes(number: int, text: str) -> None:
    assert words.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.4, "42 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (7 * 3600 + 60 * 8 + 29, "7 h 8 min"),
        (24 * 3600 * 3 + 3600 * 5 + 1799, "3 d 5 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_what_would_upset_a_terminal_is_shown_as_an_escape() -> None:
    assert words.printable("a\x1b[31mé\n☀\u202e") == "a\\x1b[31mé\\n☀\\u202e"


@pytest.mark.parametrize(
    ("dollars", "text"), [(0, "US$ 0"), (0.00012, "less than US$ 0.01"), (0.94, "US$ 0.94"), (12345.6, "US$ 12,345.60")]
)
def test_prices(dollars: float, text: str) -> None:
    assert words.dollars(dollars) == text
