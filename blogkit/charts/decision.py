"""What a classifier decides over two inputs: smooth regions, darker where it is surer, under the examples."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blogkit.charts.contours import Array, outlines, ring_rows
from blogkit.charts.film import film
from blogkit.charts.frames import ChartError, _unknown_name
from blogkit.charts.look import (
    PALETTE,
    SHAPES,
    _plain_value,
    field_name,
    heading,
    level_words,
    load_altair,
    setting_words,
    sized,
    titled,
)

if TYPE_CHECKING:
    import altair as alt
    from pandas import DataFrame

Classifier = Callable[[Any], Any]
"""Gives for an array of places (n, 2) the probability of the second class (n), or of each class (n, classes)."""

_AHEAD = (0.0, 0.3, 0.6, 0.9)
"""How far the class of a band is ahead of the next, in probability; each band lies on the one before."""
_ROOM = 0.08
"""Share of the examples' range that is shown around them."""


@dataclass(frozen=True, kw_only=True)
class _ShareSurface:
    """The probabilities of the classes over a grid."""

    x: Array
    y: Array
    shares: Array
    """(classes, rows, columns)."""

    def ahead(self, number: int) -> Array:
        """By how much a class is ahead of the best other one."""
        import numpy as np

        return self.shares[number] - np.delete(self.shares, number, axis=0).max(axis=0)

    def middle(self, number: int) -> tuple[float, float] | None:
        """The place of a class's region that is furthest from its edge; None where it has no region."""
        import numpy as np

        inside = np.pad(self.ahead(number) > 0, 1)
        left = inside
        while left.any():
            inside = left
            left = inside & _shifted_all(inside)
        if not inside.any():
            return None
        row, column = (int(places[len(places) // 2]) - 1 for places in np.nonzero(inside))
        return float(self.x[column]), float(self.y[row])

    def chosen(self, x: Any, y: Any) -> list[int]:
        """The class at the grid's place nearest to each example."""
        import numpy as np

        columns, rows = (
            np.abs(np.subtract.outer(np.asarray(places, dtype="float64"), grid)).argmin(axis=1)
            for places, grid in ((x, self.x), (y, self.y))
        )
        return [int(number) for number in self.shares[:, rows, columns].argmax(axis=0)]


def decision(
    points: DataFrame,
    x: str,
    y: str,
    label: str,
    *,
    of: Classifier | DataFrame | Mapping[Any, Classifier | DataFrame],
    facet: str | None = None,
    over: str | None = None,
    classes: Sequence[Any] | None = None,
    colours: Sequence[str] = PALETTE,
    resolution: int = 64,
    x_title: str | None = None,
    y_title: str | None = None,
    title: str | None = None,
) -> alt.LayerChart | alt.ConcatChart | alt.VConcatChart:
    """The regions in which a classifier decides for each class, and the examples; a ring marks those it gets wrong.

    ``points`` holds the examples: two inputs ``x`` and ``y``, and the class ``label``. ``of`` is the classifier: a
    function or torch module that takes an array (n, 2) and gives the probability or logit of the second class (n) or
    of each class (n, classes, in the order of ``classes``, by default sorted); or a data frame over a regular grid
    with a column for each class. A dict of them gives a panel for each with ``facet``, the parameter's name
    (``of={2: small, 64: large}, facet="width"``), or a film with ``over`` (``of=networks, over="epoch"``).
    A region is darker the further its class is ahead of the next, and has its class's name in it.

    >>> from blogkit.charts import decision, samples
    >>> chart = decision(samples.moons(), "x", "y", "moon", of=samples.moons_classifier)
    >>> chart.title.text
    'Wrong for 4 of 120 examples'
    """
    alt = load_altair()
    for name in (x, y, label):
        if name not in points.columns:
            raise ChartError(_unknown_name("column", name, list(map(str, points.columns))))
    if points.empty or points[[x, y, label]].isna().any(axis=None):
        raise ChartError(f"the examples need a number in {x!r} and {y!r} and a class in {label!r}, each of them.")
    levels = list(classes) if classes is not None else sorted(map(_plain_value, points[label].unique()), key=_by_kind)
    if len(levels) < 2:
        raise ChartError(f"{label!r} has one class, {levels[0]!r}: there is nothing to decide.")
    if set(points[label]) - set(levels):
        raise ChartError(f"classes= leaves out {', '.join(map(repr, sorted(set(points[label]) - set(levels))))}.")
    several = isinstance(of, Mapping)
    by = facet or over
    if several != bool(by):
        raise ChartError("of={level: classifier, …} goes with the name of what varies: facet='width' or over='epoch'.")
    models: Mapping[Any, Any] = of if isinstance(of, Mapping) else {None: of}
    draw = _DecisionPlot(
        points=points, x=x, y=y, label=label, levels=levels, colours=list(colours),
        x_title=titled(x, x_title), y_title=titled(y, y_title),
    )  # fmt: skip
    decided = {
        level: _decided_by(draw, model, {by: level} if by else {}, resolution) for level, model in models.items()
    }
    if over:
        return film(sized(draw.chart(_joined_decisions(decided.values())), width=340, height=340), over)
    if not facet:
        (only,) = decided.values()
        return sized(draw.chart(only), width=360, height=360, title=heading(title or only.words))
    size = 250 if len(decided) < 3 else 180
    panels = [
        sized(
            draw.chart(one, left=number % 3 == 0),
            width=size,
            height=size,
            title=heading(setting_words(facet, level), one.words),
        )
        for number, (level, one) in enumerate(decided.items())
    ]
    whole: Any = alt.concat(*panels, columns=3, spacing=14)
    return whole.properties(title=heading(title)) if title else whole  # type: ignore[no-any-return]


def _shifted_all(inside: Array) -> Array:
    """The places whose four neighbours are inside too."""
    import numpy as np

    return np.logical_and.reduce([np.roll(inside, step, axis) for axis in (0, 1) for step in (-1, 1)])


def _by_kind(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value


# --- what is decided ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Decision:
    """What one classifier decides."""

    bands: list[dict[str, Any]]
    """The outlines of the regions."""
    names: list[dict[str, Any]]
    """Where the name of each region stands."""
    wrong: list[dict[str, Any]]
    """The examples that it gets wrong."""
    words: str


def _decided_by(draw: _DecisionPlot, model: Any, common: dict[str, Any], resolution: int) -> _Decision:
    surface = _shares_over_plane(draw, model, resolution)
    spans = (float(surface.x[-1] - surface.x[0]), float(surface.y[-1] - surface.y[0]))
    bands: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    for number, level in enumerate(draw.levels):
        ahead = surface.ahead(number)
        for least in _AHEAD:
            rings = outlines(surface.x, surface.y, ahead, least, 2.0)
            row = {**common, "decided": _plain_value(level), "ahead": least}
            bands += ring_rows(rings, (draw.x, draw.y), row, spans)
        place = surface.middle(number)
        if place:
            names.append({**common, draw.x: place[0], draw.y: place[1], "name": level_words(level)})
    chosen = surface.chosen(draw.points[draw.x], draw.points[draw.y])
    wrong = [
        {**common, draw.x: a, draw.y: b, draw.label: truth, "decided": _plain_value(draw.levels[choice])}
        for a, b, truth, choice in zip(
            *(map(_plain_value, draw.points[name]) for name in (draw.x, draw.y, draw.label)), chosen, strict=True
        )
        if draw.levels[choice] != truth
    ]
    return _Decision(
        bands=bands, names=names, wrong=wrong, words=f"Wrong for {len(wrong)} of {len(draw.points)} examples"
    )


def _joined_decisions(decisions: Iterable[_Decision]) -> _Decision:
    """Those of a film's frames as one."""
    several = list(decisions)
    return _Decision(
        bands=[row for one in several for row in one.bands],
        names=[row for one in several for row in one.names],
        wrong=[row for one in several for row in one.wrong],
        words="",
    )


def _shares_over_plane(draw: _DecisionPlot, model: Any, resolution: int) -> _ShareSurface:
    """The classifier's probabilities over the examples' range, or over the grid that it was given as."""
    import numpy as np
    import pandas as pd

    if isinstance(model, pd.DataFrame):
        return _shares_of_grid(draw, model)
    x, y = (_axis_places(draw.points[name], resolution) for name in (draw.x, draw.y))
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype("float32")
    shares = _class_shares(_model_answer(model, places), len(draw.levels), len(places))
    return _ShareSurface(x=x, y=y, shares=shares.T.reshape(len(draw.levels), len(y), len(x)))


def _axis_places(values: Any, resolution: int) -> Array:
    import numpy as np

    low, high = float(values.min()), float(values.max())
    room = _ROOM * ((high - low) or 1.0)
    return np.linspace(low - room, high + room, resolution)


def _model_answer(model: Any, places: Array) -> Array:
    """What a function or a torch module says of the places."""
    import numpy as np

    if hasattr(model, "parameters") and hasattr(model, "eval"):
        torch: Any = sys.modules["torch"]  # where the module comes from
        with torch.no_grad():
            return model(torch.from_numpy(places)).numpy()
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(places))
    found = model(places)
    return np.asarray(found.detach() if hasattr(found, "detach") else found)


def _class_shares(answer: Array, classes: int, places: int) -> Array:
    """Probabilities (places, classes) of what may be logits, or of the second class alone."""
    import numpy as np

    answer = np.asarray(answer, dtype="float64")
    if answer.shape in ((places,), (places, 1)) and classes == 2:
        second = answer.reshape(places)
        if second.min() < 0 or second.max() > 1:
            second = 1 / (1 + np.exp(-np.clip(second, -50, 50)))
        answer = np.stack([1 - second, second], axis=1)
    if answer.shape != (places, classes):
        raise ChartError(
            f"the classifier gives an array of shape {answer.shape} for {places} places; wanted is "
            f"({places}, {classes}), a number for each class{', or one for the second class' if classes == 2 else ''}."
        )
    if not np.isfinite(answer).all():
        raise ChartError("the classifier gives values that are no numbers: its training may have diverged.")
    if answer.min() < 0 or not np.allclose(answer.sum(axis=1), 1, atol=1e-3):
        answer = np.exp(answer - answer.max(axis=1, keepdims=True))
        answer /= answer.sum(axis=1, keepdims=True)
    return answer


def _shares_of_grid(draw: _DecisionPlot, grid: DataFrame) -> _ShareSurface:
    missing = [name for name in (draw.x, draw.y, *draw.levels) if name not in grid.columns]
    if missing:
        raise ChartError(f"the grid has no column {missing[0]!r}: it needs the two inputs and one for each class.")
    tables = [grid.pivot(index=draw.y, columns=draw.x, values=level) for level in draw.levels]
    if tables[0].isna().any(axis=None):
        raise ChartError("the grid is not regular: each value of one input needs every value of the other.")
    import numpy as np

    places = tables[0].size
    flat = np.stack([table.to_numpy().reshape(-1) for table in tables], axis=1)
    shares = _class_shares(flat, len(draw.levels), places).T.reshape(len(tables), *tables[0].shape)
    return _ShareSurface(x=tables[0].columns.to_numpy(), y=tables[0].index.to_numpy(), shares=shares)


# --- drawing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _DecisionPlot:
    """What every panel shares."""

    points: DataFrame
    x: str
    y: str
    label: str
    levels: Sequence[Any]
    colours: Sequence[str]
    x_title: str
    y_title: str

    def chart(self, one: _Decision, left: bool = True) -> Any:
        """The regions, the line between them, the examples, and rings around those that are wrong."""
        import pandas as pd

        alt = load_altair()

        table, wrong, names_at = pd.DataFrame(one.bands), one.wrong, one.names
        domains = [[float(table[name].min()), float(table[name].max())] for name in (self.x, self.y)]
        quiet = {"grid": False, "tickCount": 5}
        scales = [alt.Scale(domain=domain, nice=False) for domain in domains]
        x = alt.X(f"{field_name(self.x)}:Q", title=self.x_title, scale=scales[0], axis=alt.Axis(**quiet))
        beside = alt.Axis(**quiet, labels=left, ticks=left)
        y = alt.Y(f"{field_name(self.y)}:Q", title=self.y_title if left else None, scale=scales[1], axis=beside)
        names = [_plain_value(level) for level in self.levels]
        colour = alt.Scale(domain=names, range=[self.colours[n % len(self.colours)] for n in range(len(names))])
        shape = alt.Scale(domain=names, range=[SHAPES[n % len(SHAPES)] for n in range(len(names))])
        kind = alt.Tooltip(field_name(self.label), title=titled(self.label))
        decided = alt.Tooltip("decided:N", title="Decided")
        outline = alt.Chart(table).encode(x=x, y=y, order="order:Q", detail=["decided:N", "ahead:Q"])
        regions = outline.mark_line(strokeWidth=0, fillOpacity=0.16).encode(
            fill=alt.Fill("decided:N", scale=colour, legend=None),
            tooltip=[
                alt.Tooltip("decided:N", title="Decided"),
                alt.Tooltip("ahead:Q", title="Ahead by at least", format=".0%"),
            ],
        )
        edge = outline.transform_filter("datum.ahead == 0").mark_line(strokeWidth=1, color="#808080", clip=True)
        dots = alt.Chart(self.points[[self.x, self.y, self.label]])
        examples = dots.mark_point(filled=True, size=32, opacity=1, stroke="white", strokeWidth=0.6).encode(
            x=x,
            y=y,
            color=alt.Color(f"{field_name(self.label)}:N", scale=colour, legend=None),
            shape=alt.Shape(f"{field_name(self.label)}:N", scale=shape, legend=None),
            tooltip=[kind, *self._place_tooltips()],
        )
        name = alt.Chart(pd.DataFrame(names_at)).mark_text(fontSize=13, fontWeight="bold", clip=True)
        layers = [regions, edge, examples, name.encode(x=x, y=y, text="name:N")]
        if wrong:
            ring = alt.Chart(pd.DataFrame(wrong)).mark_point(size=130, strokeWidth=1.6, color="#d01c1c", opacity=1)
            layers.append(ring.encode(x=x, y=y, tooltip=[kind, decided, *self._place_tooltips()]))
        return alt.layer(*layers)

    def _place_tooltips(self) -> list[Any]:
        alt = load_altair()
        return [
            alt.Tooltip(f"{field_name(name)}:Q", title=title, format=".4~g")
            for name, title in ((self.x, self.x_title), (self.y, self.y_title))
        ]
