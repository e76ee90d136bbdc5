"""Drawings by other programs (matplotlib, Plotly) as figures: nothing in them runs or loads, and they are stable."""

from __future__ import annotations

import re

from lxml import etree

from blogkit.css import find_css_addresses
from blogkit.errors import ToolFailed

_FORBIDDEN = frozenset({
    "script", "foreignobject", "metadata", "iframe", "object", "embed", "audio", "video", "handler", "set", "animate",
    "animatemotion", "animatetransform",
})  # fmt: skip


def clean(svg: str, *, prefix: str) -> str:
    """A foreign drawing (matplotlib's, Plotly's) with nothing that runs or loads, and the same bytes for the same look.

    Ids, which matplotlib draws by lot, are numbered; metadata, which holds the date, goes. Raises ToolFailed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True)
    try:
        root = etree.fromstring(svg.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise ToolFailed(f"a drawing is not XML: {error}.", hint="Draw the figure again.") from error
    ids: dict[str, str] = {}
    for element in list(root.iter()):
        name = etree.QName(element).localname.lower() if isinstance(element.tag, str) else "processing-instruction"
        parent = element.getparent()
        if name in _FORBIDDEN or (name == "processing-instruction"):
            if parent is not None:
                parent.remove(element)
            continue
        for key, value in list(element.attrib.items()):
            local = etree.QName(key).localname.lower()
            address = re.sub(r"[\x00-\x20]", "", str(value)).lower()
            loads = local in ("href", "src") and not address.startswith(("#", "data:image/"))
            if local.startswith("on") or loads or find_css_addresses(str(value)) or "javascript:" in address:
                del element.attrib[key]
        if name == "style" and find_css_addresses(element.text or ""):
            element.text = ""
        if identity := element.get("id"):
            ids.setdefault(identity, f"{prefix}-{len(ids)}")
            element.set("id", ids[identity])
    for element in root.iter():
        for key, value in element.attrib.items():
            new = re.sub(r"url\(['\"]?#([^)'\"]+)['\"]?\)", lambda m: f"url(#{ids.get(m[1], m[1])})", str(value))
            if etree.QName(key).localname == "href" and new.startswith("#"):
                new = "#" + ids.get(new[1:], new[1:])
            element.set(key, new)
    return etree.tostring(root, encoding="unicode") + "\n"
