"""Intervals for what a post claims: of a mean over seeds, of a difference by seed, of a proportion::

    from blogkit import intervals, record

    leaky = last[last["unit"] == "leaky"].set_index("seed")["test_accuracy"]
    relu = last[last["unit"] == "relu"].set_index("seed")["test_accuracy"]

    gain = intervals.paired(leaky, relu)                       # leaky − relu, seed by seed
    record.value("gain", gain.estimate, error=gain.half)
    same = intervals.equivalence(leaky, relu, margin=0.03)     # "no difference" needs a margin, stated beforehand
    solved = intervals.wilson(17, 20)                          # 17 of 20 runs reached the goal

Runs of the same seed share data, first weights and order, so two settings are compared seed by seed: the interval of
the difference is then narrower than the two intervals of the means suggest, which may overlap though the difference is
certain. Only the standard library is imported.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Protocol


class BySeed(Protocol):
    """One number for each seed: a dict, or a pandas Series whose index is the seed."""

    def items(self) -> Iterable[tuple[Hashable, float]]: ...


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and its confidence interval, in the unit of the values."""

    estimate: float
    low: float
    high: float
    level: float
    """How often intervals made in this way hold the true value: 0.95 for 95 %."""
    n: int
    """How many values, pairs or trials it stands on."""

    @property
    def half(self) -> float:
        """Half the interval's width: what stands after ± where the interval is symmetric."""
        return (self.high - self.low) / 2

    def excludes(self, value: float = 0.0) -> bool:
        """Whether ``value`` lies outside; of a difference's 95 % interval and 0: significant at 5 %, two-sided."""
        return not self.low <= value <= self.high

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies between ``-margin`` and ``margin``."""
        return -margin < self.low and self.high < margin


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """Whether a paired difference is smaller than a margin, by two one-sided tests."""

    difference: Interval
    """The interval that belongs to the test: 90 % for a test at 5 %."""
    margin: float
    equivalent: bool
    """Whether both tests reject: the interval lies within the margin. False is no evidence of a difference."""
    p: float
    """The larger of the two one-sided p-values."""


def mean(values: Iterable[float], level: float = 0.95) -> Interval:
    """The mean of independent values and its interval by Student's t (Student 1908).

    It is exact for normal values, and good for others unless they are few and very skew. Raises ValueError for fewer
    than two values, and for one that is not finite.

    >>> found = mean([0.81, 0.84, 0.79, 0.86])
    >>> print(f"{found.estimate:.3f} ± {found.half:.3f}")
    0.825 ± 0.049
    """
    numbers = [float(value) for value in values]
    _check_level(level)
    if len(numbers) < 2:
        raise ValueError(f"an interval needs two or more values, and there are {len(numbers)}; run more seeds.")
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("an interval needs finite values; say what a run that diverged counts as, such as chance.")
    centre = fmean(numbers)
    half = t_quantile((1 + level) / 2, len(numbers) - 1) * _standard_error(numbers)
    return Interval(estimate=centre, low=centre - half, high=centre + half, level=level, n=len(numbers))


def paired(first: BySeed, second: BySeed, level: float = 0.95) -> Interval:
    """The mean of ``first - second`` over seeds, and its interval by Student's t of the differences (Student 1908).

    Raises ValueError where a seed is missing on one side or stands twice, where there are fewer than two seeds, and
    for a value that is not finite. Where several differences are looked at, one in twenty 95 % intervals excludes zero
    by chance; ``level=1 - 0.05 / m`` holds for all ``m`` of them at once (Bonferroni).

    >>> found = paired({0: 0.84, 1: 0.79, 2: 0.88}, {0: 0.80, 1: 0.77, 2: 0.83})
    >>> print(f"{found.estimate:.3f} ± {found.half:.3f}, n = {found.n}")
    0.037 ± 0.038, n = 3
    """
    return mean(_differences(first, second), level)


def equivalence(first: BySeed, second: BySeed, margin: float, level: float = 0.95) -> Equivalence:
    """Whether ``first`` and ``second`` differ by less than ``margin`` on average, by two one-sided tests.

    This is the test of Schuirmann (1987): at ``level`` 0.95 each one-sided test is made at 5 %, and the two reject
    together exactly where the 90 % interval of the difference lies within the margin. State the margin before you
    look at the results; it is in the unit of the values. Raises ValueError as `paired` does, and for a margin that is
    not above zero.

    >>> found = equivalence({0: 0.81, 1: 0.79, 2: 0.84}, {0: 0.80, 1: 0.79, 2: 0.84}, margin=0.03)
    >>> found.equivalent, round(found.p, 3)
    (True, 0.008)
    """
    if not (math.isfinite(margin) and margin > 0):
        raise ValueError(f"the margin must be above zero, in the unit of the values; it is {margin}.")
    _check_level(level, least=0.5)
    differences = _differences(first, second)
    found = mean(differences, 2 * level - 1)
    room, error = margin - abs(found.estimate), _standard_error(differences)
    certain = math.inf if room > 0 else -math.inf
    p = t_cdf(-(room / error if error else certain), found.n - 1)
    return Equivalence(difference=found, margin=margin, equivalent=found.within(margin), p=p)


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """A proportion, such as the share of runs that reached a goal, and its score interval (Wilson 1927).

    It stays between 0 and 1 and holds its level for few trials and for proportions of 0 and 1, where the textbook's
    p ± z√(p(1 − p)/n) fails (Brown, Cai and DasGupta 2001). It is not symmetric around the proportion. Raises
    ValueError unless ``0 <= successes <= trials`` and there is a trial.

    >>> found = wilson(17, 20)
    >>> print(f"{found.estimate:.2f}, from {found.low:.2f} to {found.high:.2f}")
    0.85, from 0.64 to 0.95
    """
    _check_level(level)
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"a proportion needs successes between 0 and the trials; there are {successes} of {trials}.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, weight = successes / trials, z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Interval(estimate=share, low=low, high=high, level=level, n=trials)


def t_cdf(t: float, freedom: float) -> float:
    """The probability that Student's t with ``freedom`` degrees of freedom is at most ``t``.

    By the incomplete beta function (Abramowitz and Stegun 1964, 26.7.1), to nine digits.
    """
    _check_freedom(freedom)
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    tail = _incomplete_beta(freedom / (freedom + t * t), t * t / (freedom + t * t), freedom / 2, 0.5) / 2
    return 1 - tail if t > 0 else tail


def t_quantile(probability: float, freedom: float) -> float:
    """The ``probability`` quantile of Student's t: 2.262 for 0.975 and 9 degrees of freedom.

    Raises ValueError unless the probability is strictly between 0 and 1 and ``freedom`` is above zero.
    """
    _check_freedom(freedom)
    if not 0 < probability < 1:
        raise ValueError(f"a probability lies strictly between 0 and 1; it is {probability}.")
    if probability > 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = -1.0, 0.0
    while t_cdf(low, freedom) > probability:
        low, high = 2 * low, low
    while high - low > 1e-12 * -low:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if t_cdf(middle, freedom) > probability else (middle, high)
    return (low + high) / 2


def _differences(first: BySeed, second: BySeed) -> list[float]:
    """What the first has over the second, seed by seed."""
    left, right = _by_seed(first), _by_seed(second)
    if left.keys() != right.keys():
        alone = sorted(map(str, left.keys() ^ right.keys()))
        raise ValueError(f"these seeds are on one side only: {', '.join(alone)}. Compare runs of the same seeds.")
    return [value - right[seed] for seed, value in left.items()]


def _by_seed(values: BySeed) -> dict[Hashable, float]:
    found: dict[Hashable, float] = {}
    for seed, value in values.items():
        if seed in found:
            raise ValueError(f"seed {seed} stands twice on one side. Choose one setting before the two are compared.")
        found[seed] = float(value)
    return found


def _standard_error(numbers: Sequence[float]) -> float:
    return stdev(numbers) / math.sqrt(len(numbers))


def _check_level(level: float, least: float = 0.0) -> None:
    if not least < level < 1:
        raise ValueError(f"a level lies between {least:g} and 1, such as 0.95 for 95 %; it is {level}.")


def _check_freedom(freedom: float) -> None:
    if not (math.isfinite(freedom) and freedom > 0):
        raise ValueError(f"degrees of freedom are above zero; there are {freedom}.")


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function at ``x``; ``rest`` is ``1 - x``, which the caller knows exactly."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(rest, x, b, a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(logarithm) / (a * _continued_fraction(x, a, b))


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Of the incomplete beta function (Abramowitz and Stegun 1964, 26.5.8), by Lentz's method."""
    tiny, value, upper, lower = 1e-300, 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        half, odd = divmod(step, 2)
        if odd:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        lower = 1 / ((1 + term * lower) or tiny)
        upper = (1 + term / upper) or tiny
        value *= upper * lower
        if abs(upper * lower - 1) < 1e-15:
            break
    return value
