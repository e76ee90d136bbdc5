"""Turns posts into pages: an engine (Quarto or pandoc), then the finishing pass, the same for both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blogkit.errors import ConfigError, Problem
from blogkit.model import Manifest, Project, Site

ENGINES = ("auto", "quarto", "pandoc")


def render_site(site: Site, *, engine: str = "auto", only: Sequence[Project] = ()) -> Manifest:
    """Renders a site's pages into its output folder; with ``only``, the posts of those projects.

    ``auto`` takes Quarto where it is installed and the embedded engine elsewhere. A post that cannot be rendered keeps
    the page that it had, and stops no other: RenderError with every problem of every post is raised when the rest is
    written. Raises ToolMissing when the engine is not there.
    """
    from blogkit.render.engines import engine_named
    from blogkit.render.renderer import SiteRenderer
    from blogkit.tools import quarto

    engine = engine if engine != "auto" else site.config.engine
    if engine not in ENGINES:
        message = f"there is no engine {engine!r}."
        raise ConfigError(
            [Problem(path=site.root / "_quarto.yml", message=message, hint=f"Known: {', '.join(ENGINES)}.")]
        )
    is_quarto = engine == "quarto" or (engine == "auto" and quarto.find_quarto() is not None)
    with SiteRenderer(engine_named("quarto" if is_quarto else "pandoc")) as renderer:
        return renderer.render(site, only)


def drafts_left_out(site: Site) -> frozenset[Path]:
    """The sources that have no page since they are drafts. Raises ConfigError for a ``draft-mode`` that is none."""
    from blogkit.render.plan import draft_mode, drafts_of, site_sources
    from blogkit.render.source import front_of

    if draft_mode(site) != "gone":
        return frozenset()
    return drafts_of(site, {source: front_of(source) for source in site_sources(site)})
