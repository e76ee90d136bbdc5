"""Formulas that a page leaves to a script of the network become MathML, which needs none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lxml.html import HtmlElement, fromstring

from blogkit.errors import Problem, RenderError
from blogkit.render.dom import elements, has_class, make, put_after, with_class

_TAG = re.compile(r"\\tag\{(.*?)\}\s*$", re.DOTALL)
_DELIMITERS = re.compile(r"^\s*\\[(\[]|\\[)\]]\s*$")


def typeset(page: HtmlElement, ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], source: Path) -> None:
    """Replaces the formulas that MathJax or KaTeX would typeset. Raises RenderError with those that cannot be."""
    spans = [one for one in with_class(page, "math") if one.tag == "span" and next(elements(one, "math"), None) is None]
    if not spans:
        return
    formulas, numbers = [], []
    for span in spans:
        tex = _DELIMITERS.sub("", _DELIMITERS.sub("", span.text_content())).strip()
        tag = _TAG.search(tex)
        numbers.append(tag.group(1) if tag else "")
        tex = re.sub(r"\n\s*\n", "\n", _TAG.sub("", tex).strip())
        formulas.append(f"$${tex}$$" if has_class(span, "display") else f"${tex}$")
    request = {
        "text": "\n\n".join(formulas),
        "traits": {},
        "fields": {},
        "options": {},
        "language": {},
        "shortcodes": [],
    }
    answer = ask(request)
    problems = [Problem(path=source, message=one["what"], hint=one["hint"]) for one in answer.get("problems") or []]
    made = [] if problems else list(elements(fromstring(f"<div>{answer['body']}</div>"), "math"))
    if len(made) != len(spans):
        message = "a formula cannot be typeset."
        raise RenderError(problems or [Problem(path=source, message=message, hint="Write it with LaTeX and amsmath.")])
    for span, formula, number in zip(spans, made, numbers, strict=True):
        formula.tail = span.tail
        parent = span.getparent()
        if parent is None:
            continue
        parent.replace(span, formula)
        if number:
            put_after(formula, make("span", f"({number.strip('()')})", class_="eq-number"))
