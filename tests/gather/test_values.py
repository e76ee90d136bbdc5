"""Numbers in prose are rounded by their uncertainty, and stand raw beside it."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blogkit.gather.values import format_value, values_yaml


@pytest.mark.parametrize(
    ("number", "error", "spec", "shown"),
    [
        (0.18734, 0.0041, None, "0.187 ± 0.004"),
        (0.18734, 0.0149, None, "0.187 ± 0.015"),
        (12.3456, 1.2, None, "12.3 ± 1.2"),
        (1234.5, 30.0, None, "1234 ± 30"),
        (-0.5, 0.02, None, "−0.50 ± 0.02"),
        (0.18734, 0.0041, ".1%", "18.7 ± 0.4 %"),
        (0.18734, None, ".1%", "18.7%"),
        (0.18734, 0.0041, ".4f", "0.1873 ± 0.0041"),
        (60, None, None, "60"),
        (3.14159265, None, None, "3.142"),
        (2.0, None, None, "2"),
        (0.25, 0.0, None, "0.25 ± 0"),
        (math.nan, 0.1, None, "nan"),
        (0.5, math.nan, None, "0.5"),
        (1e-9, 2e-10, None, "1e-09 ± 2e-10"),
    ],
)
def test_a_value_is_shown_with_the_digits_that_its_uncertainty_allows(
    number: float, error: float | None, spec: str | None, shown: str
) -> None:
    assert format_value(number, error, spec) == shown.replace(" ", "\N{NO-BREAK SPACE}"), (
        "a line does not end in a number"
    )


@pytest.mark.parametrize(
    ("number", "error", "spec", "shown"),
    [
        (-0.0233, 0.0227, None, "−0.0233 ± 0.0227"),
        (0.0227, 0.0233, None, "0.02 ± 0.02"),
        (-0.0233, 0.0227, ".2f", "−0.0233 ± 0.0227"),
        (0.0233, 0.0227, ".1%", "2.33 ± 2.27 %"),
        (0.52, 0.48, None, "0.52 ± 0.48"),
        (0.3, 0.3, None, "0.3 ± 0.3"),
    ],
)
def test_more_digits_are_shown_where_rounding_would_change_what_is_said_of_zero(
    number: float, error: float, spec: str | None, shown: str
) -> None:
    assert format_value(number, error, spec) == shown.replace(" ", "\N{NO-BREAK SPACE}")


@given(st.floats(-1e3, 1e3), st.floats(1e-2, 1e2))
def test_an_interval_says_of_zero_what_it_said(number: float, error: float) -> None:
    first, second = format_value(number, error).replace("−", "-").split("\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    if abs(abs(number) / error - 1) > 1e-4:
        assert (abs(float(first)) > float(second)) == (abs(number) > error)


def test_what_is_no_number_or_has_no_uncertainty_is_reported() -> None:
    text = values_yaml(
        [
            {"value": "a", "number": math.nan, "error": 0.1, "format": None},
            {"value": "b", "number": 0.5, "error": math.nan, "format": None},
        ]
    )
    assert yaml.safe_load(text)["values"] == {"a": "not a number", "b": "0.5 (uncertainty unknown)"}


@given(st.floats(-1e6, 1e6), st.floats(1e-5, 1e5))
def test_rounding_never_moves_a_value_by_more_than_half_its_uncertainty(number: float, error: float) -> None:
    first, second = format_value(number, error).replace("−", "-").split("\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    assert abs(float(first) - number) <= 0.55 * error + abs(number) * 1e-3 * (abs(number) > 1e4)
    assert float(second) == pytest.approx(error, rel=0.5)


def test_a_later_value_of_the_same_name_wins_and_texts_are_kept() -> None:
    text = values_yaml(
        [
            {"value": "best", "number": 1.0, "error": None, "format": None},
            {"value": "best", "number": 0.25, "error": 0.03, "format": None},
            {"value": "device", "text": "CPU: 2 cores", "error": None, "format": None},
        ]
    )
    assert yaml.safe_load(text) == {
        "values": {"best": "0.25\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.03", "device": "CPU: 2 cores"},
        "values-raw": {"best": {"value": 0.25, "error": 0.03}},
    }


def test_a_number_that_rounds_to_zero_has_no_sign() -> None:
    shown = [format_value(-0.0096, 0.24), format_value(-0.0001, None, ".2f"), format_value(-0.0001, 0.2, ".1%")]
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown] == ["0.0 ± 0.2", "0.00", "0.0 ± 20.0 %"]
    assert format_value(-1.0, 0.2).startswith("−1.0")
