"""A small rendered site: one post with its source, its neighbours, its libraries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from blogkit.config import load_site
from blogkit.model import Manifest, Project, RenderedPage, Site
from tests.check.pages import LIBRARIES, SVG, page
from tests.files import write_tree

FRONT = """title: "Does width alone explain double descent?"
author:
  - name: Ada Example
date: 2026-11-03
lang: en
bibliography: references.bib
"""
SOURCE = """
## Introduction

Words of the introduction.

::: {#hypothesis .callout-important title="Central hypothesis"}
Width alone moves the peak of the test error.
:::

## Background

Double descent is known [@belkin2019].

## Methods

## Results

![Test error over width, run 1.](results/charts/error.svg){#fig-1 fig-alt="The error falls."}

## Conclusion

A limitation is that we only trained on one data set.

## AI assistance

We used ChatGPT to proofread the text.
"""
BIBLIOGRAPHY = """@article{belkin2019,
  title = {Reconciling Modern Machine-Learning Practice},
  author = {Belkin, Mikhail and others},
  year = 2019,
}
"""


def site(
    root: Path,
    html: str | None = None,
    *,
    front: str = FRONT,
    source: str = SOURCE,
    more: Mapping[str, str | bytes] | None = None,
) -> Site:
    """A site of two posts, rendered; the first is called ``width``."""
    tree: dict[str, str | bytes] = {
        "_quarto.yml": "project:\n  type: website\n",
        "projects/width/index.qmd": f"---\n{front}---\n{source}",
        "projects/width/references.bib": BIBLIOGRAPHY,
        "projects/width/results/charts/error.svg": SVG,
        "projects/other/index.qmd": "---\ntitle: Other\n---\n",
        "_site/index.html": "<!DOCTYPE html><title>Posts</title><body><main>Posts</main></body>",
        "_site/projects/width/index.html": html or page(),
        "_site/projects/width/results/charts/error.svg": SVG,
        "_site/projects/other/index.html": page(),
        "_site/projects/other/results/charts/error.svg": SVG,
        **{f"_site/{name}": contents for name, contents in LIBRARIES.items()},
    }
    tree.update(more or {})
    write_tree(root, tree)
    return load_site(root)


def post_of(where: Site, name: str = "width") -> tuple[Project, RenderedPage]:
    """A project with its rendered page."""
    project = next(one for one in where.projects if one.name == name)
    output = where.output / "projects" / name / "index.html"
    return project, RenderedPage(source=project.post, output=output, project=name)


def manifest(where: Site) -> Manifest:
    """What rendering would say that it made."""
    pages = [post_of(where, project.name)[1] for project in where.projects]
    pages.append(RenderedPage(source=where.root / "index.qmd", output=where.output / "index.html"))
    return Manifest(engine="pandoc", root=where.output, pages=tuple(pages))
