"""Charts of the kinds that Altair's gallery shows, each small, for tests that want every kind of chart there is.

Simple charts, bars, lines, areas, points, distributions, uncertainty, tables, circles, dates, case studies, several
views, interaction; a name says which.
"""

from __future__ import annotations

import math
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.1.0.json"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42m"
    "NkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg=="
)

Spec = dict[str, Any]


def number(field: str, **more: Any) -> Spec:
    """A channel of numbers."""
    return {"field": field, "type": "quantitative", **more}


def name(field: str, **more: Any) -> Spec:
    """A channel of names."""
    return {"field": field, "type": "nominal", **more}


def date(field: str, **more: Any) -> Spec:
    """A channel of dates."""
    return {"field": field, "type": "temporal", **more}


def view(mark: Any, /, **encoding: Any) -> Spec:
    """A mark and what its channels show."""
    return {"mark": mark, "encoding": encoding}


def chart(rows: list[Spec], mark: Any, /, more: Spec | None = None, **encoding: Any) -> Spec:
    """A chart of one view."""
    return {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "width": 240,
        "height": 140,
        **view(mark, **encoding),
        **(more or {}),
    }


def several(rows: list[Spec], **more: Any) -> Spec:
    """A chart of several views, or with something else at its top."""
    return {"$schema": SCHEMA, "data": {"values": rows}, **more}


PARTS = [
    {"part": part, "share": share, "kind": kind}
    for part, share, kind in (
        ("Train", 28, "a"),
        ("Validation", 55, "b"),
        ("Test", 43, "a"),
        ("Held out", 91, "b"),
        ("Noise", -20, "a"),
    )
]
CURVES = [
    {
        "epoch": epoch,
        "run": f"run {run}",
        "loss": round(2.2 * math.exp(-epoch / (4 + run)) + 0.1 * run + 0.05, 4),
        "low": round(2.0 * math.exp(-epoch / (4 + run)), 4),
        "high": round(2.5 * math.exp(-epoch / (4 + run)) + 0.3, 4),
    }
    for run in range(3)
    for epoch in range(1, 13)
]
POINTS = [
    {
        "x": round(7 + 5 * math.sin(n), 3),
        "y": round(20 + n * 1.7 + 6 * math.cos(2 * n), 3),
        "size": 1 + n % 7,
        "group": "ABC"[n % 3],
        "name": f"p{n}",
    }
    for n in range(36)
]
GRID = [{"row": row, "column": column, "value": row * column % 7} for row in range(5) for column in range(6)]
DAYS = [
    {
        "day": f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}",
        "price": 40 + n % 9,
        "low": 35 + n % 5,
        "high": 50 + n % 6,
        "close": 42 + (n * 3) % 8,
    }
    for n in range(0, 112, 4)
]
MOMENTS = [{"at": f"2024-03-{1 + n // 6:02d}T{4 * (n % 6):02d}:30:00", "load": (n * 7) % 11} for n in range(30)]
ZONED = [{"at": f"2024-06-01T{n:02d}:00:00+02:00", "load": n % 5} for n in range(0, 24, 2)]
WRITTEN = [{"when": f"{month} 15, 2023", "n": n} for n, month in enumerate(("Jan", "Apr", "Aug", "Dec"))]
TASKS = [
    {"task": "Load", "start": 1, "end": 3},
    {"task": "Train", "start": 3, "end": 8},
    {"task": "Test", "start": 8, "end": 9},
]
EQUAL = [{"x": n, "y": 0.37, "c": 0.37} for n in range(5)]
ODD = [{"loss [nats]": n + 0.5, "a.b": n, "it is": "x" if n % 2 else "y"} for n in range(6)]

XY = {"x": number("x"), "y": number("y")}
CURVE = {"x": number("epoch"), "y": number("loss"), "color": name("run")}
PART = {"x": name("part"), "y": number("share")}


def select(kind: str, /, **more: Any) -> Spec:
    """A selection and what it is bound to."""
    inner = {key: more.pop(key) for key in ("fields", "encodings", "toggle") if key in more}
    return {"name": "chosen", "select": {"type": kind, **inner}, **more}


