"""Plotly's figures as SVG, through kaleido and a Chromium; only where a notebook shows a figure without a drawing."""

from __future__ import annotations

from typing import Any

from blogkit.errors import ToolFailed, ToolMissing

_HINT = "`pip install plotly kaleido`, or let the cell draw it: `fig.show(renderer='svg')`."


def draw_plotly(figure: Any, place: str) -> str:
    """The SVG of a Plotly figure given as JSON. Raises ToolMissing without Plotly and kaleido, ToolFailed otherwise."""
    try:
        from plotly.io import to_image
    except ImportError as error:
        raise ToolMissing(f"{place} shows a Plotly figure, and Plotly is not installed here.", hint=_HINT) from error
    try:
        drawing: bytes = to_image(dict(figure), format="svg", validate=False)
    except (ImportError, ModuleNotFoundError) as error:
        raise ToolMissing(f"{place} shows a Plotly figure, which kaleido draws.", hint=_HINT) from error
    except Exception as error:  # kaleido wraps what its browser says in errors of many kinds
        message = f"{place} shows a Plotly figure that cannot be drawn: {str(error)[:200]}"
        raise ToolFailed(message, hint=_HINT) from error
    return drawing.decode("utf-8")
