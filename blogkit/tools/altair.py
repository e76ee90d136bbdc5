"""Altair, which notebooks draw with: its charts as specifications, and how it shows them in a run.

Loaded in kernels, also in those of an environment without blogkit, so it needs the standard library alone and imports
Altair only where a notebook already has.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

MIME = "application/vnd.vegalite.v6+json"
"""With ``+json``: Altair's own ``mimetype`` renderer writes ``.json``, which nbformat refuses, and the run is lost."""

KERNEL_STARTUP = Path(__file__).with_name("kernel_startup.py")
"""The file that a run's kernel reads first: give its path as ``PYTHONSTARTUP`` in the kernel's environment."""


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
    if "altair" in sys.modules:
        _enable(sys.modules["altair"])
    elif not any(isinstance(finder, _AfterAltair) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterAltair())


def _enable(altair: ModuleType) -> None:
    altair.renderers.register("blogkit", draw)
    altair.renderers.enable("blogkit")
    _lift_row_limit(altair)


def _lift_row_limit(altair: ModuleType) -> None:
    if altair.data_transformers.active == "default":
        altair.data_transformers.enable("default", max_rows=None)


class _AfterAltair(importlib.abc.MetaPathFinder):
    """Lets Altair be imported as ever, once, and then switches the renderer on."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "altair":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("altair")
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """A module's own loader, with a step after it."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._own.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._own.exec_module(module)
        _enable(module)
