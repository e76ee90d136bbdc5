"""What Quarto does with a page's tree after pandoc: contents list, appendix, margins, tables, links to other posts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml.html import HtmlElement, fromstring

from blogkit.page.seen import visible_text
from blogkit.render.dom import (
    HEADINGS,
    add_class,
    by_id,
    classes,
    drop_class,
    elements,
    has_class,
    main_of,
    make,
    put_after,
    put_before,
    take_out,
    with_class,
)
from blogkit.render.metadata import as_list


@dataclass(frozen=True, kw_only=True)
class ShapeContext:
    """What the tree's shape depends on beside the tree."""

    metadata: Mapping[str, Any]
    words: Mapping[str, Any]
    positioned_references: bool
    """The author placed ``#refs``."""
    sources: Mapping[Path, Path]
    """Every page of the site: source to output."""
    unlinked: frozenset[Path] = frozenset()
    """Drafts that nothing may lead to."""
    source: Path
    output: Path
    root: Path
    citation: str = ""
    """The post's own BibTeX entry."""
    cite_as: str = ""
    """The post's own entry in a list of references, as HTML."""


def shape(page: HtmlElement, frame: ShapeContext) -> None:
    """Gives a page the structure that Quarto gives it."""
    main = main_of(page)
    if main is None:
        return
    _decorate(main, frame)
    _annotations(main, frame)
    _contents(page, main, frame)
    _appendix(main, frame)
    _columns(page, main, frame)
    _links(main, frame)


def _decorate(main: HtmlElement, frame: ShapeContext) -> None:
    for quote in elements(main, "blockquote"):
        add_class(quote, "blockquote")
    for figure in elements(main, "figure"):
        add_class(figure, "figure")
        for image in elements(figure, "img"):
            add_class(image, "figure-img")
    for image in elements(main, "img"):
        add_class(image, "img-fluid")
        alt, align = image.attrib.pop("data-fig-alt", None), image.attrib.pop("data-fig-align", None)
        if alt is not None:
            image.set("alt", str(alt))
        if align is not None:
            add_class(image, "quarto-figure", f"quarto-figure-{align}")
    for table in elements(main, "table"):
        add_class(table, "table")
        if "dataframe" in classes(table) or any(has_class(one, "cell") for one in table.iterancestors()):
            add_class(table, "table-sm", "table-striped", "small")
        table.attrib.pop("border", None)
        for part in elements(table, "th", "td", "tr", "thead", "tbody"):
            part.tail = part.tail or "\n"  # so that the words of two cells stay two words
    for section in elements(main, "section"):
        if not (section.get("class") or "").startswith("level"):
            continue
        for tag in HEADINGS[1:]:
            heading = section.find(f".//{tag}")
            if heading is not None:
                heading.set("data-anchor-id", section.get("id") or "")
                break
        own = next((child for child in section if child.tag in HEADINGS), None)
        if own is not None:
            add_class(own, "anchored")


def _annotations(main: HtmlElement, frame: ShapeContext) -> None:
    """The number of each note stands in the code, before the first line that it explains."""
    notes = [one for one in elements(main, "span") if one.get("data-code-cell")]
    for note in notes:
        cell, number = note.get("data-code-cell") or "", note.get("data-code-annotation") or ""
        line = by_id(main, f"{cell}-{(note.get('data-code-lines') or '').partition(',')[0]}")
        if line is not None:
            put_before(line, make("a", number, class_="code-annotation-anchor", data_target_cell=cell))
        around = next(iter(note.iterancestors("dl")), None)
        if around is not None:
            add_class(around, "code-annotation-container-grid")


# --- contents --------------------------------------------------------------------------------------------------------


def _contents(page: HtmlElement, main: HtmlElement, frame: ShapeContext) -> None:
    metadata = frame.metadata
    if metadata.get("toc") in {False, None} or metadata.get("toc") == "false":
        return
    depth = int(metadata.get("toc-depth") or 3)
    entries = _entries(main, depth, metadata.get("appendix-style", "default") not in {False, "none"})
    if entries is None:
        return
    nav = make("nav", id="TOC", role="doc-toc", class_="toc-active")
    title = metadata.get("toc-title") or frame.words["toc-title-website"]
    nav.append(make("h2", str(title), id="toc-title"))
    nav.append(entries)
    sidebar = by_id(page, "quarto-margin-sidebar")
    if sidebar is not None:
        sidebar.append(nav)


