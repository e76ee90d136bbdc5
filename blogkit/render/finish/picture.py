"""The picture that is shown where somebody shares a post: its first figure, as 1200 x 630 pixels."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from lxml import etree
from lxml.html import HtmlElement

from blogkit.errors import ToolFailed
from blogkit.render.dom import by_id, make
from blogkit.render.finish import FinishContext
from blogkit.render.finish.layout import draw_thumbnail
from blogkit.render.made import note_made
from blogkit.render.output import write_page
from blogkit.render.posts import preview_image
from blogkit.tools.vega import forbidden_parts

WIDTH, HEIGHT = 1200, 630
_MARGIN = 40
_LOOK = "3"
"""Another value makes every picture anew."""

_FRAME = f"M0 0H{WIDTH}V{HEIGHT}H0zM{_MARGIN} {_MARGIN}V{HEIGHT - _MARGIN}H{WIDTH - _MARGIN}V{_MARGIN}z"
"""The card without the place of the drawing."""

_SVG = "{http://www.w3.org/2000/svg}"
_VARIABLE = re.compile(r"var\(\s*--[\w-]+\s*,\s*((?:[^()]|\([^()]*\))*)\)")


def add_picture(page: HtmlElement, context: FinishContext) -> None:
    """Names the picture in the page's head, where the site has an address that the picture can have.

    A drawing becomes a PNG beside the page, named after what it shows, so that it is made once.
    """
    website: Mapping[str, Any] = context.site.quarto.get("website") or {}
    address = str(website.get("site-url") or "").rstrip("/")
    head = page.find("head")
    if not address or head is None or by_id(page, "title-block-header") is None:
        return
    image, alt = preview_image(page, context.metadata)
    if not image or re.match(r"[a-z][a-z0-9+.-]*:|//", image, re.IGNORECASE):
        return
    root = context.site.root.resolve()
    named = unquote(image)
    source = (root / named.lstrip("/") if named.startswith("/") else context.source.parent / named).resolve()
    if not source.is_file() or not source.is_relative_to(root):
        return
    size: dict[str, str] = {}
    if source.suffix == ".svg":
        target = _card(source, context.output.parent, str(context.metadata.get("title") or ""))
        size = {"og:image:width": str(WIDTH), "og:image:height": str(HEIGHT)}
    else:
        target = context.site.output / source.relative_to(root)
    if target is None or not target.is_relative_to(context.site.output):
        return
    where = f"{address}/{quote(target.relative_to(context.site.output).as_posix())}"
    for name, value in {"og:image": where, **size, "og:image:alt": alt}.items():
        if value:
            meta = make("meta")
            meta.set("property", name)
            meta.set("content", value)
            head.append(meta)


def _card(source: Path, folder: Path, title: str) -> Path | None:
    """The picture of a drawing; None where it cannot be drawn: the post is worth showing without."""
    data = source.read_bytes()
    digest = hashlib.sha256(_LOOK.encode() + data + title.encode()).hexdigest()[:10]
    target = folder / f"card-{digest}.png"
    for old in folder.glob("card-??????????.png"):
        if old != target:
            old.unlink()
    if target.is_file():
        note_made(target)
        return target
    try:
        write_page(target, _card_png(_thumbnail_of(source, title) or data))
    except (ToolFailed, etree.XMLSyntaxError, ValueError):
        return None
    return target


def _thumbnail_of(source: Path, title: str) -> bytes:
    """A chart drawn for a card, by the specification beside its drawing; empty where there is none of one view."""
    try:
        spec = json.loads(source.with_name(f"{source.stem}.vl.json").read_text(encoding="utf-8"))
        part = next(forbidden_parts(spec), None)
        bare = "" if part else draw_thumbnail(spec, title, WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN)
    except (OSError, ValueError, AttributeError, ToolFailed):
        return b""
    return bare.encode("utf-8")


@lru_cache(maxsize=32)
def _card_png(data: bytes) -> bytes:
    """A card takes a tenth of a second, so that posts with the same drawing share one."""
    from blogkit.tools.vega import draw_png

    return draw_png(card_svg(data))


def card_svg(data: bytes) -> str:
    """A drawing in the middle of a white card. Raises etree.XMLSyntaxError for no XML, ValueError for no drawing.

    What the drawing shows beyond its edges is covered by a white frame: to cut it off takes several times as long.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    drawing = etree.fromstring(_VARIABLE.sub(r"\1", data.decode("utf-8")).encode("utf-8"), parser)
    if drawing.tag != f"{_SVG}svg":
        raise ValueError("no drawing")
    for element in list(drawing.iter(f"{_SVG}image", f"{_SVG}script", f"{_SVG}foreignObject")):
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    if not drawing.get("viewBox"):
        width, height = (re.match(r"[\d.]+", drawing.get(name) or "") for name in ("width", "height"))
        if not width or not height:
            raise ValueError("no size")
        drawing.set("viewBox", f"0 0 {width.group()} {height.group()}")
    inner = {"x": _MARGIN, "y": _MARGIN, "width": WIDTH - 2 * _MARGIN, "height": HEIGHT - 2 * _MARGIN}
    for name, value in inner.items():
        drawing.set(name, str(value))
    drawing.set("overflow", "visible")
    card = etree.Element(f"{_SVG}svg", {"width": str(WIDTH), "height": str(HEIGHT)}, {None: _SVG[1:-1]})
    etree.SubElement(card, f"{_SVG}rect", {"width": "100%", "height": "100%", "fill": "#fff"})
    card.append(drawing)
    etree.SubElement(card, f"{_SVG}path", {"d": _FRAME, "fill": "#fff"})
    return etree.tostring(card, encoding="unicode")
