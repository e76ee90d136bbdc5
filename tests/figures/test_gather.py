"""Figures are gathered from any executed notebook, whatever drew them, under the names that the author gave."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import altair as alt
import pytest

from blogkit.errors import NotebookError
from blogkit.gather.charts import gather_figures
from tests.figures.notebooks import V6, cell, chart, executed


def gathered(tmp_path: Path, *cells: Any, **recorded: Any) -> tuple[str, ...]:
    return gather_figures(
        executed(tmp_path / "run", *cells, charts=recorded), tmp_path / "charts", provenance={"runs": ["a"]}
    )


@pytest.mark.parametrize("version", [4, 5, 6])
@pytest.mark.parametrize("joint", ["+", "."])
def test_every_spelling_of_the_vegalite_mime_type_is_a_figure(tmp_path: Path, version: int, joint: str) -> None:
    spec = chart() | {"$schema": f"https://vega.github.io/schema/vega-lite/v{version}.json"}
    names = gathered(
        tmp_path, cell("#| label: fig-loss\nchart", a={f"application/vnd.vegalite.v{version}{joint}json": spec})
    )
    assert names == ("loss",)
    assert "Loss (nats)" in (tmp_path / "charts" / "loss.svg").read_text()


@pytest.mark.parametrize("inline", [False, True])
def test_altairs_own_html_is_a_figure(tmp_path: Path, inline: bool) -> None:
    drawn = alt.Chart(alt.InlineData(values=[{"a": 1, "b": "</script>"}])).mark_bar().encode(x="a:Q", y="b:N")
    html = drawn.to_html(inline=inline)
    assert gathered(tmp_path, cell(a={"text/html": html.splitlines(keepends=True), "text/plain": ""})) == ("cell-1",)
    stored = json.loads((tmp_path / "charts" / "cell-1.vl.json").read_text())
    assert stored["encoding"]["x"]["field"] == "a"


def test_names_come_from_the_label_or_the_tag_or_the_place(tmp_path: Path) -> None:
    names = gathered(
        tmp_path,
        cell("#| echo: false\n#| label: fig-loss\nchart", a={V6: chart()}),
        cell("chart", tags=["remove-input", "fig-error"], a={V6: chart(title="x")}),
        cell("nothing"),
        cell("both", a={V6: chart(title="1")}, b={V6: chart(title="2")}),
    )
    assert names == ("loss", "error", "cell-4", "cell-4-2")


def test_two_figures_of_one_name_are_an_error_that_names_both_cells(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="Cell 1 and Cell 2 both draw a figure called 'a'"):
        gathered(tmp_path, cell("#| label: a", x={V6: chart()}), cell("#| label: a", x={V6: chart(title="b")}))


def test_a_label_that_cannot_name_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match=r"'\.\./\.\./a', which cannot name a file"):
        gathered(tmp_path, cell("#| label: ../../a", x={V6: chart()}))


def test_a_chart_that_is_recorded_and_shown_is_one_figure(tmp_path: Path) -> None:
    drawn = alt.Chart(alt.InlineData(values=[{"a": 1}])).mark_bar().encode(x="a:Q").add_params(alt.selection_interval())
    names = gathered(tmp_path, cell(a={V6: drawn.copy().to_dict()}), kept=drawn.copy().to_dict())
    assert names == ("kept",)


def test_usermeta_says_which_runs_and_cell_made_the_figure(tmp_path: Path) -> None:
    gathered(tmp_path, cell(), cell(a={V6: chart(usermeta={"mine": 1})}))
    meta = json.loads((tmp_path / "charts" / "cell-2.vl.json").read_text())["usermeta"]
    assert meta["mine"] == 1
    assert meta["blogkit"]["runs"] == ["a"]
    assert meta["blogkit"]["cell"] == 2
    assert len(meta["blogkit"]["rows"]) == 12


def test_gathering_again_touches_nothing(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", cell("#| label: a", x={V6: chart()}))
    gather_figures(run, tmp_path / "charts", provenance={})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "charts").iterdir()}
    gather_figures(run, tmp_path / "charts", provenance={})
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "charts").iterdir()} == before


def test_stored_rows_stand_one_a_line(tmp_path: Path) -> None:
    gathered(tmp_path, loss=chart())
    assert '{"epoch": 1, "loss": 0.5}\n' in (tmp_path / "charts" / "loss.vl.json").read_text()


def test_matplotlibs_drawing_is_a_stable_figure_without_date(tmp_path: Path) -> None:
    import io

    from matplotlib.figure import Figure

    def drawing() -> str:
        figure = Figure()
        figure.subplots().plot([1, 3, 2])
        stream = io.StringIO()
        figure.savefig(stream, format="svg")
        return stream.getvalue()

    names = gathered(tmp_path, cell(a={"image/svg+xml": drawing(), "image/png": "AAAA"}))
    first = (tmp_path / "charts" / "cell-1.svg").read_text()
    assert names == ("cell-1",)
    assert "<metadata" not in first
    gathered(tmp_path, cell(a={"image/svg+xml": drawing()}))
    assert (tmp_path / "charts" / "cell-1.svg").read_text() == first


def test_a_picture_is_a_figure(tmp_path: Path) -> None:
    png = b"\x89PNG rest"
    assert gathered(tmp_path, cell("#| label: photo", a={"image/png": base64.b64encode(png).decode()})) == ("photo",)
    assert (tmp_path / "charts" / "photo.png").read_bytes() == png


@pytest.mark.slow
def test_a_plotly_figure_is_drawn(tmp_path: Path) -> None:
    figure = {"data": [{"type": "scatter", "y": [1, 3, 2]}], "layout": {"title": {"text": "Plotly's own"}}}
    gathered(tmp_path, cell(a={"application/vnd.plotly.v1+json": figure, "text/html": "<div></div>"}))
    assert "Plotly's own" in (tmp_path / "charts" / "cell-1.svg").read_text()


HOSTILE_DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="a()">
<script>a()</script><foreignObject><body xmlns="http://www.w3.org/1999/xhtml" onload="a()"/></foreignObject>
<a xlink:href=" java&#10;script:a()"><path d="M0 0h1" onclick="a()" fill="url(https://x.test/a)"/></a>
<image href="https://x.test/track.png"/><style>@import "https://x.test/a.css";</style><set attributeName="href" to="x"/>
</svg>"""


