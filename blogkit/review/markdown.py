"""Comments as HTML: Markdown without raw HTML, mathematics as MathML, and nothing that acts or loads."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TAGS = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "br", "a", "hr", "del", "table", "thead"}
_TAGS |= {"tbody", "tr", "th", "td", "h3", "h4", "span"}
_MATH = {"math", "semantics", "mrow", "mi", "mo", "mn", "ms", "mtext", "mspace", "msup", "msub", "msubsup", "mfrac"}
_MATH |= {"msqrt", "mroot", "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom"}
_MATH |= {"menclose", "mmultiscripts", "mprescripts", "none"}


def _formula(source: str, options: dict[str, Any]) -> str:
    from latex2mathml.converter import convert

    display = "block" if options.get("display_mode") else "inline"
    try:
        return str(convert(source, display=display))
    except Exception:  # whatever its parser trips over, the reader still sees what was written
        return f"<code>{escape(source)}</code>"


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable(
        ["table", "strikethrough"]
    )
    parser.disable(["image", "html_block", "html_inline"])
    return parser.use(dollarmath_plugin, renderer=_formula, allow_digits=False, double_inline=True)


def to_html(text: str) -> str:
    """A comment as sanitised HTML; the same text gives the same HTML."""
    import nh3

    return nh3.clean(
        _parser().render(text),
        tags=_TAGS | _MATH,
        attributes={"a": {"href"}, "math": {"display", "xmlns"}, "mo": {"stretchy", "fence", "separator"}, "*": set()},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
