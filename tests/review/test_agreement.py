"""Agreement of reviewers is Krippendorff's alpha as he published it, with missing ratings as he treats them."""

from __future__ import annotations

import pytest

from blogkit.review.agreement import ordinal_alpha

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section D: four observers, twelve units, of which
# some were not rated by all, and the last but two by one alone.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def published_units() -> list[list[float]]:
    return [[float(value) for value in unit if value != "."] for unit in zip(*OBSERVERS, strict=True)]


def test_the_published_example_comes_out_as_published() -> None:
    assert ordinal_alpha(published_units()) == pytest.approx(0.815, abs=5e-4)


def test_a_unit_that_was_rated_once_changes_nothing() -> None:
    assert ordinal_alpha([*published_units(), [5.0], []]) == ordinal_alpha(published_units())


def test_agreement_is_one_and_swapped_ranks_are_less_than_chance() -> None:
    assert ordinal_alpha([[1, 1], [2, 2, 2], [3, 3]]) == 1
    opposite = ordinal_alpha([[1, 3], [3, 1], [1, 3]])
    assert opposite is not None and opposite < 0


def test_only_the_order_of_points_counts() -> None:
    units = [[1, 2], [2, 3], [3, 3], [1, 1]]
    assert ordinal_alpha(units) == ordinal_alpha([[value**3 for value in unit] for unit in units])


@pytest.mark.parametrize("units", [[], [[4]], [[4, 4], [4, 4, 4]]])
def test_where_nothing_can_be_compared_there_is_no_number(units: list[list[float]]) -> None:
    assert ordinal_alpha(units) is None