def _entries(root: HtmlElement, depth: int, moved: bool) -> HtmlElement | None:
    """The list of the sections directly below a root; ``moved``: appendices are moved to the page's end."""
    items = make("ul")
    for section in _subsections(root):
        heading = next((child for child in section if child.tag in HEADINGS), None)
        level = int(str(heading.tag)[1]) if heading is not None else 7
        gone = has_class(section, "unlisted") or (moved and has_class(section, "appendix"))
        if heading is None or level > depth or gone:
            continue
        identity = section.get("id") or ""
        link = make(
            "a", id=f"toc-{identity}", class_="nav-link", href=f"#{identity}", data_scroll_target=f"#{identity}"
        )
        for part in [heading]:
            copy = deepcopy(part)
            for note in [*copy.iter("a")]:
                if has_class(note, "footnote-ref"):
                    take_out(note)
                else:
                    note.drop_tag()
            for named in copy.iter():
                named.attrib.pop("id", None)
            link.text = copy.text
            link.extend(list(copy))
        item = make("li", link)
        nested = _entries(section, depth, moved)
        if nested is not None:
            item.append(nested)
        items.append(item)
    return items if len(items) else None


def _subsections(root: HtmlElement) -> list[HtmlElement]:
    """The sections below a root that lie in no other section.

    What stands in a box beside other things (a callout, a tab, a column) is no part of the outline, as in Quarto.
    """
    found: list[HtmlElement] = []
    for child in root:
        if child.tag == "section" and (child.get("class") or "").startswith("level"):
            found.append(child)
        elif child.tag == "div" and len(child) == 1:
            found += _subsections(child)
    return found


# --- appendix --------------------------------------------------------------------------------------------------------

_LICENSES = {"CC BY", "CC BY-SA", "CC BY-ND", "CC BY-NC", "CC BY-NC-SA", "CC BY-NC-ND"}


def license_of(value: Any) -> tuple[str, str]:
    """A licence's name and address; a Creative Commons code gets version 4.0."""
    if isinstance(value, Mapping):
        return str(value.get("text") or value.get("type") or ""), str(value.get("url") or "")
    text = str(value)
    code, _, version = text.partition(" ")[2].rpartition(" ")
    match = re.fullmatch(r"(CC BY(?:-[A-Z]+)*|CC0)(?:\s+([\d.]+))?", text.strip())
    if not match:
        return text, ""
    code, version = match.group(1), match.group(2)
    if code == "CC0":
        return f"CC0 {version or '1.0'}", f"https://creativecommons.org/publicdomain/zero/{version or '1.0'}/"
    if code not in _LICENSES:
        return text, ""
    kind = code.removeprefix("CC ").lower()
    return f"{code} {version or '4.0'}", f"https://creativecommons.org/licenses/{kind}/{version or '4.0'}/"


def _appendix(main: HtmlElement, frame: ShapeContext) -> None:
    metadata, words = frame.metadata, frame.words
    style = metadata.get("appendix-style", "default")
    if style in {False, "none"}:
        return
    appendix = make("div", id="quarto-appendix")
    if style != "plain":
        add_class(appendix, "default")

    def add(identity: str, title: str, *children: HtmlElement, **attributes: str) -> HtmlElement:
        section = make("section", id=identity, class_="quarto-appendix-contents", **attributes)
        section.append(make("h2", title, class_="anchored quarto-appendix-heading"))
        section.extend(children)
        sections.append(section)
        return section

    sections: list[HtmlElement] = []
    references = by_id(main, "refs")
    if references is not None and not frame.positioned_references and metadata.get("citation-location") != "margin":
        title = str(metadata.get("reference-section-title") or words["section-title-references"])
        parent = references.getparent()
        if parent is not None and parent.tag == "section" and len(parent) == 2:
            heading = next((child for child in parent if child.tag in HEADINGS), None)
            if heading is not None:
                title = visible_text(take_out(heading))
                take_out(references)
                if not len(parent) and not (parent.text or "").strip():
                    take_out(parent)
        if references.getparent() is not None:
            take_out(references)
        add("quarto-bibliography", title, references, role="doc-bibliography")
    if metadata.get("reference-location") != "margin":
        notes = [one for one in elements(main, "section") if one.get("role") == "doc-endnotes"]
        if len(notes) == 1 and metadata.get("reference-location") not in {"block", "section"}:
            note = take_out(notes[0])
            heading = make("h2", str(words["section-title-footnotes"]), class_="anchored quarto-appendix-heading")
            heading.tail, note.text = note.text, None
            note.insert(0, heading)
            for rule in [*note.iter("hr")]:
                take_out(rule)
            sections.append(note)
    if metadata.get("license"):
        box = make("div", class_="quarto-appendix-contents")
        for entry in as_list(metadata["license"]):
            text, url = license_of(entry)
            line = make("div")
            if url and not isinstance(entry, Mapping):
                line.append(make("a", text, rel="license", href=url))
            else:
                line.text = text
                if url:
                    line.append(make("a", f"({words['appendix-view-license']})", rel="license", href=url))
            box.append(line)
        add("quarto-reuse", str(words["section-title-reuse"]), box)
    if metadata.get("copyright"):
        value = metadata["copyright"]
        statement = str(value.get("statement") or "") if isinstance(value, Mapping) else str(value)
        if statement:
            box = make("div", make("div", statement), class_="quarto-appendix-contents")
            add("quarto-copyright", str(words["section-title-copyright"]), box)
    if metadata.get("citation") and (frame.citation or frame.cite_as):
        add("quarto-citation", str(words["section-title-citation"]), _own_citation(frame))
    _own_sections(main, sections)
    if sections:
        appendix.extend(sections)
        main.append(appendix)


