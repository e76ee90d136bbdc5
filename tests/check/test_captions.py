"""A figure's caption is its own, whatever else stands inside the figure."""

from __future__ import annotations

from blogkit.page import Page

FIGURE = """<!doctype html><html lang="en"><title>t</title><body><main id="quarto-document-content">
<div id="fig-loss" class="quarto-float"><figure>
<div><svg role="img"></svg><details><summary>Data</summary><table><caption>60 rows</caption><tr><td>1</td></tr></table>
</details></div>
<figcaption id="fig-loss-caption-1">Figure 1: The loss falls.</figcaption></figure></div></main></body></html>"""


def test_the_caption_of_the_data_behind_a_figure_is_not_the_figures() -> None:
    (figure,) = Page(data=FIGURE.encode()).floats
    assert (figure.kind, figure.number, figure.caption) == ("figure", "1", "Figure 1: The loss falls.")
