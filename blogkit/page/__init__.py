"""A rendered page as every stage reads it: one parse, one model, one count of its words."""

from __future__ import annotations

from blogkit.page.floats import Float
from blogkit.page.model import Block, Link, Page, Section

__all__ = ["Block", "Float", "Link", "Page", "Section"]
