"""Verbs that make a site and its projects, and look at the machine: init, new, doctor."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from blogkit.cli import app

Template = Annotated[Path | None, typer.Option("--template", help="A folder of templates of your own.")]


class CodeHost(StrEnum):
    """Where a site's workflow runs."""

    GITHUB = "github"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path(),
    title: Annotated[str | None, typer.Option(help="The site's title.")] = None,
    ci: Annotated[
        CodeHost | None, typer.Option("--ci", help="Add the workflow that checks and publishes the site there.")
    ] = None,
    install: Annotated[
        str, typer.Option("--install", metavar="SOURCE", help="With --ci: a commit or a wheel with its hash.")
    ] = "",
    template: Template = None,
) -> None:
    """Make a site in this folder or in DIR."""
    from blogkit.config import SITE_FILE
    from blogkit.new import add_workflow, init_site

    if ci is None or not (folder / SITE_FILE).exists():
        root = init_site(folder, title=title, template=template)
        print(f"A site is in {root}. `blogkit new NAME` adds a project.")
    if ci is not None:
        path = add_workflow(folder.resolve(), ci.value, install=install, template=template)
        print(f"{path} checks and publishes the site whenever it is pushed.")
        if not install:
            print("  It does not run yet: say there, under `env: BLOGKIT:`, which commit of blogkit it installs.")


@app.command()
def new(
    name: str,
    starter: Annotated[str, typer.Option(help="Which template to begin from.")] = "blank",
    title: Annotated[str | None, typer.Option(help="The post's title; made from NAME when left out.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="An author's name; once for each.")] = None,
    from_notebook: Annotated[
        Path | None, typer.Option("--from-notebook", metavar="PATH", help="Begin from a notebook that you have.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="With --from-notebook: a name that runs may set; once for each.")
    ] = None,
    template: Template = None,
) -> None:
    """Make a project that already runs."""
    from blogkit.cli.here import site_here
    from blogkit.new import new_project
    from blogkit.pipeline import adopt_notebook

    site = site_here(whole=False)
    if from_notebook is None:
        project = new_project(site, name, starter=starter, title=title, authors=author or (), template=template)
        print(f"{project.folder} is ready. `blogkit build {project.name}` runs it and renders its post.")
        return
    chosen = parameter or _asked_parameters(from_notebook)
    project, figures = adopt_notebook(
        site, name, from_notebook, parameters=chosen, title=title, authors=author or (), template=template
    )
    count = f"{len(figures)} {'figure' if len(figures) == 1 else 'figures'}"
    print(f"{project.folder} is ready, with {count} of your notebook in its post. `blogkit build {project.name}` next.")


def _asked_parameters(notebook: Path) -> list[str]:
    """Which parameters the user chooses at the terminal; none where nobody can be asked, or a cell is tagged."""
    import sys

    from blogkit.new import adopt
    from blogkit.notebook import read_notebook

    if not notebook.is_file() or not sys.stdin.isatty():
        return []
    document = read_notebook(notebook)
    if adopt.tagged(document) is not None:
        return []
    found = adopt.candidates(document)
    print("What runs could set, with its value and cell:", file=sys.stderr)
    for one in found:
        print(f"    {one.name} = {one.value!r}  (cell {one.cell})", file=sys.stderr)
    answer = typer.prompt("Which of them, separated by spaces? They must be of one cell", err=True)
    return str(answer).replace(",", " ").split()


@app.command()
def doctor() -> None:
    """Say what this machine offers, what is missing, and how to get it."""
    from rich.console import Console
    from rich.table import Table

    from blogkit.doctor import Health, examine

    found = list(examine(Path.cwd()))
    table = Table.grid(padding=(0, 2))
    colors = {Health.GOOD: "green", Health.ABSENT: "yellow", Health.BAD: "red"}
    for one in found:
        table.add_row(one.name, f"[{colors[one.state]}]{one.state}[/]", one.says)
    Console().print(table)
    if any(one.state is Health.BAD for one in found):
        raise typer.Exit(1)
