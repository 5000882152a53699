"""Numbers and counts as a person reads them."""

from collections import Counter
from collections.abc import Sequence

from controlplane.local.report import Picture


def count(number: int, noun: str) -> str:
    """`1 picture`, `1,000 pictures`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: int) -> str:
    """Bytes with a decimal prefix: `812 B`, `14 kB`, `3.2 MB`."""
    if number < 1000:
        return f"{number} B"
    if number < 999_500:
        return f"{number / 1000:.0f} kB" if number >= 9950 else f"{number / 1000:.1f} kB"
    return f"{number / 1e6:.1f} MB" if number < 99.95e6 else f"{number / 1e6:,.0f} MB"


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def milliseconds(number: float) -> str:
    """`0.4 ms`, `31 ms`, `2.4 s`."""
    if number < 9.95:
        return f"{number:.1f} ms"
    return f"{number:.0f} ms" if number < 1000 else duration(number / 1000)


def verdict(pictures: Sequence[Picture]) -> str:
    """`24 made, 1 rejected`."""
    outcomes = Counter(result.outcome.outcome for picture in pictures for result in picture.results)
    return ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.most_common())


def failures(picture: Picture) -> list[tuple[tuple[str, ...], str, str]]:
    """What went wrong with a picture: variants, label and sentence, once for all variants that share it."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in picture.results:
        if result.good:
            continue
        outcome = result.outcome
        label = "not as reported" if result.problem else outcome.outcome
        if outcome.reason:
            label += f": {outcome.reason}"
        found.setdefault((label, result.problem or outcome.detail or ""), []).append(outcome.variant)
    return [(tuple(variants), label, sentence) for (label, sentence), variants in found.items()]