def _own_citation(frame: ShapeContext) -> HtmlElement:
    box = make("div")
    wanted = frame.metadata.get("appendix-cite-as", True)
    styles = ["display", "bibtex"] if wanted is True else [str(one) for one in as_list(wanted)]
    if "bibtex" in styles and frame.citation:
        box.append(
            make("div", str(frame.words["appendix-attribution-bibtex"]), class_="quarto-appendix-secondary-label")
        )
        code = make("code", frame.citation, class_="sourceCode bibtex")
        box.append(make("pre", code, class_="sourceCode code-with-copy quarto-appendix-bibtex"))
    if "display" in styles and frame.cite_as:
        box.append(
            make("div", str(frame.words["appendix-attribution-cite-as"]), class_="quarto-appendix-secondary-label")
        )
        entry = fromstring(frame.cite_as)
        add_class(entry, "quarto-appendix-citeas")
        box.append(entry)
    return box


def _own_sections(main: HtmlElement, sections: list[HtmlElement]) -> None:
    """The author's own appendices come first."""
    own: list[HtmlElement] = []
    for section in [one for one in elements(main, "section") if has_class(one, "appendix")]:
        take_out(section)
        heading = next((one for one in elements(section, *HEADINGS)), None)
        title = make(
            "h2", class_="anchored quarto-appendix-heading" if section.get("id") else "quarto-appendix-heading"
        )
        if heading is not None:
            take_out(heading)
            title.text = heading.text
            title.extend(list(heading))
        box = make("div", class_="quarto-appendix-contents")
        box.text, section.text = section.text, None
        box.extend(list(section))
        section.append(title)
        section.append(box)
        own.append(section)
    sections[:0] = own


# --- columns and margins ---------------------------------------------------------------------------------------------

_NOT_AROUND = {"span", "em", "strong", "del", *HEADINGS}


def _columns(page: HtmlElement, main: HtmlElement, frame: ShapeContext) -> None:
    metadata = frame.metadata
    for figure in with_class(main, "margin-caption"):
        _margin_caption(figure)
    margins_cites = metadata.get("citation-location") == "margin"
    margins_notes = metadata.get("reference-location") == "margin"
    if margins_cites:
        shown: set[str] = set()
        for link in [one for one in elements(main, "a") if one.get("role") == "doc-biblioref"]:
            _margin_reference(page, link, shown)
        references = by_id(page, "refs")
        if references is not None:
            box = references.getparent()
            take_out(references)
            if box is not None and box.get("id") == "quarto-bibliography":
                take_out(box)
    if margins_notes:
        for reference in with_class(main, "footnote-ref"):
            _margin_footnote(page, reference)
        notes = [one for one in elements(main, "section") if one.get("role") == "doc-endnotes"]
        for section in notes:
            take_out(section)
    for note in with_class(main, "column-margin"):
        if has_class(note, "column-container"):
            continue
        drop_class(note, "column-margin")
        if _in_margin(note):
            continue
        _to_margin(note, note)
    if with_class(main, "column-margin") or by_id(page, "TOC") is not None:
        return
    body = page.find("body")
    if body is not None:
        add_class(body, "fullcontent")


def _margin_caption(figure: HtmlElement) -> None:
    """The caption takes the class, so that it alone stands in the margin."""
    drop_class(figure, "margin-caption")
    if any(has_class(one, "column-margin") for one in figure.iterancestors()):
        return
    caption = next(elements(figure, "figcaption"), None)
    own = figure.find("./figure/figcaption")
    caption = own if own is not None else caption
    if caption is not None:
        add_class(caption, "margin-caption")


def _container() -> HtmlElement:
    return make("div", class_="no-row-height column-margin column-container")


def _is_container(element: HtmlElement | None) -> bool:
    return (
        element is not None and element.tag == "div" and {"column-margin", "column-container"} <= set(classes(element))
    )


def _in_margin(element: HtmlElement) -> bool:
    return any("column-margin" in classes(one) or "margin-caption" in classes(one) for one in element.iterancestors())


