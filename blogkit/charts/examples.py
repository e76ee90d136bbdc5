"""A point shows the example that it stands for: pictures travel once, beside the rows of any chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError
from blogkit.charts.look import field_name, load_altair
from blogkit.charts.pictures import as_pixels, check_weight, picture_of

if TYPE_CHECKING:
    import altair as alt


def examples(
    chart: alt.Chart | alt.LayerChart, pictures: Any, by: str = "example", *, size: int = 96
) -> alt.Chart | alt.LayerChart:
    """A chart whose marks show a picture of their example when a reader points at them.

    ``by`` is the column of the chart's data that says which example a row is. ``pictures`` is an array or tensor with
    a picture for each number of that column, or a dict from its values to arrays. Layers without the column stay as
    they are. A row whose example has no picture is an error.

    >>> import altair as alt
    >>> from blogkit.charts import examples, samples
    >>> rows = samples.embedded()
    >>> points = alt.Chart(rows).mark_point().encode(x="first:Q", y="second:Q", tooltip=["digit:N"])
    >>> chart = examples(points, samples.digits(), by="digit")
    >>> [one.shorthand for one in chart.encoding.tooltip][-1]
    'picture_of_digit:N'
    """
    import pandas as pd

    alt = load_altair()
    views = chart.layer if isinstance(chart, alt.LayerChart) else [chart]
    found = [(view, rows) for view in views if by in (rows := _rows_behind(view, chart)).columns]
    if not found:
        raise ChartError(f"no layer of the chart has data with the column {by!r}.")
    wanted = list(dict.fromkeys(value for _, rows in found for value in rows[by]))
    known: dict[Any, Any] = dict(pictures) if isinstance(pictures, Mapping) else dict(enumerate(as_pixels(pictures)))
    missing = [value for value in wanted if value not in known]
    if missing:
        raise ChartError(f"{len(missing)} examples have no picture, the first is {by} {missing[0]!r}.")
    name = f"picture_of_{by}"
    shown = {value: as_pixels(known[value]) for value in wanted}
    low, high = (float(how(how(one.flat) for one in shown.values())) for how in (min, max))
    table = pd.DataFrame({by: wanted, name: [picture_of(one, low, high, least=size) for one in shown.values()]})
    check_weight(list(table[name]))
    # Looked up, so that a picture stands once however many rows show it.
    source = alt.LookupData(data=table, key=by, fields=[name])
    pictured = {id(view): _with_picture(view, source, by, name) for view, _ in found}
    if not isinstance(chart, alt.LayerChart):
        return pictured[id(chart)]  # type: ignore[no-any-return]
    layered = chart.copy(deep=False)
    layered.layer = [pictured.get(id(view), view) for view in chart.layer]
    return layered  # type: ignore[no-any-return]


def _rows_behind(view: Any, chart: Any) -> Any:
    """The data frame of a layer, its own or the chart's; an empty one where it is no frame."""
    import pandas as pd

    for one in (view, chart):
        if isinstance(getattr(one, "data", None), pd.DataFrame):
            return one.data
    return pd.DataFrame()


def _with_picture(view: Any, source: Any, by: str, name: str) -> Any:
    alt = load_altair()
    before = getattr(view.encoding, "tooltip", alt.Undefined)
    before = [] if before is alt.Undefined else list(before) if isinstance(before, list) else [before]
    picture = alt.Tooltip(f"{field_name(name)}:N", title="image")  # Vega's own tooltip shows a picture by this name
    return view.transform_lookup(lookup=by, from_=source).encode(tooltip=[*before, picture])
