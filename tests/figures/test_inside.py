"""Figures of a network's inside: what they draw is what was counted, and what cannot be drawn is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blogkit import charts
from blogkit.charts import samples
from blogkit.kernel.altair import specification
from blogkit.render.finish.charts import can_wake
from blogkit.tools.vega import compile_vega, draw_svg

ROWS = samples.embedded()
LAYERS = [("input", 2), ("hidden", 6, 18), ("output", 1, 7)]
ACTIVE = [[0, 1, 2, 0, 0.5, 0], [0, 0, 2, 1, 0.5, 0]]
BUILT: dict[str, Any] = {
    "distribution": charts.distribution(samples.activations(), marks={"dead below": 0}),
    "landscape": charts.landscape(samples.bowl, samples.descent(), over="step", resolution=16),
    "embedding": charts.embedding(ROWS[["first", "second"]], ROWS["digit"], pictures=samples.digits()[ROWS["digit"]]),
    "network": charts.network(LAYERS, activations={"hidden": ACTIVE}),
    "no activations": charts.network(LAYERS),
}


def rows_in(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in specification(chart)["datasets"].values() for row in rows]


@pytest.mark.parametrize("name", BUILT)
def test_a_built_chart_draws_and_wakes(name: str) -> None:
    vega = compile_vega(specification(BUILT[name]))
    assert "<path" in draw_svg(vega)
    assert can_wake(vega)


def test_every_value_is_in_a_bin_or_said_to_be_outside() -> None:
    values = {0: [0.0, 0.1, 0.9, 1.0], 1: [0.5, 0.5, 0.5, 3.0]}
    rows = [row for row in rows_in(charts.distribution(values, bins=2, span=(0, 1))) if "values" in row]
    assert [(row["step"], row["from"], row["to"], row["values"]) for row in rows] == [
        ("0", 0, 0.5, 2),
        ("0", 0.5, 1, 2),
        ("1", 0.5, 1, 3),
    ]
    title = charts.distribution(values, bins=2, span=(0, 1)).title.text
    assert title == "4 values at each of 2 epochs; 1 values outside of what is shown"


def test_the_path_of_training_stands_where_its_loss_is() -> None:
    path = samples.descent()
    rows = [row for row in rows_in(BUILT["landscape"]) if "loss" in row and "name" not in row]
    assert [row["loss"] for row in rows] == [pytest.approx(samples.bowl(one), rel=1e-4) for one in path]
    assert (rows[-1]["first"], rows[-1]["second"]) == (0, 0)
    flat = np.array([[0.0, 0, 0], [3, 0, 0], [3, 4, 0]])
    chart = charts.landscape(lambda w: float(1 + (w**2).sum()), flat, resolution=9)
    assert "holds 100 %" in chart.title.text
    drawn = [row for row in rows_in(chart) if "loss" in row and "name" not in row]
    lengths = [np.hypot(row["first"], row["second"]) for row in drawn]
    assert lengths == [pytest.approx(5, rel=1e-3), pytest.approx(4, rel=1e-3), 0]


def test_more_than_two_features_are_projected_and_what_is_lost_is_said() -> None:
    chance = np.random.default_rng(0)
    wide = chance.normal(size=(50, 6)) * [5, 3, 1, 0.1, 0.1, 0.1]
    chart = charts.embedding(wide, ["a", "b"] * 25)
    share = np.sort(np.linalg.eigvalsh(np.cov(wide.T)))[::-1]
    assert chart.title.text == (
        f"The two directions hold {100 * share[:2].sum() / share.sum():.0f} % of the variance of 6 features"
    )


def test_no_two_of_many_classes_look_the_same() -> None:
    encoding = specification(BUILT["embedding"])["layer"][0]["encoding"]
    looks = list(zip(encoding["color"]["scale"]["range"], encoding["shape"]["scale"]["range"], strict=True))
    assert len(set(looks)) == len(looks) == 10


def test_a_unit_that_is_never_active_is_crossed_out() -> None:
    units = {row["unit"]: row for row in rows_in(BUILT["network"]) if row.get("layer") == "hidden" and "unit" in row}
    assert [units[n]["state"] for n in range(6)] == ["dead", "alive", "alive", "alive", "alive", "dead"]
    assert [units[n]["active"] for n in range(6)] == [0, 0.5, 1, 0.5, 1, 0]


class Layer:
    """What of a torch layer is read."""

    def __init__(self, before: int, after: int) -> None:
        self.in_features, self.out_features = before, after

    def children(self) -> Any:
        return iter(())

    def parameters(self) -> Any:
        class Counted:
            def __init__(self, count: int) -> None:
                self.numel = lambda: count

        return [Counted(self.in_features * self.out_features), Counted(self.out_features)]


class Module:
    """What of a torch module is read."""

    def named_modules(self) -> Any:
        whole = type("Whole", (), {"children": lambda self: iter([1]), "parameters": lambda self: []})()
        return [("", whole), ("first", Layer(3, 40)), ("last", Layer(40, 2))]


def test_a_module_is_read_by_what_its_layers_say_of_themselves() -> None:
    chart = charts.network(Module())
    assert chart.title.text == "3 layers, 242 parameters"
    heads = [(row["layer"], row["size"], row["parameters"]) for row in rows_in(chart) if "parameters" in row]
    assert heads == [
        ("input", "3 units", ""),
        ("first", "40 units", "160 parameters"),
        ("last", "2 units", "82 parameters"),
    ]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: charts.distribution({0: [1.0]}), "two steps or more"),
        (lambda: charts.distribution({0: [1.0], 1: []}), "no values at epoch 1"),
        (lambda: charts.distribution({0: [1.0], 1: [float("inf")]}), "may have diverged"),
        (lambda: charts.landscape(samples.bowl, samples.descent()[:2]), "at least \\(3, 2\\)"),
        (lambda: charts.landscape(samples.bowl, np.ones((4, 4))), "the same weights"),
        (lambda: charts.landscape(lambda w: float("nan"), samples.descent(), resolution=4), "not a number anywhere"),
        (lambda: charts.embedding(np.zeros((3, 1)), [1, 2, 3]), "two or more of each"),
        (lambda: charts.embedding(np.zeros((3, 2)), [1]), "3 examples and 1 labels"),
        (lambda: charts.network([("a", 1)]), "two layers or more"),
        (lambda: charts.network(LAYERS, {"hiden": ACTIVE}), "no layer 'hiden'; there are: input, hidden, output"),
        (lambda: charts.network(LAYERS, {"output": ACTIVE}), "'output' has 1 units"),
    ],
)
def test_what_cannot_be_drawn_is_refused(ask: Any, said: str) -> None:
    with pytest.raises(charts.ChartError, match=said):
        ask()
