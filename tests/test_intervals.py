"""Intervals agree with published examples and with SciPy, and refuse what would make a wrong claim."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys

import pandas as pd
import pytest
from scipy import stats

from blogkit import intervals

# The sleep data of Cushny and Peebles in Student (1908), as R ships them (`sleep`): hours gained under two drugs.
FIRST_DRUG = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND_DRUG = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(intervals) == (0, 8)


def test_a_paired_difference_is_that_of_students_sleep_data() -> None:
    found = intervals.paired(SECOND_DRUG, FIRST_DRUG)
    assert found.estimate == pytest.approx(1.58)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)  # R: t.test(…, paired = TRUE)
    assert (found.n, found.level) == (10, 0.95)
    assert found.half == pytest.approx(0.8798858, abs=1e-7)
    assert found.excludes()
    assert not found.excludes(1.0)


def test_a_pair_is_found_by_its_seed_and_not_by_its_place() -> None:
    first = pd.Series({3: 0.9, 1: 0.7, 2: 0.8})
    second = pd.Series({1: 0.6, 2: 0.7, 3: 0.8})
    found = intervals.paired(first, second)
    assert found.estimate == pytest.approx(0.1)
    assert found.half == pytest.approx(0.0, abs=1e-12)


def test_pairing_finds_a_difference_that_two_intervals_hide() -> None:
    shared = {seed: 0.5 + 0.04 * seed for seed in range(10)}
    better = {seed: value + 0.01 + 0.002 * (seed % 2) for seed, value in shared.items()}
    assert intervals.mean(shared.values()).high > intervals.mean(better.values()).low
    assert intervals.paired(better, shared).excludes()


def test_a_mean_has_the_interval_that_scipy_gives_it() -> None:
    values = list(SECOND_DRUG.values())
    for level in (0.5, 0.9, 0.95, 0.999):
        found = intervals.mean(values, level)
        expected = stats.t.interval(level, len(values) - 1, found.estimate, stats.sem(values))
        assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_proportion_is_that_of_newcombes_table(successes: int, trials: int, low: float, high: float) -> None:
    found = intervals.wilson(successes, trials)  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.estimate == successes / trials


def test_a_proportion_agrees_with_scipy_also_at_its_ends() -> None:
    for successes, trials in ((0, 3), (3, 3), (7, 9), (1, 1)):
        for level in (0.8, 0.95, 0.99):
            expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
            found = intervals.wilson(successes, trials, level)
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
            assert 0 <= found.low <= found.estimate <= found.high <= 1


@pytest.mark.parametrize("margin", [0.5, 1.5, 2.2, 3.0])
def test_equivalence_is_two_one_sided_tests(margin: float) -> None:
    differences = [SECOND_DRUG[seed] - FIRST_DRUG[seed] for seed in FIRST_DRUG]
    above = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    found = intervals.equivalence(SECOND_DRUG, FIRST_DRUG, margin)
    assert found.p == pytest.approx(max(above, below), rel=1e-8)
    assert found.equivalent == (found.p < 0.05) == found.difference.within(margin)
    assert found.difference.level == pytest.approx(0.90)


def test_a_wide_interval_around_zero_is_no_equivalence() -> None:
    first, second = {0: 0.9, 1: 0.1, 2: 0.5}, {0: 0.1, 1: 0.9, 2: 0.5}
    assert not intervals.paired(first, second).excludes()
    assert not intervals.equivalence(first, second, margin=0.05).equivalent


def test_two_settings_without_any_spread_are_judged_by_their_difference_alone() -> None:
    same, other = dict.fromkeys(range(3), 0.5), dict.fromkeys(range(3), 0.75)
    assert intervals.equivalence(same, same, margin=0.1) == intervals.Equivalence(
        difference=intervals.Interval(estimate=0.0, low=0.0, high=0.0, level=0.8999999999999999, n=3),
        margin=0.1,
        equivalent=True,
        p=0.0,
    )
    assert intervals.equivalence(other, same, margin=0.1).p == 1.0


@pytest.mark.parametrize("freedom", [0.5, 1, 2, 3, 4, 9, 19, 39, 300, 1e6])
def test_students_t_is_that_of_scipy(freedom: float) -> None:
    for probability in (1e-9, 0.001, 0.025, 0.05, 0.3, 0.5, 0.8, 0.975, 0.99999):
        expected = stats.t.ppf(probability, freedom)
        assert intervals.t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert intervals.t_cdf(expected, freedom) == pytest.approx(probability, rel=1e-8)
    assert intervals.t_cdf(math.inf, freedom) == 1
    assert intervals.t_cdf(-math.inf, freedom) == 0


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({0: 1.0, 1: 2.0}, {0: 1.0, 2: 2.0}, "on one side only: 1, 2"),
        ({0: 1.0}, {0: 2.0}, "two or more values"),
        ({}, {}, "two or more values"),
        ({0: 1.0, 1: math.nan}, {0: 1.0, 1: 2.0}, "finite"),
        (pd.Series([1.0, 2.0, 3.0], index=[0, 1, 1]), {0: 1.0, 1: 2.0}, "seed 1 stands twice"),
    ],
)
def test_what_cannot_be_paired_is_refused(first: intervals.BySeed, second: intervals.BySeed, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        intervals.paired(first, second)


def test_impossible_levels_margins_and_counts_are_refused() -> None:
    pairs = {0: 1.0, 1: 2.0}
    for level in (0.0, 1.0, 95):
        with pytest.raises(ValueError, match="a level lies between"):
            intervals.paired(pairs, pairs, level)
        with pytest.raises(ValueError, match="a level lies between"):
            intervals.wilson(1, 2, level)
    with pytest.raises(ValueError, match="a level lies between"):
        intervals.equivalence(pairs, pairs, 0.1, level=0.5)
    for margin in (0.0, -0.03, math.nan, math.inf):
        with pytest.raises(ValueError, match="margin must be above zero"):
            intervals.equivalence(pairs, pairs, margin)
    for successes, trials in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="successes between 0 and the trials"):
            intervals.wilson(successes, trials)
    for probability in (0.0, 1.0):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            intervals.t_quantile(probability, 5)
    with pytest.raises(ValueError, match="degrees of freedom"):
        intervals.t_cdf(1.0, 0)


def test_only_the_standard_library_is_imported() -> None:
    program = "import sys, blogkit.intervals; print({'numpy', 'pandas', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
