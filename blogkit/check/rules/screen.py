"""What only a browser can tell: these rules read what it saw, and say nothing when it was not asked."""

from __future__ import annotations

from collections.abc import Iterator

from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile
from blogkit.check.rules import rule


@rule(
    "BK124",
    "drawn",
    why="What a reader does not see is not graded: a figure that stays empty, an equation that is not typeset.",
    fix="Open the page with the network switched off and look at the browser's console.",
    browser=True,
)
def drawn(post: Post, profile: Profile) -> Iterator[Fault]:
    """Opened without a network, every figure is drawn, every image shows, every equation is typeset, models answer."""
    for entry in post.seen.get("undrawn", []):
        yield Fault(message=str(entry), place=post.at())


@rule(
    "BK127",
    "no-script",
    why="Some readers, archives and printers have no JavaScript; a figure that is drawn already shows to them too.",
    fix="Draw figures before the page is opened (blogkit does) and typeset equations as MathML.",
    browser=True,
)
def no_script(post: Post, profile: Profile) -> Iterator[Fault]:
    """Without JavaScript, figures, images and equations show as well."""
    for entry in post.seen.get("still", []):
        text = str(entry)
        yield Fault(message=text if text.startswith("without") else f"without JavaScript {text}", place=post.at())


@rule(
    "BK125",
    "console",
    why="An error in the console is a script that stopped half-way; what it should have done is missing.",
    fix="Open the page, press F12, and fix or remove the script that the message names.",
    browser=True,
)
def console(post: Post, profile: Profile) -> Iterator[Fault]:
    """The page opens without an error in the browser's console."""
    for entry in post.seen.get("console", []):
        yield Fault(message=f"the browser's console says: {entry}", place=post.at())


@rule(
    "BK126",
    "narrow-screen",
    why="Readers open links on their phones; a page that scrolls sideways is hard to read there.",
    fix="Wrap wide tables and code in a block that scrolls, and give images `max-width: 100%`.",
    browser=True,
)
def narrow_screen(post: Post, profile: Profile) -> Iterator[Fault]:
    """On a screen of 390 pixels the page does not scroll sideways."""
    for entry in post.seen.get("narrow", []):
        yield Fault(message=str(entry), place=post.at())
