"""Pages to check: a clean post in the shape of Quarto's pages and in that of the course's HTML template, and the same with one thing changed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.files import write_tree

PROSE = (
    "The curve rises again when the width passes the number of samples and we follow it over every seed that we ran "
    "because a single run says little about a ridge that moves with noise and with the size of the training set. "
)
"""Forty words."""


def prose(words: int) -> str:
    """Paragraphs of so many words."""
    pool = PROSE.split()
    chosen = [pool[number % len(pool)] for number in range(words)]
    return "\n".join(f"<p>{' '.join(chosen[start : start + 100])}</p>" for start in range(0, words, 100))


def figure(
    number: int, *, alt: str = "The error falls, rises at the threshold and falls again.", caption: str = ""
) -> str:
    """A numbered figure as Quarto writes it."""
    words = caption or f"Test error over width, run {number}."
    return f"""
<div id="fig-{number}" class="quarto-float quarto-figure quarto-figure-center anchored">
<figure class="quarto-float quarto-float-fig figure">
<div aria-describedby="fig-{number}-caption-0ceaefa1">
<img src="results/charts/error.svg" class="img-fluid figure-img" alt="{alt}">
</div>
<figcaption class="quarto-float-caption-bottom quarto-float-caption quarto-float-fig" id="fig-{number}-caption-0ceaefa1">
Figure&nbsp;{number}: {words}
</figcaption>
</figure>
</div>
"""


def table(number: int = 1, cells: str = "<td>0.21 ± 0.02</td>") -> str:
    """A numbered table as Quarto writes it."""
    return f"""
