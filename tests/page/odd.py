"""Small pages that are hard to count, each with the words that a reader reads line by line."""

from __future__ import annotations

from typing import NamedTuple


class OddPage(NamedTuple):
    body: str
    """What stands in ``main``."""
    words: int

    @property
    def html(self) -> str:
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Odd</title></head><body>'
            f'<main id="quarto-document-content">{self.body}</main></body></html>'
        )


ODD = {
    "plain": OddPage("<p>One two three.</p>", 3),
    "heading": OddPage("<h2>Two words</h2><p>One.</p>", 3),
    "inline": OddPage("<p>un<b>believ</b>able, twenty-one, don’t, 3.5 and e.g.</p>", 6),
    "blocks without space": OddPage("<div>one<p>two</p>three</div><ul><li>four<li>five</ul>", 5),
    "line break": OddPage("<p>one<br>two</p>", 2),
    "equation in the line": OddPage("<p>Let <math><mi>x</mi><mo>=</mo><mn>1</mn></math> hold.</p>", 3),
    "equation of its own": OddPage('<p>Let</p><math display="block"><mi>x</mi></math><p>hold.</p>', 2),
    "tex source": OddPage("<p>Let <math><mi>x</mi><annotation>x y z</annotation></math>.</p>", 2),
    "code in the line": OddPage("<p>Call <code>fit(x)</code> once.</p>", 4),
    "code block": OddPage("<p>One.</p><pre><code>not a word</code></pre>", 1),
    "figure": OddPage("<p>One.</p><figure><img src='a.png'><figcaption>Figure 1: No prose.</figcaption></figure>", 1),
    "table": OddPage("<p>One.</p><table><caption>Table 1: No.</caption><tr><td>2</td></tr></table>", 1),
    "caption below": OddPage("<p>One.</p><p><img src='a.png'></p><p class='caption'>No prose here.</p>", 1),
    "caption above": OddPage("<p>One.</p><div class='caption'>Table 1: No prose.</div><table><tr><td>2</table>", 1),
    "drawing": OddPage("<p>One.</p><svg><text>no prose</text></svg>", 1),
    "hidden": OddPage("<p>One.</p><p hidden>not read</p>", 1),
    "display none": OddPage("<p>One.</p><p style='color: red; display : none'>not read</p>", 1),
    "visibility hidden": OddPage("<p>One.</p><p style='visibility:hidden'>not read</p>", 1),
    "for screen readers": OddPage("<p>One <span class='visually-hidden'>not read</span> two.</p>", 2),
    "not for screen readers": OddPage("<p>One <span aria-hidden='true'>read</span> two.</p>", 3),
    "template": OddPage("<p>One.</p><template><p>not read</p></template>", 1),
    "noscript": OddPage("<p>One.</p><noscript>not read</noscript>", 1),
    "script": OddPage("<p>One.</p><script>not(read)</script><style>p { color: red }</style>", 1),
    "details": OddPage("<details><summary>One two</summary><p>three</p></details>", 3),
    "contents": OddPage("<nav id='TOC'><ul><li>Not read</li></ul></nav><p>One.</p>", 1),
    "controls": OddPage("<p>One.</p><button>no</button><select><option>no</select><textarea>no</textarea>", 1),
    "footnote": OddPage("<p>One<sup><a role='doc-noteref' href='#fn1'>1</a></sup> two.</p>", 2),
    "footnote behind an equation": OddPage("<p><math><mi>x</mi></math>.<a role='doc-noteref'><sup>1</sup></a></p>", 1),
    "references": OddPage("<p>One.</p><div id='refs'><div class='csl-entry'>Not counted</div></div>", 1),
    "appendix": OddPage("<p>One.</p><div id='quarto-appendix'><h2>Appendix</h2><p>Not counted.</p></div>", 1),
    "references of its own": OddPage("<p>One.</p><h2>References</h2><p>Not counted.</p>", 1),
    "after the references": OddPage(
        "<p>One.</p><section><h2>References</h2><p>Not counted.</p></section><p>Two.</p>", 2
    ),
    "title block": OddPage(
        "<header id='title-block-header'><h1 class='title'>Not counted</h1><div class='abstract'><p>One two.</p></div>"
        "</header><p>Three.</p>",
        3,
    ),
    "abstract without paragraphs": OddPage(
        "<header id='title-block-header'><div class='abstract'><div class='block-title'>Abstract</div>One <b>two</b>.</div>"
        "</header><p>Three.</p>",
        3,
    ),
    "other scripts": OddPage("<p>Übermäßig наука 学习 naïve</p>", 4),
    "beyond the plane": OddPage("<p>𝔼[x] 😀 risk</p>", 3),
    "hard spaces": OddPage("<p>one&nbsp;two\u200bthree</p>", 3),
    "guidance": OddPage("<p>One.</p><div class='guidance'>Delete this box.</div>", 1),
    "nothing": OddPage("", 0),
}
