"""What came of pictures, as a person reads it."""

from collections import Counter
from collections.abc import Sequence

from controlplane.local.report import Picture


def verdict(pictures: Sequence[Picture]) -> str:
    """`24 made, 1 rejected`."""
    outcomes = Counter(result.outcome.outcome for picture in pictures for result in picture.results)
    return ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.most_common())


def failures(picture: Picture) -> list[tuple[tuple[str, ...], str, str]]:
    """What went wrong with a picture: variants, label and sentence, once for all variants that share it."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for result in picture.results:
        if result.good:
            continue
        outcome = result.outcome
        label = "not as reported" if result.problem else outcome.outcome
        if outcome.reason:
            label += f": {outcome.reason}"
        found.setdefault((label, result.problem or outcome.detail or ""), {})[outcome.variant] = None
    return [(tuple(variants), label, sentence) for (label, sentence), variants in found.items()]