<div id="tbl-{number}" class="quarto-float anchored">
<figure class="quarto-float quarto-float-tbl figure">
<figcaption class="quarto-float-caption-top quarto-float-caption quarto-float-tbl" id="tbl-{number}-caption-0ceaefa1">
Table&nbsp;{number}: Test error of the baseline and of the wide network, five seeds.
</figcaption>
<div aria-describedby="tbl-{number}-caption-0ceaefa1">
<table class="caption-top table"><thead><tr><th>Network</th><th>Error</th></tr></thead>
<tbody><tr><td>baseline</td>{cells}</tr><tr><td>wide</td>{cells}</tr></tbody></table>
</div>
</figure>
</div>
"""


HEAD = """<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0, user-scalable=yes">
<title>Does width alone explain double descent? – Posts</title>
<link href="../../site_libs/quarto.css" rel="stylesheet">"""
TITLE = """<header id="title-block-header" class="quarto-title-block default">
<div class="quarto-title"><h1 class="title">Does width alone explain double descent?</h1>
<div class="quarto-categories"><div class="quarto-category"><a href="../../index.html#category=width">width</a></div></div></div>
<div class="quarto-title-meta">
<div><div class="quarto-title-meta-heading">Author</div>
<div class="quarto-title-meta-contents"><p>Ada Example </p></div></div>
<div><div class="quarto-title-meta-heading">Published</div>
<div class="quarto-title-meta-contents"><p class="date">November 3, 2026</p></div></div>
</div></header>"""
TOC = """<nav id="TOC" role="doc-toc" class="toc-active"><h2 id="toc-title">Outline</h2><ul>
<li><a href="#introduction" class="nav-link">Introduction</a></li>
<li><a href="#background" class="nav-link">Background</a></li>
<li><a href="#methods" class="nav-link">Methods</a></li></ul></nav>"""
INTRODUCTION = f"""<section id="introduction" class="level2"><h2 class="anchored">Introduction</h2>
{prose(500)}
<div id="hypothesis" class="callout callout-style-default callout-important callout-titled">
<div class="callout-header d-flex align-content-center"><div class="callout-icon-container"><i class="callout-icon"></i></div>
<div class="callout-title-container flex-fill">Central hypothesis</div></div>
<div class="callout-body-container callout-body"><p>Width alone moves the peak of the test error.</p></div></div>
</section>"""
BACKGROUND = f"""<section id="background" class="level2"><h2 class="anchored">Background</h2>
<p>Double descent is known <span class="citation" data-cites="belkin2019">(<a href="#ref-belkin2019"
role="doc-biblioref">Belkin et al. 2019</a>)</span>.</p>
{prose(500)}
</section>"""
METHODS = f"""<section id="methods" class="level2"><h2 class="anchored">Methods</h2>
{prose(500)}
<p>We minimise <span class="math inline"><math xmlns="http://www.w3.org/1998/Math/MathML"><mi>L</mi></math></span>.</p>
</section>"""
RESULTS = f"""<section id="results" class="level2"><h2 class="anchored">Results</h2>
{prose(400)}
{figure(1)}{figure(2)}{figure(3)}{table()}
<p>As <a href="#fig-1" class="quarto-xref">Figure&nbsp;1</a> shows, the wide network beats the baseline.</p>
</section>"""
CONCLUSION = f"""<section id="conclusion" class="level2"><h2 class="anchored">Conclusion</h2>
{prose(400)}
<p>A limitation is that we only trained on one data set.</p>
</section>"""
STATEMENT = """<section id="ai-assistance" class="level2"><h2 class="anchored">AI assistance</h2>
<p>We used ChatGPT to proofread the text; the experiments and their code are ours.</p></section>"""
REFERENCES = """<div id="quarto-appendix" class="default"><section class="quarto-appendix-contents" id="quarto-bibliography"
role="doc-bibliography"><h2 class="anchored quarto-appendix-heading">References</h2>
<div id="refs" class="references csl-bib-body" role="list"><div id="ref-belkin2019" class="csl-entry" role="listitem">
Belkin, Mikhail, et al. 2019. <span>Reconciling Modern Machine-Learning Practice.</span></div></div></section></div>"""
NAVIGATION = """<header id="quarto-header" class="headroom fixed-top"><nav class="navbar navbar-expand-lg">
<a class="navbar-brand" href="../../index.html">Posts</a><div id="quarto-search"></div></nav></header>"""
AFTER = """<nav class="page-navigation"><div class="nav-page nav-page-previous">
<a href="../../projects/other/index.html" class="pagination-link">Other</a></div></nav>"""
PARTS = (
    "HEAD",
    "TITLE",
    "TOC",
    "INTRODUCTION",
    "BACKGROUND",
    "METHODS",
    "RESULTS",
    "CONCLUSION",
    "STATEMENT",
    "REFERENCES",
)

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><title>Error</title><path d="M0 0L10 10"/></svg>'


def page(*, end: str = "", **changed: str) -> str:
    """A post as Quarto renders it, clean; a part given by name takes the place of its own."""
    own = {name: globals()[name] for name in PARTS}
    unknown = set(changed) - set(own) - {"START", "NAVIGATION"}
    assert not unknown, unknown
    own.update(changed)
    body = "\n".join(own[name] for name in PARTS[3:])
    start = own.get("START", '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en">')
    return f"""{start}<head>
{own["HEAD"]}
</head><body class="nav-fixed fullcontent">
{NAVIGATION}
<div id="quarto-content" class="page-columns">
<div id="quarto-margin-sidebar" class="sidebar margin-sidebar">{own["TOC"]}</div>
<main class="content" id="quarto-document-content">
{own["TITLE"]}
{body}
{end}
</main>
{AFTER}
</div></body></html>
"""


CSS = "@font-face { font-family: serif; src: url(fonts/text.woff2) }\nbody { background: url('paper.png') }\n"
LIBRARIES: dict[str, str | bytes] = {
    "site_libs/quarto.css": CSS,
    "site_libs/fonts/text.woff2": b"wOF2 a font",
    "site_libs/paper.png": b"not a picture",
}


def submission(root: Path, html: str, more: Mapping[str, str | bytes] | None = None) -> Path:
    """A folder that is handed in: the page at its root with what it needs."""
    tree: dict[str, str | bytes] = {
        "index.html": html.replace("../../site_libs", "site_libs").replace(NAVIGATION, "").replace(AFTER, ""),
        "results/charts/error.svg": SVG,
        **LIBRARIES,
    }
    tree["index.html"] = str(tree["index.html"]).replace('<a href="../../index.html#category=width">width</a>', "width")
    tree.update(more or {})
    return write_tree(root, tree)


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip with these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return path


def zipped_folder(path: Path, folder: Path) -> Path:
    """A zip of a folder's contents."""
    return zipped(
        path,
        {one.relative_to(folder).as_posix(): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()},
    )


def png(width: int, height: int, noise: bool = True) -> bytes:
    """A picture of this size; noise makes its file large."""
    import os

    from PIL import Image

    image = (
        Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
        if noise
        else Image.new("RGB", (width, height))
    )
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
