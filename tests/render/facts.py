"""Structural facts of a rendered page, and their comparison: what a reader can see or follow.

A fact is a heading and its id, a figure's number and caption, a cross-reference's words and target, a citation's words,
a footnote, a callout, a tab. Classes and wrappers matter only where the facts are read from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import html

SPACE = re.compile(r"[\s\u00a0\u200b]+")
XREF = re.compile(r"^(?:sec|fig|tbl|eq|lst|thm|lem|cor|prp|cnj|def|exm|exr|nte|tip|wrn|imp|cau)-")


def has(name: str) -> str:
    """XPath test for one class among an element's classes."""
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


def words(node: Any) -> str:
    """The text a reader sees in a node: TeX annotations, scripts and markers left out."""
    if node is None:
        return ""
    copy = html.fromstring(html.tostring(node, with_tail=False))
    for path in (
        "//script",
        "//style",
        "//annotation",
        "//button",
        f"//*[{has('footnote-back')}]",
        f"//*[{has('anchorjs-link')}]",
        f"//*[{has('screen-reader-only')}]",
        f"//*[{has('visually-hidden')}]",
    ):
        for el in copy.xpath(path):
            tail, parent = el.tail or "", el.getparent()
            if parent is None:
                continue
            before = el.getprevious()
            if before is not None:
                before.tail = (before.tail or "") + tail
            else:
                parent.text = (parent.text or "") + tail
            parent.remove(el)
    return SPACE.sub(" ", copy.text_content()).strip()


def first(nodes: Any) -> Any:
    return nodes[0] if nodes else None


def source(img: Any) -> str:
    """An image's address; one that the renderer itself made is only said to be so."""
    src = img.get("src") or ""
    return "(generated)" if src.startswith("data:") or "_files/" in src else src


def body_of(doc: Any) -> Any:
    found = doc.xpath("//main[@id='quarto-document-content']") or doc.xpath("//main") or doc.xpath("//body")
    return found[0]


