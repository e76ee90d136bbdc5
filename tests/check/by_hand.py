"""A post written by hand on the course's HTML template, in our own words: rows of three blocks, captions in the margin."""

from __future__ import annotations

from tests.check.pages import prose

STYLE = """<style>
body { background-color: #f5f9ff }
.content-margin-container { display: flex; width: 100%; align-items: center }
.main-content-block { width: 70%; max-width: 1100px; background-color: #fff; border-left: 1px solid #ddd; border-right: 1px solid #ddd; padding: 8px }
.margin-left-block { font-size: 14px; width: 15%; max-width: 130px; padding: 10px }
.margin-right-block { font-size: 14px; width: 25%; max-width: 256px; padding: 10px }
img { max-width: 100%; display: block; margin: auto }
a:link, a:visited { color: #0e7862 }
div.hypothesis { width: 80%; background-color: #eee; border: 1px solid black; border-radius: 10px; padding: 16px; margin: auto }
</style>"""


def row(main: str, *, left: str = "", right: str = "", id: str = "") -> str:
    """One row of the template."""
    mark = f' id="{id}"' if id else ""
    return f"""<div class="content-margin-container"{mark}>
<div class="margin-left-block">{left}</div>
<div class="main-content-block">{main}</div>
<div class="margin-right-block">{right}</div>
</div>
"""


OUTLINE = """<div style="position:fixed; max-width:inherit; top:max(20%,120px)"><b style="font-size:16px">Outline</b><br><br>
<a href="#intro">Introduction</a><br><br><a href="#background">Background</a><br><br>
<a href="#method">Does depth help?</a><br><br><a href="#conclusion">Implications and limitations</a><br><br></div>"""


def header(
    authors: str = '<td align=left><span style="font-size:17px"><a href="https://ada.host.edu">Ada Example</a></span></td>',
) -> str:
    return row(f"""<table class="header" align=left>
<tr><td colspan=4><span style="font-size: 32px; font-family: 'Courier New', Courier, monospace;">Does depth help on a small task?</span></td></tr>
<tr>{authors}</tr>
<tr><td colspan=4 align=left><span style="font-size:18px">Final project for 6.7960, MIT</span></td></tr>
</table>""")


def plot(number: int, alt: str = ' alt="Two curves of test error over depth."') -> str:
    return row(
        f'<img src="images/plot{number}.png"{alt} width=512px/>',
        right=f"Figure {number}: Test error over depth, five seeds each.",
    )


REFERENCES = """<div class="citation" id="references" style="height:auto"><br><span style="font-size:16px">References:</span><br><br>
<a id="ref_1"></a>[1] <a href="https://arxiv.org/abs/1">Deep residual learning</a>, He et al., 2016<br><br>
<a id="ref_2"></a>[2] <a href="https://arxiv.org/abs/2">Wide residual networks</a>, Zagoruyko and Komodakis, 2016<br><br></div>"""


def template_page(
    *,
    head: str = "",
    title: str = "Does depth help on a small task?",
    outline: str = OUTLINE,
    top: str | None = None,
    figures: str | None = None,
    references: str = REFERENCES,
    end: str = "",
    start: str = '<!doctype html>\n<html lang="en">',
    viewport: str = '<meta name="viewport" content="width=device-width, initial-scale=1">',
) -> str:
    """The whole page; what the template itself gets wrong is right here unless it is asked for."""
    shown = figures if figures is not None else "".join(plot(number) for number in (1, 2, 3, 4))
    return f"""{start}<head>
<title>{title}</title>
<meta charset="UTF-8">{viewport}
{STYLE}{head}
</head><body>
{header() if top is None else top}
{row(f"<h1>Introduction</h1>{prose(500)}", left=outline, right="Why it matters to those who train small networks.", id="intro")}
{row('<div class="hypothesis">On a small task, depth beyond two layers does not lower the test error.</div>')}
{row(f'<h1>Background and related work</h1>Residual networks made depth trainable <a href="#ref_1">[1]</a>, and width can replace it <a href="#ref_2">[2]</a>.{prose(500)}', id="background")}
{row(f'<h1>Methods</h1>{prose(500)} <math xmlns="http://www.w3.org/1998/Math/MathML"><mi>d</mi></math>', id="method")}
{row(f"<h1>Results</h1>{prose(400)} The two-layer baseline has an error of 0.21 ± 0.02.", id="results")}
{shown}
{row(f"<h1>Implications and limitations</h1>{prose(300)} A limitation is that only one task was tried.", id="conclusion")}
{row("<h1>AI assistance</h1>We used Claude to proofread the text.")}
{row(references)}
{end}
</body></html>
"""
