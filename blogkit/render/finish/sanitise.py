"""Takes what runs out of the outputs of cells, whichever engine rendered them.

The embedded engine cleans an output's HTML before it reaches the page (:mod:`blogkit.render.notebooks`); Quarto passes
it through. What the author writes as raw HTML in the post's own text is not touched.
"""

from __future__ import annotations

import re

from lxml.html import HtmlElement

from blogkit.page.seen import visible_text
from blogkit.render.dom import elements, has_class, take_out, with_class
from blogkit.render.finish import FinishContext
from blogkit.render.notebooks import HOW_TO_DRAW, NOT_DRAWN

_RUNS = frozenset({
    "script", "iframe", "frame", "object", "embed", "applet", "base", "link", "meta", "style", "form", "portal",
    "noscript", "template", "foreignobject", "animate", "set", "animatetransform", "animatemotion", "handler",
})  # fmt: skip
_DRAWS = frozenset({"script", "iframe", "object", "embed"})
_SHOWS = ("img", "svg", "table", "math", "video", "audio", "canvas", "input", "hr")
_ADDRESSES = frozenset({
    "href", "src", "action", "formaction", "xlink:href", "poster", "srcset", "background", "ping", "data", "cite",
    "longdesc", "usemap", "manifest", "profile", "codebase", "classid", "archive", "imagesrcset", "from", "to",
    "values", "by", "begin", "dynsrc", "lowsrc", "icon", "folder",
})  # fmt: skip
_SAFE = re.compile(
    r"(?:https?:|mailto:|data:image/(?:png|jpe?g|gif|webp|svg\+xml)[;,]|[^:]*(?:[/?#]|$))", re.IGNORECASE
)
_RUNS_ANYWHERE = re.compile(r"(?:javascript|vbscript|livescript|mocha):|data:(?!image/)", re.IGNORECASE)


def _may_stay(name: str, value: str) -> bool:
    """Whether an attribute of an output runs nothing and leads to nothing that runs."""
    name, address = name.lower(), re.sub(r"[\x00-\x20]", "", value)
    if name.startswith("on") or name == "srcdoc" or _RUNS_ANYWHERE.match(address):
        return False
    return name not in _ADDRESSES or _SAFE.match(address) is not None


def clean_outputs(page: HtmlElement, context: FinishContext) -> None:
    """Removes scripts, frames, event handlers and addresses that run code from every output of a cell.

    An output that is nothing without them goes, and the author is warned.
    """
    for output in with_class(page, "cell-output-display"):
        ran = False
        for element in list(elements(output)):
            if element is not output and str(element.tag).lower() in _RUNS:
                ran |= str(element.tag).lower() in _DRAWS
                element.drop_tree()
                continue
            for name, value in list(element.attrib.items()):
                if not _may_stay(name, str(value)):
                    del element.attrib[name]
        if ran and not visible_text(output) and next(elements(output, *_SHOWS), None) is None:
            cell = next(
                (one.get("id") for one in output.iterancestors() if has_class(one, "cell") and one.get("id")), ""
            )
            where = f"{context.source}: {f'cell #{cell}' if cell else 'a cell'}"
            context.warnings.append(f"{where}: {NOT_DRAWN}, so that nothing of it is shown. {HOW_TO_DRAW}")
            take_out(output)
    for diagram in [*with_class(page, "mermaid"), *with_class(page, "observablehq")]:
        kind = "mermaid diagram" if has_class(diagram, "mermaid") else "Observable cell"
        context.warnings.append(
            f"{context.source}: a {kind} is drawn by a program in the reader's browser, which the page does not run. "
            "Draw it once, save it as SVG beside the post, and show that."
        )
