"""Verbs that make a site and its projects, and look at the machine: init, new, doctor."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

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


def _starters_text() -> str:
    """The starters with a line each, as `--list` and `--help` show them."""
    from blogkit.config import SITE_FILE
    from blogkit.new import find_templates, starter_lines

    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / SITE_FILE).is_file()), here)
    lines = starter_lines(find_templates(root))
    width = max(map(len, lines), default=0)
    return "\n".join(f"  {name:<{width}}  {line}" for name, line in lines.items())


def _show_starters(wanted: bool) -> None:
    if wanted:
        print(f"Starters, for `blogkit new NAME --starter STARTER`:\n{_starters_text()}")
        raise typer.Exit


class _WithStarters(TyperCommand):
    """A command whose help ends with the starters."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes them, a line each."""
        super().format_epilog(ctx, formatter)
        formatter.write(f"\nStarters:\n{_starters_text()}\n")


@app.command(cls=_WithStarters)
def new(
    name: str,
    starter: Annotated[
        str, typer.Option(help="Which starter to begin from; --list shows them with a line each.")
    ] = "blank",
    listed: Annotated[
        bool,
        typer.Option("--list", callback=_show_starters, is_eager=True, help="Show the starters, a line each."),
    ] = False,
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


class SchemaKind(StrEnum):
    """A file that an editor can complete."""

    SWEEP = "sweep"
    FRONT_MATTER = "front-matter"


@app.command()
def schema(
    kind: Annotated[SchemaKind, typer.Argument(metavar="[KIND]", help="sweep, or front-matter.")] = SchemaKind.SWEEP,
) -> None:
    """Say where the JSON schema of sweep.yml lies, or of front matter, for an editor to complete from."""
    from importlib import resources

    print(resources.files("blogkit").joinpath("schemas", f"{kind.value}.schema.json"))


@app.command()
def doctor(
    report: Annotated[
        bool, typer.Option("--report", help="Print it as plain text to hand to staff, without names and home paths.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Fix what is safe to fix in this site, and say what to install.")
    ] = False,
) -> None:
    """Say what this machine offers, what each command still needs, and how to get it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from blogkit.doctor import Health, examine, fix_site, report_text

    if fix:
        from blogkit.run.execute import recover
        from blogkit.store import ProjectPaths

        for line in fix_site(Path.cwd(), clear=lambda project: recover(ProjectPaths.of(project))):
            print(line)
    found = list(examine(Path.cwd()))
    if report:
        print(report_text(found, Path.cwd()), end="")
        return
    table = Table.grid(padding=(0, 2))
    colors = {Health.GOOD: "green", Health.ABSENT: "yellow", Health.BAD: "red"}
    for one in found:
        table.add_row(one.name, f"[{colors[one.state]}]{one.state}[/]", escape(one.says))
    Console().print(table)
    if any(one.state is Health.BAD for one in found):
        raise typer.Exit(1)