def test_a_foreign_drawing_keeps_nothing_that_runs_or_loads(tmp_path: Path) -> None:
    gathered(tmp_path, cell(a={"image/svg+xml": HOSTILE_DRAWING}))
    svg = (tmp_path / "charts" / "cell-1.svg").read_text()
    assert "<path" in svg
    for word in ("script", "onload", "onclick", "x.test", "foreignObject", "<set"):
        assert word not in svg


URL_DATA = chart() | {"data": {"url": "https://x.test/a.csv"}}
REMOTE_PICTURE = chart() | {"mark": "image", "encoding": {"url": {"value": "https://x.test/a.png"}}}
REMOTE_COLUMN = chart([{"epoch": "http://x.test/a.png"}]) | {"mark": "image", "encoding": {"url": {"field": "epoch"}}}
SCRIPT_LINK = chart() | {"encoding": {"href": {"value": "java\nscript:alert(1)"}}}
SCRIPT_COLUMN = chart([{"epoch": "javascript:alert(1)"}]) | {"encoding": {"href": {"field": "epoch"}}}


@pytest.mark.parametrize("spec", [URL_DATA, REMOTE_PICTURE, REMOTE_COLUMN, SCRIPT_LINK, SCRIPT_COLUMN])
def test_a_chart_that_loads_or_runs_something_is_refused(tmp_path: Path, spec: Any) -> None:
    with pytest.raises(NotebookError) as caught:
        gathered(tmp_path, cell(a={V6: spec}))
    assert "Cell 1 draws the chart 'cell-1' with " in str(caught.value)
    assert not (tmp_path / "charts").exists()


def test_data_by_address_is_an_error_that_says_how_to_inline_it(tmp_path: Path) -> None:
    with pytest.raises(
        NotebookError, match=r"data or a picture from https://x\.test/a\.csv[^¶]*pd\.read_csv\(address\)"
    ):
        gathered(tmp_path, loss=URL_DATA)


def test_a_text_that_looks_like_a_link_is_only_a_text(tmp_path: Path) -> None:
    assert gathered(tmp_path, loss=chart([{"epoch": 1, "loss": 1, "note": "javascript: the good parts"}])) == ("loss",)


def test_a_chart_that_vegalite_refuses_names_the_cell(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="Cell 1 draws 'cell-1', which cannot be drawn"):
        gathered(tmp_path, cell(a={V6: chart() | {"mark": 5}}))


def test_a_version_4_selection_still_filters(tmp_path: Path) -> None:
    spec = chart() | {
        "$schema": "https://vega.github.io/schema/vega-lite/v4.17.0.json",
        "selection": {"pick": {"type": "single", "fields": ["epoch"], "init": {"epoch": 1}}},
        "transform": [{"filter": {"selection": "pick"}}],
    }
    assert gathered(tmp_path, old=spec) == ("old",)


def test_a_logarithmic_axis_that_meets_zero_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    rows = [{"epoch": n, "loss": n / 4} for n in range(4)]
    logarithmic = {"field": "loss", "type": "quantitative", "scale": {"type": "log"}}
    spec = chart(rows, encoding={"x": {"field": "epoch", "type": "quantitative"}, "y": logarithmic})
    with pytest.raises(NotebookError, match="a value of 'loss' at or below zero on a logarithmic axis") as caught:
        gathered(tmp_path, loss=spec)
    assert "transform_filter('datum.loss > 0')" in str(caught.value)
    kept = {**spec, "transform": [{"filter": "datum.loss > 0"}]}
    shown = {**logarithmic, "scale": {"type": "log", "domain": [0.1, 1]}}
    bounded = {**spec, "encoding": {**spec["encoding"], "y": shown}}
    for number, fine in enumerate((kept, bounded)):
        assert gathered(tmp_path / str(number), loss=fine) == ("loss",)


def test_a_theme_that_the_notebook_names_is_the_figures(tmp_path: Path) -> None:
    themed = {**chart(), "usermeta": {"embedOptions": {"theme": "fivethirtyeight"}}}
    gathered(tmp_path, themed=themed, plain=chart())
    themed_svg, plain_svg = ((tmp_path / "charts" / f"{name}.svg").read_text() for name in ("themed", "plain"))
    assert "#30a2da" in themed_svg and "#30a2da" not in plain_svg
