"""Pictures inside figures: a grid of tiles, the examples behind a cell, and the example behind a point."""

from __future__ import annotations

import base64
import io
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from blogkit import charts
from blogkit.charts import samples
from blogkit.kernel.altair import specification
from blogkit.tools.vega import compile_vega, draw_svg

DIGITS = samples.digits()


def rows_in(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in specification(chart)["datasets"].values() for row in rows]


def picture(address: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB")).astype(int)


def test_a_tile_is_its_array_in_sharp_pixels() -> None:
    chart = charts.tiles(np.array([[[0.0, 1.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]]), labels=["a", "b"])
    first, second = rows_in(chart)
    drawn = picture(first["picture"])[..., 0]
    half = len(drawn) // 2
    assert [drawn[y, x] for y in (0, half) for x in (0, half)] == [0, 64, 128, 255]
    assert (first["label"], first["smallest"], first["largest"]) == ("a", 0, 4)
    assert picture(second["picture"]).max() == 0
    assert draw_svg(compile_vega(specification(chart))).count("<image") == 2


def test_values_with_a_sign_are_coloured_around_zero() -> None:
    (row,) = rows_in(charts.tiles(np.array([[[-1.0, 0.0, 2.0]]])))
    drawn = picture(row["picture"])[0]
    low, middle, high = (drawn[place] for place in (5, len(drawn) // 2, -5))
    assert low[2] > low[0] and high[0] > high[2] and abs(int(middle[0]) - int(middle[2])) < 8


def test_a_confusion_counts_every_pair_and_shows_its_examples() -> None:
    truth, predicted = [3, 3, 5, 8, 8], [3, 5, 5, 8, 3]
    chart = charts.confusion(truth, predicted, images=DIGITS[truth])
    rows = {(row["truth"], row["predicted"]): row for row in rows_in(chart)}
    assert len(rows) == 9
    assert (rows["3", "5"]["count"], rows["3", "5"]["share"]) == (1, 0.5)
    assert rows["5", "3"]["examples"] is None
    assert rows["3", "5"]["examples"].startswith("data:image/png;base64,")


def test_a_picture_stands_once_however_many_points_show_it() -> None:
    points = alt.Chart(samples.embedded()).mark_point().encode(x="first:Q", y="second:Q", tooltip="digit:N")
    rule = alt.Chart(pd.DataFrame({"at": [0]})).mark_rule().encode(x="at:Q")
    spec = specification(charts.examples(points + rule, DIGITS, by="digit"))
    pictures = [row for rows in spec["datasets"].values() for row in rows if "picture_of_digit" in row]
    assert len(pictures) == 10
    assert [told["field"] for told in spec["layer"][0]["encoding"]["tooltip"]] == ["digit", "picture_of_digit"]
    assert "tooltip" not in spec["layer"][1]["encoding"]
    assert "<path" in draw_svg(compile_vega(spec))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: charts.tiles(np.zeros((2, 2))), r"this array is \(2, 2\)"),
        (lambda: charts.tiles(np.zeros((0, 2, 2))), r"this array is \(0, 2, 2\)"),
        (lambda: charts.tiles(np.full((1, 2, 2), np.nan)), "may have diverged"),
        (lambda: charts.tiles(DIGITS, labels=[1, 2]), "10 tiles and 2 labels"),
        (lambda: charts.tiles(np.random.default_rng(0).random((40, 90, 90))), "Show fewer, or smaller ones"),
        (lambda: charts.confusion([], []), "at least one"),
        (lambda: charts.confusion([1, 2], [1, 3], classes=[1, 2]), "classes= leaves out 3"),
        (lambda: charts.examples(alt.Chart(samples.embedded()).mark_point(), DIGITS), "the column 'example'"),
        (
            lambda: charts.examples(alt.Chart(samples.embedded()).mark_point(), DIGITS[:3], by="digit"),
            "7 examples have no picture, the first is digit 3",
        ),
    ],
)
def test_what_is_no_picture_is_refused(ask: Any, said: str) -> None:
    with pytest.raises(charts.ChartError, match=said):
        ask()
