"""Altair, which notebooks draw with: its charts as specifications, and how it shows them in a run.

Loaded in kernels, also in those of an environment without blogkit, so it needs the standard library alone and imports
Altair only where a notebook already has.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

from blogkit.kernel.after_import import after_import

MIME = "application/vnd.vegalite.v6+json"
"""With ``+json``: Altair's own ``mimetype`` renderer writes ``.json``, which nbformat refuses, and the run is lost."""


def specification(chart: Any) -> dict[str, Any]:
    """A chart's Vega-Lite specification with its data inline, however many rows it has."""
    import altair

    with altair.data_transformers.enable("default", max_rows=None):
        made: dict[str, Any] = chart.to_dict()
    return made


def draw(spec: dict[str, Any], **metadata: Any) -> Any:
    """The Altair renderer ``blogkit``: in a run the specification alone, which `gather` makes a figure of.

    In plain Jupyter the chart is shown as Altair shows it, and the specification goes along.
    """
    shown: dict[str, Any] = {MIME: spec, "text/plain": "<a chart; `blogkit gather` makes a figure of it>"}
    if "BLOGKIT_RUN_FOLDER" in os.environ:
        return shown
    from altair.vegalite.v6.display import html_renderer

    return {**shown, **html_renderer(spec, **metadata)}


def __getattr__(name: str) -> Any:
    """``renderer``, which the entry point names: whoever enables it has the limit of 5,000 rows lifted too."""
    if name != "renderer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _lift_row_limit(sys.modules["altair"])
    return draw


def switch_on() -> None:
    """Makes ``blogkit`` the renderer of a kernel: at once where Altair is loaded, else when a notebook imports it."""
    after_import("altair", _enable_renderer)


def _enable_renderer(altair: ModuleType) -> None:
    altair.renderers.register("blogkit", draw)
    altair.renderers.enable("blogkit")
    _lift_row_limit(altair)
    if "BLOGKIT_RUN_FOLDER" in os.environ:
        _keep_enabled(altair.renderers, "blogkit", {})
        _keep_enabled(altair.data_transformers, "default", {"max_rows": None})


def _keep_enabled(registry: Any, name: str, options: dict[str, Any]) -> None:
    """In a run, another renderer or transformer that a notebook names for its readers' screens changes nothing.

    Altair's ``jupyter`` renderer would draw nothing there, ``mimetype`` would spoil the notebook, and ``json`` and
    ``vegafusion`` would take the rows away.
    """
    enable = registry.enable

    def keep_ours(asked: str | None = None, **others: Any) -> Any:
        return enable(name, **options)

    registry.enable = keep_ours


def _lift_row_limit(altair: ModuleType) -> None:
    if altair.data_transformers.active == "default":
        altair.data_transformers.enable("default", max_rows=None)
