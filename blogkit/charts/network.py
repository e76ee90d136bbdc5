"""A network as a diagram: its layers, their shapes and parameters, and its units coloured by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blogkit.charts.frames import ChartError
from blogkit.charts.look import heading, load_altair, sized
from blogkit.charts.pictures import as_pixels

if TYPE_CHECKING:
    import altair as alt

_MOST_UNITS = 16
"""Units of a layer that are drawn; of more, as many are spread over the layer."""
_COLUMN, _UNIT = 116, 17
"""Pixels: between two layers, and of a unit."""
_SIZES = (("in_features", "out_features"), ("in_channels", "out_channels"), ("input_size", "hidden_size"))
"""What torch's layers call what they are given and what they give."""


@dataclass(frozen=True, kw_only=True)
class _NetworkLayer:
    """A layer as the diagram shows it."""

    name: str
    units: int
    parameters: int


def network(
    model: Any,
    activations: Mapping[str, Any] | None = None,
    *,
    title: str | None = None,
) -> alt.LayerChart:
    """A diagram of a network: a column a layer, with its units, its name, its size and its parameters.

    ``model`` is a torch module, whose layers with weights and non-linearities between them are read, or a list of
    layers as (name, units) or (name, units, parameters). ``activations`` gives for a layer's name an array or tensor
    (examples, units): a unit is then dark by how often it is active (above zero), and one that is never active is
    crossed out. Of a large layer some units are drawn, and how many there are stands above.

    >>> from blogkit.charts import network
    >>> layers = [("input", 2), ("hidden", 6, 18), ("output", 1, 7)]
    >>> chart = network(layers, activations={"hidden": [[0, 1, 2, 0, 0.5, 0], [0, 0, 2, 1, 0.5, 0]]})
    >>> chart.title.text
    '3 layers, 25 parameters; 2 of 6 units are never active'
    """
    import pandas as pd

    alt = load_altair()
    layers = list(_layers_of(model))
    if len(layers) < 2:
        raise ChartError("a diagram needs two layers or more: a torch module, or [('input', 2), ('output', 1)].")
    active = {name: as_pixels(values) for name, values in (activations or {}).items()}
    for name, values in active.items():
        units = {layer.name: layer.units for layer in layers}
        if name not in units:
            raise ChartError(f"there is no layer {name!r}; there are: {', '.join(units)}.")
        if values.reshape(len(values), -1).shape[1] != units[name]:
            raise ChartError(f"{name!r} has {units[name]} units, and its activations are {values.shape}.")
    rows = [row for place, layer in enumerate(layers) for row in _unit_rows(place, layer, active.get(layer.name))]
    edges = list(_edge_rows(rows))
    heads = [
        {"layer": layer.name, "place": place, "size": f"{layer.units:,} unit{'s' if layer.units != 1 else ''}",
         "parameters": f"{layer.parameters:,} parameters" if layer.parameters else ""}
        for place, layer in enumerate(layers)
    ]  # fmt: skip
    tall = max(120, min(_MOST_UNITS, max(layer.units for layer in layers)) * _UNIT + 20)
    x = alt.X("place:Q", axis=None, scale=alt.Scale(domain=[-0.5, len(layers) - 0.5], nice=False))
    y = alt.Y("height:Q", axis=None, scale=alt.Scale(domain=[-0.5, 0.5], nice=False))
    wires = alt.Chart(pd.DataFrame(edges)).mark_rule(
        strokeWidth=0.6, opacity=0.45 if len(edges) < 150 else 0.2, tooltip=None
    )
    units = alt.Chart(pd.DataFrame(rows)).encode(x=x, y=y)
    shade = alt.Color(
        "active:Q", title="Active for", scale=alt.Scale(domain=[0, 1], range=["#e3edf5", "#0b4f7d"]),
        legend=alt.Legend(format=".0%", orient="bottom", direction="horizontal", tickCount=2),
    )  # fmt: skip
    tooltips = [alt.Tooltip("layer:N", title="Layer"), alt.Tooltip("unit:Q", title="Unit")]
    if active:
        tooltips += [alt.Tooltip("active:Q", title="Active for", format=".0%"), alt.Tooltip("state:N", title="It is")]
    dead = units.transform_filter("datum.state == 'dead'")
    look = {"size": _UNIT * 10, "opacity": 1, "stroke": "#5d7589", "strokeWidth": 0.8}
    known = units.transform_filter("isValid(datum.active)").mark_circle(**look)
    unknown = units.transform_filter("!isValid(datum.active)").mark_circle(**look, color="#8aa4b8")
    crossed = dead.mark_point(shape="cross", angle=45, size=110, filled=True, color="#d01c1c", opacity=1)
    words = alt.Chart(pd.DataFrame(heads)).encode(x=x)
    down = [words.mark_text(fontSize=12, fontWeight="bold", dy=-42).encode(y=alt.value(0), text="layer:N")]
    down += [
        words.mark_text(fontSize=11, dy=move).encode(y=alt.value(0), text=f"{name}:N")
        for name, move in (("size", -27), ("parameters", -13))
    ]
    drawn = alt.layer(
        wires.encode(x=x, y=y, x2="place_to:Q", y2="height_to:Q"),
        unknown.encode(tooltip=tooltips),
        *([known.encode(color=shade, tooltip=tooltips), crossed.encode(tooltip=tooltips)] if active else []),
        *down,
        view=alt.ViewBackground(stroke=None),
    )
    said = title or _network_words(layers, active)
    return sized(drawn, width=_COLUMN * len(layers), height=tall, title=heading(said))


