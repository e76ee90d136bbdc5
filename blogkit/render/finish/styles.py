"""Styles that stand in the page become classes and attributes, so that a page needs no inline styles (a strict CSP)."""

from __future__ import annotations

import hashlib
import re

from lxml.html import HtmlElement

from blogkit.render.dom import add_class, elements, make
from blogkit.render.finish import FinishContext

SHARES = {"width": "bk-w", "flex-basis": "bk-b"}
"""Classes of the theme for shares of a width, in whole percent: ``bk-w50``."""

_DECLARATION = re.compile(r"\s*([\w-]+)\s*:\s*([^;]+?)\s*(?:;|$)")


def lift_styles(page: HtmlElement, context: FinishContext) -> None:
    """Moves ``style`` attributes into classes, the theme's where it has one, else of a stylesheet of the page.

    Drawings keep theirs, since a chart's own finisher knows what they mean.
    """
    made: dict[str, str] = {}
    for element in elements(page):
        style = element.get("style")
        if style is None or _in_drawing(element):
            continue
        rest: list[str] = []
        for name, value in _DECLARATION.findall(style):
            if not _as_attribute(element, name.lower(), value):
                rest.append(f"{name.lower()}:{value}")
        del element.attrib["style"]
        if rest:
            text = ";".join(sorted(rest))
            name = made.setdefault(text, class_name(text))
            add_class(element, name)
    if made:
        _keep_rules(page, context, made)


def _in_drawing(element: HtmlElement) -> bool:
    return element.tag == "svg" or any(one.tag == "svg" for one in element.iterancestors())


def _as_attribute(element: HtmlElement, name: str, value: str) -> bool:
    """Whether a declaration is said by an attribute or a class of the theme."""
    if name == "display" and value.lower() == "none":
        element.set("hidden", "")
        return True
    if name == "text-align" and value in {"left", "right", "center"}:
        if element.tag == "mtd":
            add_class(element, value)
        else:
            add_class(element, f"text-{value}")
        return True
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)%", value)
    if percent and name in SHARES:
        add_class(element, f"{SHARES[name]}{max(1, min(100, round(float(percent.group(1)))))}")
        return True
    if name in {"width", "height"} and element.tag in {"img", "video", "iframe", "svg"}:
        number = re.fullmatch(r"(\d+)(?:\.0*)?px", value)
        if number:
            element.set(name, number.group(1))
            return True
    return name in {"justify-content"} and element.tag == "div"


def class_name(text: str) -> str:
    """A class that says what it does: ``bk-width-50pct``."""
    return "bk-" + re.sub(r"[^a-z0-9-]+", "-", text.lower().replace("%", "pct").replace(".0pct", "pct")).strip("-")


def _keep_rules(page: HtmlElement, context: FinishContext, made: dict[str, str]) -> None:
    """The page's own rules, as a file beside the theme: one for every set of rules."""
    rules = "".join(f".{name}{{{text}}}\n" for text, name in sorted(made.items()))
    digest = hashlib.sha256(rules.encode()).hexdigest()[:10]
    head = page.find("head")
    if head is not None:
        head.append(make("link", rel="stylesheet", href=context.asset(f"own-{digest}.css", rules.encode())))


def share_rules() -> str:
    """The theme's rules for shares of a width."""
    return "".join(f".{name}{n}{{{rule}:{n}%}}" for rule, name in SHARES.items() for n in range(1, 101))
