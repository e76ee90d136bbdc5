"""Any Altair chart of a post has quiet axes, names in words, level labels and colours for every reader."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import pytest

from blogkit.charts import PALETTE
from blogkit.kernel.altair import specification
from blogkit.tools import looks
from blogkit.tools.vega import compile_vega

ROWS = pd.DataFrame({"batch_size": ["2", "8", "64"], "test_error": [0.4, 0.3, 0.1], "seed": [1, 2, 3]})


def compiled(**more: Any) -> dict[str, Any]:
    chart: Any = alt.Chart(ROWS).mark_bar().encode(x="batch_size:N", y="test_error:Q", **more)
    return compile_vega(specification(chart))


def axes_by_place(vega: dict[str, Any]) -> dict[str, Any]:
    return {axis["orient"]: axis for axis in vega["axes"] if axis.get("title")}


def test_a_parameters_name_is_written_in_words_and_short_labels_lie_level() -> None:
    axes = axes_by_place(compiled(color="batch_size:N", tooltip=["batch_size:N", "test_error:Q"]))
    assert {place: axis["title"] for place, axis in axes.items()} == {"bottom": "batch size", "left": "test error"}
    assert axes["bottom"]["labelAngle"] == 0
    vega = compiled(color="batch_size:N", tooltip=["batch_size:N"])
    assert vega["legends"][0]["title"] == "batch size"
    assert '"batch size"' in str(vega["marks"][0]["encode"]["update"]["tooltip"])


def test_what_a_chart_says_itself_wins() -> None:
    chart: Any = (
        alt.Chart(ROWS)
        .mark_bar()
        .encode(
            x=alt.X("batch_size:N", title="B_s", axis=alt.Axis(labelAngle=-45)),
            y=alt.Y("mean(test_error):Q", axis=alt.Axis(title=None)),
            color=alt.value("#123456"),
        )
        .configure_axisLeft(titleAngle=-90)
    )
    vega = compile_vega(specification(chart))
    bottom = axes_by_place(vega)["bottom"]
    assert (bottom["title"], bottom["labelAngle"]) == ("B_s", 315)
    assert "left" not in axes_by_place(vega)


def test_long_labels_that_have_no_room_beside_each_other_stay_turned() -> None:
    long = ROWS.assign(batch_size=["a long name of a level", "another long name", "a third such name"])
    chart: Any = alt.Chart(long).mark_bar().encode(x="batch_size:N", y="test_error:Q")
    assert axes_by_place(compile_vega(specification(chart)))["bottom"]["labelAngle"] == 270
    wide = chart.properties(width=600)
    assert axes_by_place(compile_vega(specification(wide)))["bottom"]["labelAngle"] == 0


def test_the_title_of_a_left_axis_lies_level_unless_panels_have_headers() -> None:
    assert looks.title_lies_level(specification(alt.Chart(ROWS).mark_bar().encode(x="batch_size:N")))
    faceted: Any = alt.Chart(ROWS).mark_bar().encode(x="test_error:Q", column="seed:N")
    assert not looks.title_lies_level(specification(faceted))
    assert not looks.title_lies_level({"hconcat": [{"mark": "bar"}, {"facet": {}, "spec": {}}]})


@pytest.mark.parametrize("page", ["#ffffff", "#1d1f21"])
@pytest.mark.parametrize("colour", looks.CATEGORIES)
def test_every_colour_of_a_category_has_a_contrast_of_three(colour: str, page: str) -> None:
    def light(hexadecimal: str) -> float:
        parts = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(m * c for m, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((light(colour), light(page)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3


def test_the_palette_of_the_builders_is_the_beginning_of_every_charts() -> None:
    assert looks.CATEGORIES[: len(PALETTE)] == PALETTE


def test_a_chart_carries_only_the_ranges_that_it_uses() -> None:
    assert "range" not in compiled()["config"]
    assert set(compiled(color="batch_size:N")["config"]["range"]) == {"category"}
    assert "legend" not in compiled()["config"]