FAINT = {"condition": {"param": "chosen", "value": 1}, "value": 0.15}
BARS: dict[str, Spec] = {
    "bar": chart(PARTS, "bar", **PART),
    "bar-steps": chart(PARTS, "bar", {"width": {"step": 30}}, **PART),
    "bar-horizontal": chart(PARTS, "bar", x=number("share"), y=name("part", sort="-x")),
    "bar-grouped": chart(CURVES, "bar", x=name("epoch"), y=number("loss"), xOffset=name("run"), color=name("run")),
    "bar-stacked": chart(CURVES, "bar", x=name("epoch"), y=number("loss", aggregate="sum"), color=name("run")),
    "bar-normalised": chart(CURVES, "bar", x=number("loss", stack="normalize"), y=name("epoch"), color=name("run")),
    "bar-diverging": chart(
        PARTS, "bar", color={"condition": {"test": "datum.share > 0", "value": "steelblue"}, "value": "orange"}, **PART
    ),
    "bar-labelled": several(
        PARTS, layer=[view("bar", **PART), view({"type": "text", "dy": -6}, text=number("share"), **PART)]
    ),
    "bar-rounded": chart(PARTS, {"type": "bar", "cornerRadius": 6}, **PART),
    "lollipop": several(PARTS, layer=[view("rule", **PART), view({"type": "point", "filled": True}, **PART)]),
    "gantt": chart(TASKS, "bar", x=number("start"), x2={"field": "end"}, y=name("task")),
    "waterfall": chart(
        PARTS,
        "bar",
        {
            "transform": [
                {"window": [{"op": "sum", "field": "share", "as": "until"}]},
                {"calculate": "datum.until - datum.share", "as": "from"},
            ]
        },
        x=name("part", sort=None),
        y=number("from"),
        y2={"field": "until"},
    ),
}
LINES: dict[str, Spec] = {
    "line": chart(CURVES, "line", **CURVE),
    "line-points": chart(CURVES, {"type": "line", "point": True}, **CURVE),
    "line-step": chart(CURVES, {"type": "line", "interpolate": "step-after"}, **CURVE),
    "line-monotone": chart(CURVES, {"type": "line", "interpolate": "monotone"}, **CURVE),
    "line-dashed": chart(CURVES, "line", strokeDash=name("run"), **CURVE),
    "line-varying": chart(CURVES, "trail", size=number("loss"), **CURVE),
    "line-log": chart(CURVES, "line", **{**CURVE, "y": number("loss", scale={"type": "log"})}),
    "line-symlog": chart(PARTS, "line", x=name("part"), y=number("share", scale={"type": "symlog"})),
    "line-power": chart(CURVES, "line", **{**CURVE, "x": number("epoch", scale={"type": "pow", "exponent": 0.5})}),
    "line-band": several(
        CURVES,
        layer=[
            view(
                {"type": "area", "opacity": 0.3},
                x=number("epoch"),
                y=number("low", title="Loss"),
                y2={"field": "high"},
                color=name("run"),
            ),
            view("line", **CURVE),
        ],
    ),
    "line-ends": several(
        CURVES,
        layer=[
            view("line", **CURVE),
            {
                **view({"type": "text", "align": "left", "dx": 4}, text=name("run"), **CURVE),
                "transform": [{"filter": "datum.epoch == 12"}],
            },
        ],
        width=220,
    ),
    "line-mean": several(CURVES, layer=[view("line", **CURVE), view("rule", y=number("loss", aggregate="mean"))]),
    "area": chart(CURVES[:12], "area", x=number("epoch"), y=number("loss")),
    "area-stacked": chart(CURVES, {"type": "area", "line": True}, **CURVE),
    "area-stream": chart(CURVES, "area", **{**CURVE, "y": number("loss", stack="center", axis=None)}),
    "area-gradient": chart(
        CURVES[:12],
        {
            "type": "area",
            "color": {
                "gradient": "linear",
                "x1": 1,
                "x2": 1,
                "y1": 1,
                "y2": 0,
                "stops": [{"offset": 0, "color": "white"}, {"offset": 1, "color": "darkgreen"}],
            },
        },
        x=number("epoch"),
        y=number("loss"),
    ),
    "two-axes": several(
        CURVES[:12],
        layer=[
            view({"type": "line", "color": "firebrick"}, x=number("epoch"), y=number("loss")),
            view("line", x=number("epoch"), y=number("high", title="Upper")),
        ],
        resolve={"scale": {"y": "independent"}},
    ),
    "cumulative": chart(
        POINTS,
        "line",
        {"transform": [{"sort": [{"field": "x"}], "window": [{"op": "count", "as": "n"}], "frame": [None, 0]}]},
        x=number("x"),
        y=number("n"),
    ),
    "moving-mean": chart(
        DAYS,
        "line",
        {"transform": [{"window": [{"op": "mean", "field": "price", "as": "m"}], "frame": [-3, 3]}]},
        x=date("day"),
        y=number("m"),
    ),
}
POINT_CHARTS: dict[str, Spec] = {
    "scatter": chart(POINTS, "point", **XY),
    "scatter-groups": chart(POINTS, "circle", color=name("group"), shape=name("group"), **XY),
    "bubbles": chart(POINTS, {"type": "circle", "opacity": 0.5}, size=number("size"), **XY),
    "scatter-ramp": chart(POINTS, "square", color=number("size"), **XY),
    "scatter-text": chart(POINTS[:12], "text", text=name("name"), **XY),
    "scatter-connected": chart(POINTS[:12], {"type": "line", "point": True}, order=number("size"), **XY),
    "scatter-trend": several(
        POINTS, layer=[view("point", **XY), {**view("line", **XY), "transform": [{"regression": "y", "on": "x"}]}]
    ),
    "scatter-loess": several(
        POINTS, layer=[view("point", **XY), {**view("line", **XY), "transform": [{"loess": "y", "on": "x"}]}]
    ),
    "strip": chart(POINTS, "tick", x=number("y"), y=name("group")),
    "dots": chart(POINTS, "circle", x=number("y", bin=True), y=name("group"), size={"aggregate": "count"}),
    "images": chart(POINTS[:6], {"type": "image", "width": 12, "height": 12}, url={"value": PIXEL}, **XY),
    "emoji": chart(POINTS[:6], {"type": "text", "size": 18}, text={"value": "★"}, **XY),
    "equal-values": chart(
        EQUAL, {"type": "line", "point": True}, x=number("x"), y=number("y", scale={"zero": False}), color=number("c")
    ),
    "equal-values-zero": chart(EQUAL, "point", x=number("x"), y=number("y"), size=number("c")),
    "brackets": chart(ODD, "point", x=number("loss \\[nats\\]"), y=number("a\\.b"), color=name("it is")),
}
DISTRIBUTIONS: dict[str, Spec] = {
    "histogram": chart(POINTS, "bar", x=number("y", bin=True), y={"aggregate": "count"}),
    "histogram-layers": chart(
        POINTS,
        {"type": "bar", "opacity": 0.4, "binSpacing": 0},
        x=number("y", bin={"maxbins": 20}),
        y={"aggregate": "count", "stack": None},
        color=name("group"),
    ),
    "heat-map": chart(GRID, "rect", x=name("column"), y=name("row"), color=number("value")),
    "heat-map-labels": several(
        GRID,
        layer=[
            view("rect", x=name("column"), y=name("row"), color=number("value", legend=None)),
            view("text", x=name("column"), y=name("row"), text=number("value")),
        ],
    ),
    "heat-map-bins": chart(
        POINTS, "rect", x=number("x", bin=True), y=number("y", bin=True), color={"aggregate": "count"}
    ),
    "box": chart(POINTS, "boxplot", x=name("group"), y=number("y")),
    "density": chart(
        POINTS,
        "area",
        {"transform": [{"density": "y", "groupby": ["group"], "as": ["y", "d"]}]},
        x=number("y"),
        y=number("d"),
        color=name("group"),
    ),
    "quantiles": chart(
        POINTS, "line", {"transform": [{"quantile": "y", "step": 0.05}]}, x=number("prob"), y=number("value")
    ),
    "error-bars": several(
        POINTS,
        layer=[
            view({"type": "errorbar", "extent": "stdev"}, x=number("y"), y=name("group")),
            view({"type": "point", "filled": True}, x=number("y", aggregate="mean"), y=name("group")),
        ],
    ),
    "error-band": chart(POINTS, {"type": "errorband", "extent": "ci"}, x=number("size"), y=number("y")),
    "pie": chart(PARTS[:4], "arc", theta=number("share"), color=name("part")),
    "donut": chart(PARTS[:4], {"type": "arc", "innerRadius": 30}, theta=number("share"), color=name("part")),
    "radial": chart(
        PARTS[:4],
        {"type": "arc", "innerRadius": 10, "stroke": "white"},
        theta=number("share", stack=True),
        radius=number("share", scale={"type": "sqrt", "zero": True, "rangeMin": 10}),
        color=name("part"),
    ),
}
DATES: dict[str, Spec] = {
    "dates": chart(DAYS, "line", x=date("day"), y=number("price")),
    "dates-months": chart(DAYS, "bar", x=date("day", timeUnit="month"), y=number("price", aggregate="mean")),
    "dates-yearmonth": chart(
        DAYS, "bar", x={"field": "day", "type": "ordinal", "timeUnit": "yearmonth"}, y=number("price", aggregate="mean")
    ),
    "dates-words": chart(
        DAYS[:6], "text", x=date("day"), y=number("price"), text={"field": "day", "type": "temporal", "format": "%d %b"}
    ),
    "dates-hours": chart(
        MOMENTS,
        "rect",
        x={"field": "at", "type": "ordinal", "timeUnit": "hours"},
        y={"field": "at", "type": "ordinal", "timeUnit": "monthdate"},
        color=number("load"),
    ),
    "dates-zoned": chart(ZONED, "line", x=date("at", axis={"format": "%H:%M"}), y=number("load")),
    "dates-written": chart(WRITTEN, "point", x=date("when"), y=number("n")),
    "dates-filtered": chart(
        DAYS,
        "point",
        {
            "transform": [
                {
                    "filter": {
                        "timeUnit": "yearmonthdate",
                        "field": "day",
                        "range": [{"year": 2024, "month": 2, "date": 1}, {"year": 2024, "month": 4, "date": 1}],
                    }
                },
                {"calculate": "month(datum.day)", "as": "m"},
            ]
        },
        x=number("m"),
        y=number("price"),
    ),
    "dates-rule": several(
        DAYS,
        layer=[
            view("line", x=date("day"), y=number("price")),
            view("rule", x={"datum": {"year": 2024, "month": 3, "date": 1}, "type": "temporal"}),
        ],
    ),
    "dates-legend": chart(DAYS, "point", x=number("low"), y=number("high"), color=date("day")),
    "candles": several(
        DAYS,
        encoding={
            "x": date("day"),
            "color": {"condition": {"test": "datum.price < datum.close", "value": "#06982d"}, "value": "#ae1325"},
        },
        layer=[
            view("rule", y=number("low", scale={"zero": False}), y2={"field": "high"}),
            view("bar", y=number("price"), y2={"field": "close"}),
        ],
    ),
}
SEVERAL: dict[str, Spec] = {
    "facets": several(POINTS, facet=name("group"), columns=2, spec={"width": 120, "height": 90, **view("point", **XY)}),
    "facet-rows": several(
        POINTS, facet={"row": name("group")}, spec={"width": 160, "height": 60, **view("point", **XY)}
    ),
    "facet-column": chart(POINTS, "point", {"width": 90}, column=name("group"), **XY),
    "beside": several(
        POINTS,
        hconcat=[
            {"width": 140, "height": 120, **view("point", **XY)},
            {"height": 120, **view("bar", x=name("group"), y={"aggregate": "count"})},
        ],
    ),
    "margins": several(
        POINTS,
        vconcat=[
            {
                "width": 150,
                "height": 40,
                **view("bar", x=number("x", bin=True, axis=None), y={"aggregate": "count", "title": None}),
            },
            {
                "hconcat": [
                    {"width": 150, "height": 120, **view("point", **XY)},
                    {
                        "width": 40,
                        "height": 120,
                        **view("bar", y=number("y", bin=True, axis=None), x={"aggregate": "count", "title": None}),
                    },
                ]
            },
        ],
        spacing=5,
    ),
    "repeat": several(
        POINTS,
        repeat=["x", "y"],
        spec={
            "width": 120,
            "height": 90,
            **view(
                "bar", x={"field": {"repeat": "repeat"}, "bin": True, "type": "quantitative"}, y={"aggregate": "count"}
            ),
        },
    ),
    "matrix": several(
        POINTS,
        repeat={"row": ["x", "y"], "column": ["y", "size"]},
        spec={
            "width": 90,
            "height": 70,
            **view(
                "point",
                x={"field": {"repeat": "column"}, "type": "quantitative"},
                y={"field": {"repeat": "row"}, "type": "quantitative"},
            ),
        },
    ),
    "parallel": chart(
        POINTS,
        {"type": "line", "opacity": 0.3},
        {"transform": [{"fold": ["x", "y", "size"]}]},
        x=name("key"),
        y=number("value"),
        detail=name("name"),
    ),
    "title": chart(
        CURVES, "line", {"title": {"text": "A finding", "subtitle": "and more", "anchor": "start"}}, **CURVE
    ),
    "legends": chart(
        POINTS, "point", {"config": {"legend": {"orient": "top"}}}, color=name("group"), size=number("size"), **XY
    ),
}
STARTS: dict[str, Spec] = {
    "slider": chart(
        CURVES,
        "line",
        {
            "params": [{"name": "until", "value": 7, "bind": {"input": "range", "min": 1, "max": 12, "step": 1}}],
            "transform": [{"filter": "datum.epoch <= until"}],
        },
        **CURVE,
    ),
    "slider-selection": chart(
        CURVES,
        "point",
        {
            "params": [
                select(
                    "point",
                    fields=["epoch"],
                    value=[{"epoch": 5}],
                    bind={"input": "range", "min": 1, "max": 12, "step": 1},
                )
            ]
        },
        opacity=FAINT,
        **CURVE,
    ),
    "menu-selection": chart(
        CURVES,
        "line",
        {
            "params": [
                select(
                    "point",
                    fields=["run"],
                    value="run 1",
                    bind={"input": "select", "options": ["run 0", "run 1", "run 2"]},
                )
            ]
        },
        opacity=FAINT,
        **CURVE,
    ),
    "radio-selection": chart(
        CURVES,
        "line",
        {
            "params": [
                select(
                    "point",
                    fields=["run"],
                    value=[{"run": "run 2"}],
                    bind={"input": "radio", "options": ["run 0", "run 1", "run 2"]},
                )
            ]
        },
        opacity=FAINT,
        **CURVE,
    ),
    "two-fields": chart(
        CURVES,
        "point",
        {
            "params": [
                select(
                    "point",
                    fields=["run", "epoch"],
                    value=[{"run": "run 1", "epoch": 4}],
                    bind={
                        "run": {"input": "select", "options": ["run 0", "run 1"]},
                        "epoch": {"input": "range", "min": 1, "max": 12, "step": 1},
                    },
                )
            ]
        },
        opacity=FAINT,
        **CURVE,
    ),
    "checkbox": chart(
        CURVES,
        "line",
        {"params": [{"name": "faint", "value": True, "bind": {"input": "checkbox"}}]},
        opacity={"condition": {"test": "faint", "value": 0.3}, "value": 1},
        **CURVE,
    ),
    "text-input": chart(
        POINTS,
        "point",
        {"params": [{"name": "word", "value": "p1", "bind": {"input": "search"}}]},
        opacity={"condition": {"test": "test(regexp(word, 'i'), datum.name)", "value": 1}, "value": 0.1},
        **XY,
    ),
    "legend-start": chart(
        CURVES,
        "line",
        {"params": [select("point", fields=["run"], bind="legend", value=[{"run": "run 1"}])]},
        opacity=FAINT,
        **CURVE,
    ),
    "brush-start": chart(
        POINTS, "point", {"params": [select("interval", value={"x": [5, 9], "y": [30, 60]})]}, opacity=FAINT, **XY
    ),
    "zoom-start": chart(POINTS, "point", {"params": [select("interval", bind="scales", encodings=["x"])]}, **XY),
    "click-start": chart(
        PARTS, "bar", {"params": [select("point", encodings=["x"], value=[{"x": "Test"}])]}, opacity=FAINT, **PART
    ),
}
GALLERY: dict[str, Spec] = {**BARS, **LINES, **POINT_CHARTS, **DISTRIBUTIONS, **DATES, **SEVERAL, **STARTS}
SAMPLE = (
    "bar-horizontal",
    "line-log",
    "scatter-ramp",
    "heat-map",
    "box",
    "dates",
    "dates-hours",
    "dates-written",
    "beside",
    "facets",
    "legend-start",
    "brush-start",
    "equal-values",
    "two-fields",
)
"""Of every kind one, for the run on every change."""