def _nothing_between(first: HtmlElement) -> bool:
    return not (first.tail or "").strip()


def _margin_for(element: HtmlElement) -> HtmlElement:
    """The margin container beside an element; made where there is none yet."""
    parent = element.getparent()
    if parent is not None and (_in_margin(element) or _is_container(parent)):
        return parent
    following, before = element.getnext(), element.getprevious()
    if following is not None and _is_container(following):
        return following
    if before is not None and _is_container(before):
        return before
    container = _container()
    callout = next((one for one in element.iterancestors() if has_class(one, "callout")), None)
    around = next((one for one in element.iterancestors("ol", "ul", "table")), None)
    if callout is None and around is not None:
        for one in element.iterancestors("ol", "ul", "table"):
            around = one
    anchor = callout if callout is not None else around
    if anchor is not None:
        behind = anchor.getnext()
        if behind is not None and _is_container(behind):
            return behind
        put_after(anchor, container)
        return container
    if parent is not None and parent.tag in {"p", "blockquote"}:
        behind = parent.getnext()
        grand = parent.getparent()
        if grand is not None and grand.tag == "div" and behind is not None and _is_container(behind):
            return behind
        wrapper = make("div")
        put_before(parent, wrapper)
        tail, parent.tail = parent.tail, None
        wrapper.append(parent)
        wrapper.append(container)
        wrapper.tail = tail
        return container
    if parent is None:
        put_after(element, container)
    else:
        parent.insert(parent.index(element) + 1, container)  # behind the line's end, where Quarto puts it
    return container


def _to_margin(element: HtmlElement, content: HtmlElement) -> None:
    container = _margin_for(element)
    if content.getparent() is not None:
        take_out(content)
    container.append(content)


def _margin_footnote(page: HtmlElement, reference: HtmlElement) -> None:
    note = by_id(page, (reference.get("href") or "#")[1:])
    if note is None or note.tag != "li":
        return
    for back in with_class(note, "footnote-back"):
        take_out(back)
    box = make("div", id=note.get("id") or "", class_="margin-footnote")
    box.text = note.text
    box.extend(list(note))
    first = next(iter(box), box)
    mark = deepcopy(reference[0]) if len(reference) else make("sup", reference.text or "")
    mark.tail = "\u00a0" + (first.text or "")
    first.text = None
    first.insert(0, mark)
    take_out(note)
    anchor = reference
    parent = reference.getparent()
    while parent is not None and parent.tag in _NOT_AROUND:
        anchor, parent = parent, parent.getparent()
    # the block that holds the mark: the note stands beside it
    holder = parent if parent is not None else anchor
    container = _margin_for(holder)
    container.append(box)


def _margin_reference(page: HtmlElement, link: HtmlElement, shown: set[str]) -> None:
    identity = (link.get("href") or "#")[1:]
    entry = by_id(page, identity)
    if entry is None or identity in shown:
        return
    shown.add(identity)
    parent = link.getparent()
    while parent is not None and parent.tag == "span":
        parent = parent.getparent()
    if parent is not None:
        take_out(entry)
        _margin_for(parent).append(entry)


# --- links -----------------------------------------------------------------------------------------------------------


def _links(main: HtmlElement, frame: ShapeContext) -> None:
    """A link to another post's source leads to its page."""
    for link in list(elements(main, "a")):
        href = link.get("href") or ""
        if frame.unlinked and _target(href, frame) in frame.unlinked:
            link.drop_tag()
            continue
        moved = page_address(href, frame)
        if moved is not None:
            link.set("href", moved)
        elif re.match(r"https?:", href):
            _external(link, frame)


def _external(link: HtmlElement, frame: ShapeContext) -> None:
    if frame.metadata.get("link-external-newwindow") is True:
        link.set("target", "_blank")
        link.set("rel", "noopener")


def page_address(href: str, frame: ShapeContext) -> str | None:
    """The address of the page that a link to a source means; None for any other link."""
    _, mark, tail = href.partition("#")
    target = _target(href, frame)
    output = frame.sources.get(target) if target is not None else None
    if output is None:
        return None
    import os

    return os.path.relpath(output, frame.output.parent).replace(os.sep, "/") + mark + tail


def _target(href: str, frame: ShapeContext) -> Path | None:
    """The source that a link names; None for any other link."""
    path = href.partition("#")[0]
    if not re.search(r"\.(?:qmd|ipynb|md)$", path) or re.match(r"[a-z][a-z0-9+.-]*:|//", path, re.IGNORECASE):
        return None
    return (frame.root / path.lstrip("/") if path.startswith("/") else frame.source.parent / path).resolve()