def _network_words(layers: Sequence[_NetworkLayer], active: Mapping[str, Any]) -> str:
    words = f"{len(layers)} layers, {sum(layer.parameters for layer in layers):,} parameters"
    if not active:
        return words
    dead = sum(int((values.reshape(len(values), -1) <= 0).all(axis=0).sum()) for values in active.values())
    whole = sum(values.reshape(len(values), -1).shape[1] for values in active.values())
    return f"{words}; {dead:,} of {whole:,} units {'is' if dead == 1 else 'are'} never active"


def _layers_of(model: Any) -> Iterator[_NetworkLayer]:
    """The layers of a torch module, or of a list."""
    if not hasattr(model, "named_modules"):
        for one in model:
            name, units, parameters = (*one, 0)[:3]
            yield _NetworkLayer(name=str(name), units=int(units), parameters=int(parameters))
        return
    found = False
    for name, module in model.named_modules():
        sizes = next((pair for pair in _SIZES if hasattr(module, pair[1])), None)
        if sizes is None or next(iter(module.children()), None) is not None:
            continue
        if not found:
            yield _NetworkLayer(name="input", units=int(getattr(module, sizes[0])), parameters=0)
        found = True
        count = sum(int(one.numel()) for one in module.parameters())
        yield _NetworkLayer(name=name or type(module).__name__, units=int(getattr(module, sizes[1])), parameters=count)
    if not found:
        raise ChartError(
            f"no layer of the {type(model).__name__} says its size as Linear, Conv and GRU do; give a list of layers: "
            "[('input', 2), ('hidden', 8, 24)]."
        )


def _unit_rows(place: int, layer: _NetworkLayer, active: Any) -> Iterator[dict[str, Any]]:
    """The units of a layer that are drawn, from the top."""
    import numpy as np

    count = min(layer.units, _MOST_UNITS)
    chosen = sorted({round(number * (layer.units - 1) / max(1, count - 1)) for number in range(count)})
    shares = None if active is None else (active.reshape(len(active), -1) > 0).mean(axis=0)
    room = min(1.0, count / min(_MOST_UNITS, max(count, 2)))
    for number, unit in enumerate(chosen):
        height = 0.0 if len(chosen) == 1 else (0.5 - number / (len(chosen) - 1)) * 0.94 * room
        share = None if shares is None else float(np.round(shares[unit], 4))
        state = "" if share is None else "dead" if share == 0 else "alive"
        yield {"layer": layer.name, "place": place, "unit": unit, "height": height, "active": share, "state": state}


def _edge_rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lines between the drawn units of neighbouring layers."""
    for one in rows:
        for other in rows:
            if other["place"] == one["place"] + 1:
                yield {
                    "place": one["place"], "height": one["height"],
                    "place_to": other["place"], "height_to": other["height"],
                }  # fmt: skip
