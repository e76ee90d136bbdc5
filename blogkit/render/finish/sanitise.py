"""Takes what runs out of the outputs of cells, whichever engine rendered them.

The embedded engine cleans an output's HTML before it reaches the page (:mod:`blogkit.render.notebooks`); Quarto passes
it through. What the author writes as raw HTML in the post's own text is not touched.
"""

from __future__ import annotations

import re

from lxml.html import HtmlElement

from blogkit.render.dom import elements, with_class
from blogkit.render.finish import FinishContext

_RUNS = frozenset({
    "script", "iframe", "frame", "object", "embed", "applet", "base", "link", "meta", "style", "form", "portal",
    "noscript", "template", "foreignobject", "animate", "set", "animatetransform", "animatemotion", "handler",
})  # fmt: skip
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "poster", "srcset", "background", "ping"})
_SAFE = re.compile(
    r"(?:https?:|mailto:|data:image/(?:png|jpe?g|gif|webp|svg\+xml)[;,]|[^:]*(?:[/?#]|$))", re.IGNORECASE
)


def clean_outputs(page: HtmlElement, context: FinishContext) -> None:
    """Removes scripts, frames, event handlers and addresses that run code from every output of a cell."""
    for output in with_class(page, "cell-output-display"):
        for element in list(elements(output)):
            if element is not output and str(element.tag).lower() in _RUNS:
                element.drop_tree()
                continue
            for name, value in list(element.attrib.items()):
                address = re.sub(r"[\x00-\x20]", "", str(value))
                runs = name.lower().startswith("on") or name.lower() == "srcdoc"
                if runs or (name.lower() in _ADDRESSES and not _SAFE.match(address)):
                    del element.attrib[name]