def facts(path: Path) -> dict[str, Any]:
    """Facts of one rendered page, as a JSON-ready dict."""
    doc = html.parse(str(path), parser=html.HTMLParser(encoding="utf-8")).getroot()
    main = body_of(doc)
    title = first(doc.xpath("//header[@id='title-block-header']"))
    out: dict[str, Any] = {}
    out["lang"] = doc.get("lang")
    out["head-title"] = words(first(doc.xpath("//head/title")))
    out["metadata"] = sorted(
        [m.get("name"), m.get("content")]
        for m in doc.xpath("//head/meta")
        if (m.get("name") or "") in {"author", "description", "dcterms.date", "keywords"}
    )
    if title is not None:
        out["title"] = words(first(title.xpath(f".//h1[{has('title')}]")))
        out["subtitle"] = words(first(title.xpath(f".//*[{has('subtitle')}]")))
        out["description"] = words(first(title.xpath(f".//*[{has('description')}]")))
        out["categories"] = [words(n) for n in title.xpath(f".//*[{has('quarto-category')}]")]
        out["date"] = words(first(title.xpath(f".//*[{has('date')}]")))
        out["date-modified"] = words(first(title.xpath(f".//*[{has('date-modified')}]")))
        abstract = first(title.xpath(f".//*[{has('abstract')}]"))
        out["abstract"] = [words(p) for p in abstract.xpath(".//p")] if abstract is not None else []
        people = title.xpath(f".//p[{has('author')}]") or [
            p
            for block in title.xpath(f".//*[{has('quarto-title-meta-contents')}]")
            if words(first(block.getparent().xpath(f"./*[{has('quarto-title-meta-heading')}]")))
            in {"Author", "Authors"}
            for p in block.xpath(".//p")
        ]
        out["authors"] = [words(p) for p in people]
        out["author-links"] = [a.get("href") for p in people for a in p.xpath(".//a")]
        out["affiliations"] = [words(p) for p in title.xpath(f".//p[{has('affiliation')}]")]
    out["headings"] = []
    for h in main.xpath(".//h1|.//h2|.//h3|.//h4|.//h5|.//h6"):
        if title is not None and title in list(h.iterancestors()):
            continue
        owner = (
            h.get("data-anchor-id") or h.get("id") or (h.getparent().get("id") if h.getparent() is not None else None)
        )
        out["headings"].append([int(h.tag[1]), owner, words(h)])
    toc = first(doc.xpath("//nav[@id='TOC']"))
    out["toc-title"] = words(first(toc.xpath(".//*[@id='toc-title']"))) if toc is not None else ""
    out["toc"] = (
        [[a.get("href"), words(a)] for a in toc.xpath(".//a[starts-with(@href,'#')]")] if toc is not None else []
    )
    out["floats"] = []
    for fig in main.xpath(".//*[@id]"):
        ident = fig.get("id")
        if re.match(r"^(fig|tbl|lst)-", ident) and "-caption" not in ident and fig.tag != "figcaption":
            caption = first(fig.xpath(".//figcaption|.//caption"))
            own = [
                c
                for c in fig.xpath(".//figcaption|.//caption")
                if next(
                    (
                        a.get("id")
                        for a in c.iterancestors()
                        if re.match(r"^(fig|tbl|lst)-", a.get("id") or "") and "-caption" not in a.get("id")
                    ),
                    None,
                )
                == ident
            ]
            out["floats"].append([ident, words(first(own) if own else (None if fig.xpath(".//*[@id]") else caption))])
    out["equations"] = [
        [e.get("id"), (re.findall(r"\((\d+(?:\.\d+)?)\)\s*$", words(e)) or [None])[-1]]
        for e in main.xpath(".//*[starts-with(@id,'eq-')]")
    ]
    out["math"] = len(main.xpath(".//math"))
    out["xrefs"] = [
        [a.get("href"), words(a)]
        for a in main.xpath(".//a[starts-with(@href,'#')]")
        if XREF.match(a.get("href")[1:]) and "footnote-ref" not in (a.get("class") or "")
    ]
    out["citations"] = [[c.get("data-cites"), words(c)] for c in main.xpath(f".//span[{has('citation')}]")]
    out["bibliography"] = [[e.get("id"), words(e)] for e in main.xpath(f".//*[@id='refs']//*[{has('csl-entry')}]")]
    out["footnotes"] = [words(li) for li in main.xpath(".//*[@id='footnotes' or @role='doc-endnotes']//ol/li")]
    out["callouts"] = []
    for box in main.xpath(f".//div[{has('callout')}]"):
        kind = first(
            [
                c[8:]
                for c in box.get("class").split()
                if c in {"callout-note", "callout-tip", "callout-warning", "callout-important", "callout-caution"}
            ]
        )
        out["callouts"].append(
            [
                kind,
                words(first(box.xpath(f".//*[{has('callout-title-container')}]"))),
                words(first(box.xpath(f".//*[{has('callout-body-container')}]"))),
                bool(box.xpath(f".//*[{has('callout-collapse')}]")),
            ]
        )
    out["tabsets"] = [
        [words(a) for a in t.xpath(f".//ul[{has('nav-tabs')}]//a")]
        for t in main.xpath(f".//div[{has('panel-tabset')}]")
    ]
    out["margin"] = [
        words(n)
        for n in main.xpath(f".//*[{has('column-margin')}]")
        if not n.xpath(f"ancestor::*[{has('column-margin')}]")
    ]
    out["theorems"] = [[t.get("id"), words(t)] for t in main.xpath(f".//*[{has('theorem')}]")]
    out["code"] = []
    for pre in main.xpath(".//pre"):
        if pre.xpath(f"ancestor::*[@id='quarto-appendix' or {has('code-with-filename-file')}]"):
            continue
        code = first(pre.xpath("./code"))
        language = (
            first([c for c in (code.get("class") or "").split() if c not in {"sourceCode"}])
            if code is not None
            else None
        )
        out["code"].append([language, SPACE.sub(" ", pre.text_content()).strip(), bool(pre.xpath("ancestor::details"))])
    out["filenames"] = [words(n) for n in main.xpath(f".//*[{has('code-with-filename-file')}]")]
    out["images"] = [[source(i), i.get("alt") or ""] for i in main.xpath(".//img") if not i.xpath("ancestor::header")]
    out["tables"] = [
        [[words(c) for c in row.xpath("./th|./td")] for row in t.xpath(".//tr")] for t in main.xpath(".//table")
    ]
    out["listing"] = [
        [
            words(first(i.xpath(f".//*[{has('listing-title')}]"))),
            words(first(i.xpath(f".//*[{has('listing-date')}]"))),
            [words(c) for c in i.xpath(f".//*[{has('listing-category')}]")],
            words(first(i.xpath(f".//*[{has('listing-description')}]"))),
        ]
        for i in doc.xpath(f"//*[{has('quarto-post')} or {has('quarto-grid-item')}]")
    ]
    out["listing-categories"] = [
        words(c) for c in doc.xpath(f"//*[{has('quarto-listing-category')}]//*[{has('category')}]")
    ]
    out["navbar"] = [
        words(a)
        for a in doc.xpath(f"//nav[{has('navbar')}]//a[{has('nav-link')} or {has('navbar-brand')}]")
        if words(a)
    ]
    for noise in main.xpath(".//*[@id='quarto-appendix']//*[@id='quarto-citation']"):
        noise.getparent().remove(noise)
    out["words"] = words(main)
    return out


def differences(expected: dict[str, Any], actual: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each fact of expected that actual does not show, as (name, expected, actual)."""
    for name, value in expected.items():
        got = actual.get(name)
        if got == value:
            continue
        if isinstance(value, list) and isinstance(got, list):
            for n in range(max(len(value), len(got))):
                a = value[n] if n < len(value) else "(nothing)"
                b = got[n] if n < len(got) else "(nothing)"
                if a != b:
                    yield f"{name}[{n}]", a, b
        else:
            yield name, value, got
