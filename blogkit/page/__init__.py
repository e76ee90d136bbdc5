"""A rendered page as every stage reads it: one parse, one model, one count of its words."""

from __future__ import annotations

from blogkit.page.charts import Chart
from blogkit.page.floats import Float
from blogkit.page.model import Block, Link, Page, Section
from blogkit.page.notes import Footnote, ListedWork

__all__ = ["Block", "Chart", "Float", "Footnote", "Link", "ListedWork", "Page", "Section"]
