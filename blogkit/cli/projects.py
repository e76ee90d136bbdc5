"""Verbs that make a site and its projects, and look at the machine: init, new, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blogkit.cli import app

Template = Annotated[Path | None, typer.Option("--template", help="A folder of templates of your own.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path(),
    title: Annotated[str | None, typer.Option(help="The site's title.")] = None,
    template: Template = None,
) -> None:
    """Make a site in this folder or in DIR."""
    from blogkit.new import init_site

    root = init_site(folder, title=title, template=template)
    print(f"A site is in {root}. `blogkit new NAME` adds a project.")


@app.command()
def new(
    name: str,
    starter: Annotated[str, typer.Option(help="Which template to begin from.")] = "blank",
    title: Annotated[str | None, typer.Option(help="The post's title; made from NAME when left out.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="An author's name; once for each.")] = None,
    template: Template = None,
) -> None:
    """Make a project that already runs."""
    from blogkit.config import load_site
    from blogkit.new import new_project

    project = new_project(
        load_site(Path.cwd()), name, starter=starter, title=title, authors=author or (), template=template
    )
    print(f"{project.folder} is ready. `blogkit build {project.name}` runs it and renders its post.")


@app.command()
def doctor() -> None:
    """Say what this machine offers, what is missing, and how to get it."""
    from rich.console import Console
    from rich.table import Table

    from blogkit.doctor import State, examine

    found = list(examine(Path.cwd()))
    table = Table.grid(padding=(0, 2))
    colors = {State.GOOD: "green", State.ABSENT: "yellow", State.BAD: "red"}
    for one in found:
        table.add_row(one.name, f"[{colors[one.state]}]{one.state}[/]", one.says)
    Console().print(table)
    if any(one.state is State.BAD for one in found):
        raise typer.Exit(1)
