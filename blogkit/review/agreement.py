"""How far reviewers agree: Krippendorff's alpha for ordinal ratings, where any rating may be missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


def ordinal_alpha(units: Iterable[Sequence[float]]) -> float | None:
    """Krippendorff's alpha of the ratings of each unit, on an ordinal scale.

    A unit has the ratings that it was given: one that was rated once pairs nothing and is left out, as Krippendorff
    does. 1 is agreement, 0 what chance gives; None where no two ratings can be compared, or all are the same.
    """
    pairable = [unit for unit in units if len(unit) > 1]
    totals = Counter(value for unit in pairable for value in unit)
    count = sum(totals.values())
    distances = _ordinal_distances(totals)
    observed = sum(
        distances[one, other] / (len(unit) - 1)
        for unit in pairable
        for first, one in enumerate(unit)
        for second, other in enumerate(unit)
        if first != second
    )
    expected = sum(totals[one] * totals[other] * distance for (one, other), distance in distances.items())
    return 1 - (count - 1) * observed / expected if expected else None


def _ordinal_distances(totals: Counter[float]) -> dict[tuple[float, float], float]:
    """The squared distance of two values: how many ratings lie between them, each of the two itself by half."""
    values = sorted(totals)
    below = {value: sum(totals[other] for other in values if other < value) for value in values}
    middle = {value: below[value] + totals[value] / 2 for value in values}
    return {(one, other): (middle[one] - middle[other]) ** 2 for one in values for other in values}
