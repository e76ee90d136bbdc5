"""A shorter form of the pinned citation style, for posts whose references are of the common kinds.

Pandoc reads the style anew for every post, and a style of 150 kB takes longer to read than the post. This leaves out
the branches that no reference of a common kind, with common variables, can take; a post with any other reference gets
the whole style. A test shows that both give the same text.
"""

from __future__ import annotations

from pathlib import Path

from lxml import etree

TYPES = (
    "article", "article-journal", "article-magazine", "article-newspaper", "book", "chapter", "dataset", "document",
    "paper-conference", "post", "post-weblog", "report", "software", "thesis", "webpage",
)  # fmt: skip
VARIABLES = (
    "id", "type", "author", "editor", "title", "title-short", "container-title", "collection-title",
    "collection-number", "volume", "issue", "page", "publisher", "publisher-place", "event-title", "event",
    "event-place", "issued", "accessed", "DOI", "URL", "ISBN", "ISSN", "number", "genre", "edition", "note",
    "abstract", "keyword", "language", "version", "archive", "eprint", "PMID", "PMCID", "annote", "citation-label",
)  # fmt: skip
_NS = "{http://purl.org/net/xbiblio/csl}"
_CITED = frozenset({"locator", "citation-number", "first-reference-note-number", "year-suffix", "hereinafter"})


def short_style(style: Path) -> bytes:
    """The style without what the common references never need."""
    tree = etree.parse(str(style), etree.XMLParser(remove_blank_text=True, remove_comments=True))
    root = tree.getroot()
    while _prune(root):
        pass
    return etree.tostring(tree, encoding="utf-8", xml_declaration=True)


def _prune(root: etree._Element) -> bool:
    changed = False
    for choose in list(root.iter(_NS + "choose")):
        changed |= _prune_choose(choose)
    used = {element.get("macro") for element in root.iter(etree.Element) if element.get("macro")}
    for macro in list(root.iter(_NS + "macro")):
        parent = macro.getparent()
        if macro.get("name") not in used and parent is not None:
            parent.remove(macro)
            changed = True
    return changed


def _prune_choose(choose: etree._Element) -> bool:
    changed = False
    for branch in list(choose):
        if branch.tag == _NS + "else":
            continue
        verdict = _test(branch)
        if verdict is False:
            choose.remove(branch)
            changed = True
        elif verdict is True:
            branch.tag = _NS + "else"
            for name in list(branch.attrib):
                del branch.attrib[name]
            for later in list(branch.itersiblings()):
                choose.remove(later)
            changed = True
            break
    parent = choose.getparent()
    if parent is None:
        return changed
    branches = list(choose)
    if not branches:
        parent.remove(choose)
        return True
    if branches[0].tag == _NS + "else":
        at = parent.index(choose)
        parent.remove(choose)
        for child in reversed(list(branches[0])):
            parent.insert(at, child)
        return True
    if branches[0].tag == _NS + "else-if":
        branches[0].tag = _NS + "if"
        return True
    return changed


def _test(branch: etree._Element) -> bool | None:
    """What a condition says of every common reference: true, false, or None where it depends."""
    match = branch.get("match") or "all"
    dead = {
        "type": [name for name in (branch.get("type") or "").split() if name not in TYPES],
        "variable": [
            name for name in (branch.get("variable") or "").split() if name not in VARIABLES and name not in _CITED
        ],
    }
    if match == "all":
        return False if any(dead.values()) else None
    for attribute, names in dead.items():
        if names:
            left = [name for name in str(branch.get(attribute)).split() if name not in names]
            if left:
                branch.set(attribute, " ".join(left))
            else:
                del branch.attrib[attribute]
    if set(branch.attrib) <= {"match"}:
        return match == "none"
    return None
