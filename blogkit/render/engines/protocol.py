"""What an engine is: it turns a planned source into a page that is not finished yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lxml.html import HtmlElement

from blogkit.render.plan import PlannedPage, RenderPlan
from blogkit.render.posts import PostWords


@dataclass(kw_only=True)
class DrawnPage:
    """A page as an engine drew it: Quarto's ids and classes, before it is finished."""

    tree: HtmlElement
    metadata: Mapping[str, Any]
    """Site, folder and front matter, merged as Quarto merges them."""
    words: PostWords
    inputs: frozenset[Path] = frozenset()
    """Every file that was read for it."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What lies beside the page, by its path from the page's folder."""
    warnings: tuple[str, ...] = ()
    fills_listings: bool = True
    """The listings that the page asks for are filled afterwards; false where the engine filled them itself."""


class Engine(Protocol):
    """Makes the pages of a plan."""

    @property
    def name(self) -> str:
        """As ``--engine`` names it."""

    @property
    def keeps_pages(self) -> bool:
        """Whether a page that did not change is left as it is; false for an engine that makes every page anew."""

    @property
    def jobs(self) -> int:
        """How many pages it draws at the same time."""

    def wake(self, *, whole: bool) -> None:
        """Starts what takes time to start, before the plan is known; ``whole``: many pages will be drawn."""

    def begin(self, plan: RenderPlan) -> None:
        """Does what is done once for all pages.

        Raises ToolMissing or ToolFailed when no page can be made.
        """

    def draw(self, plan: RenderPlan, page: PlannedPage) -> DrawnPage:
        """One page. Raises BlogkitError with what is wrong in it. Called from several threads."""

    def close(self) -> None:
        """Ends what the engine keeps running."""
