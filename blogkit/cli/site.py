"""Verbs that make pages: render, preview, build."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blogkit.cli import app

if TYPE_CHECKING:
    from blogkit.model import Site


@app.command()
def render(
    projects: Annotated[
        list[str] | None, typer.Argument(metavar="[PROJECT]...", help="All when none is named.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, quarto, or pandoc (the embedded one).")] = "auto",
    to: Annotated[str, typer.Option(help="html, or pdf: also a PDF beside each post, printed by Chromium.")] = "html",
    as_json: Annotated[bool, typer.Option("--json", help="Print the pages as JSON.")] = False,
) -> None:
    """Make the pages: posts, listings, feeds."""
    if to not in {"html", "pdf"}:
        raise typer.BadParameter(f"{to!r} is neither html nor pdf.", param_hint="--to")
    from blogkit.cli.here import site_here
    from blogkit.config import choose_projects
    from blogkit.render import render_site

    site = site_here(projects)
    only = choose_projects(site, projects) if projects else ()
    manifest = render_site(site, engine=engine, only=only)
    for warning in manifest.warnings:
        print(f"blogkit: warning: {warning}", file=sys.stderr)
    papers: tuple[Path, ...] = ()
    if to == "pdf":
        from blogkit.render.made import add_papers
        from blogkit.render.paper import print_posts

        papers = print_posts(manifest)
        add_papers(site, manifest.pages, papers)
    if as_json:
        pages = [
            {"source": str(page.source), "output": str(page.output), "title": page.title, "project": page.project}
            for page in manifest.pages
        ]
        said = {"engine": manifest.engine, "root": str(manifest.root), "pages": pages}
        print(json.dumps({**said, **({"pdf": [str(one) for one in papers]} if to == "pdf" else {})}, indent=2))
        return
    count = len(manifest.pages)
    print(f"{count} page{'' if count == 1 else 's'} in {manifest.root} ({manifest.engine})")
    for paper in papers:
        print(paper)


@app.command()
def preview(
    port: Annotated[int, typer.Option(help="Of this machine; any that is free by default.")] = 0,
    engine: Annotated[str, typer.Option(help="auto and pandoc: the embedded one, at once; or quarto.")] = "auto",
    browser: Annotated[bool, typer.Option(help="Open the site in the browser.")] = True,
) -> None:
    """Show the site while it is written: a saved change is on screen at once, also one of figures.ipynb."""
    from blogkit.config import find_root
    from blogkit.pipeline import FigureFollower
    from blogkit.render.preview import Preview

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    figures = FigureFollower()
    shown = Preview(
        find_root(Path.cwd()), port=port, engine=engine, say=say, find_stale=stale_sentences, follow=figures.follow
    )
    print(shown.address)
    if browser:
        import webbrowser

        webbrowser.open(shown.address)
    try:
        shown.run()
    finally:
        figures.close()


def stale_sentences(site: Site) -> list[str]:
    """What a preview says of results that are stale, as `status` does: a page shows them as they are."""
    from blogkit.cli.runs import describe_stale
    from blogkit.pipeline import find_stale
    from blogkit.several import Several

    projects = [project for project in site.projects if project.sweep is not None and not project.problems]
    parts = find_stale(site, projects, several=Several())  # what cannot be planned is said by `run` and `status`
    return [f"{one.project.name}: {line}" for one in parts for line in describe_stale(one)]
