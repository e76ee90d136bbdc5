"""The command line: one small function a verb. Each parses, calls the library function of the same name, and prints.

Results go to stdout, progress and error messages to stderr. Nothing heavy is imported before a command needs it, so
that ``blogkit --help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import typer.core

from blogkit import __version__
from blogkit.cli.here import begin_command, end_command
from blogkit.errors import BlogkitError
from blogkit.stages import place_in_help


class _StageOrder(typer.core.TyperGroup):
    """Lists the commands in the order of the stages that they belong to."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer's context is click's
        return sorted(super().list_commands(ctx), key=place_in_help)


app = typer.Typer(
    cls=_StageOrder,
    name="blogkit",
    help="From an idea to a submitted, peer-reviewed, interactive research post.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"blogkit {__version__}")
        raise typer.Exit


def _end_command(_: object, **options: object) -> None:
    end_command()


@app.callback(result_callback=_end_command)
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Take a project through its stages."""
    context.obj = {"debug": debug}
    begin_command()


def main() -> None:
    """Runs a command; an error of ours becomes its message on stderr and the exit code of its class."""
    try:
        # Each adds its verbs to the app.
        from blogkit.cli import browsing, build, projects, publishing, reviews, runs, site  # noqa: F401

        app()
    except BlogkitError as error:
        if "--debug" in sys.argv:
            raise
        print(f"blogkit: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("blogkit: stopped. Give the same command again to go on.", file=sys.stderr)
        sys.exit(130)
