"""How wide the place of a figure on a page is, in pixels of a wide screen: the text's column, the page, the margin."""

from __future__ import annotations

import re
from typing import Any

COLUMN = 680
PAGE = 984
MARGIN = 240
STAGE = 580
"""Beside steps."""

_PAGE = re.compile(r"column-(?:page|screen)(?:-inset)?(?:-right)?|column-body-outset-right")
_GAP = 16
_INDENT = {"li": 28, "blockquote": 22, "dd": 27}


def place_of(image: Any) -> int:
    """The width that a picture has where it stands, by the classes that Quarto gives to what is around it."""
    share, less, width = 1.0, 0.0, COLUMN
    for around in image.iterancestors():
        classes = (around.get("class") or "").split()
        less += _INDENT.get(str(around.tag), 0)
        if "callout" in classes:
            less += 34
        if "quarto-layout-cell" in classes:
            share *= _cell_share(around)
            less += _GAP if share < 1 else 0
        if "column" in classes and "columns" in ((around.getparent().get("class") or "").split()):
            share *= _percent_of(around, "width") or 1 / max(1, len(around.getparent()))
            less += _GAP
        if "bk-stage" in classes:
            width = STAGE
            break
        if any(name in ("column-margin", "margin-aside", "aside") for name in classes):
            width = MARGIN
            break
        if any(_PAGE.fullmatch(name) for name in classes):
            width = PAGE
            break
    return max(MARGIN, round(width * share - less))


def _cell_share(cell: Any) -> float:
    return _percent_of(cell, "flex-basis") or 1 / max(1, len(cell.getparent().xpath("./*[@class]")))


def _percent_of(element: Any, name: str) -> float:
    """What an element's own style says of a width, as a share; 0 without."""
    match = re.search(rf"(?<![\w-]){name}\s*:\s*([\d.]+)%", element.get("style") or "")
    return float(match.group(1)) / 100 if match else 0.0
