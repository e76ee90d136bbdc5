"""What is handed in: one page, complete, that needs no network."""

from __future__ import annotations

import io
import posixpath
import re
import unicodedata
from collections.abc import Iterator

from blogkit.check.files import Archive, Folder, RefusedSubmission
from blogkit.check.post import Fault, Post
from blogkit.check.profile import Profile
from blogkit.check.reach import Reference
from blogkit.check.rules import rule
from blogkit.check.source import Place
from blogkit.links import Use, json_addresses, local_path, resolve
from blogkit.page.seen import shown_width


@rule(
    "BK101",
    "one-page",
    why="The staff open `index.html` of the zip. Where it is missing, or there are several, there is nothing to grade.",
    fix="Publish with `blogkit publish --to zip`; by hand: zip the folder's contents, not the folder.",
)
def one_page(post: Post, profile: Profile) -> Iterator[Fault]:
    """The submission has exactly one `index.html`, at its root."""
    if not post.submission:
        return
    pages = sorted(name for name in post.files.names if posixpath.basename(name) == "index.html" and not is_junk(name))
    if isinstance(post.files, Archive) and post.files.prefix:
        yield Fault(
            message=f"index.html lies in the folder {post.files.prefix} of the zip, not at its root.",
            place=Place(path=post.path),
            fix="Zip the contents of the folder, not the folder itself.",
        )
    if "index.html" not in pages:
        other = next((name for name in sorted(post.files.names) if name.lower() in {"index.html", "index.htm"}), None)
        html = [name for name in sorted(post.files.names) if name.lower().endswith((".html", ".htm"))]
        if other:
            message, fix = f"the page is called {other}, not index.html.", f"Rename {other} to index.html."
        elif html:
            message, fix = f"there is no index.html; there is {html[0]}.", f"Rename {html[0]} to index.html."
        else:
            message, fix = "there is no index.html, and no HTML page at all.", ""
        yield Fault(message=message, place=Place(path=post.path), fix=fix)
    for name in pages:
        if name != "index.html":
            yield Fault(
                message=f"there is a second index.html, {name}.",
                place=post.file(name),
                fix="Keep one page; give an embedded page another name.",
            )


@rule(
    "BK102",
    "offline",
    why="The page is opened without an internet connection. What it loads from the network is missing then: scripts, "
    "fonts, figures, and with a remote MathJax every equation.",
    fix="Put a copy of the file beside the page and point to it, or leave it out. A link that the reader may follow is fine.",
)
def offline(post: Post, profile: Profile) -> Iterator[Fault]:
    """Nothing that the page shows is loaded from the network."""
    reported: set[str] = set()
    for reference in post.references:
        address = reference.address
        if address.use is Use.FOLLOW or not address.remote or address.url in reported:
            continue
        reported.add(address.url)
        hint = ""
        if re.search(r"mathjax|katex", address.url, re.IGNORECASE):
            hint = "Without it no equation is typeset offline: use MathML (`html-math-method: mathml`)."
        yield Fault(
            message=f"{address.where} loads {_short(address.url)} from the network.",
            place=_holder_place(post, reference),
            fix=hint,
        )
    for url in post.seen.get("requests", []):
        if url not in reported and not any(url.endswith(one.lstrip("/")) for one in reported):
            reported.add(url)
            yield Fault(
                message=f"opened in a browser, the page asks the network for {_short(url)}.", place=post.where(url)
            )
    for name in sorted(post.reached):
        if name.endswith((".vl.json", ".vg.json")):
            try:
                text = post.files.read(name).decode("utf-8", "replace")
            except RefusedSubmission:
                continue
            for address in json_addresses(text):
                if address.remote and address.url not in reported:
                    reported.add(address.url)
                    yield Fault(
                        message=f"the chart {posixpath.basename(name)} loads {_short(address.url)} from the network.",
                        place=post.file(name, address.line),
                    )


@rule(
    "BK103",
    "files",
    why="A picture, style sheet or script that is not in the submission, or whose name differs in letter case, is "
    "missing on the grader's machine even if it shows on yours.",
    fix="Put the file in, or correct the path, letter for letter.",
    fixable=True,
)
def files(post: Post, profile: Profile) -> Iterator[Fault]:
    """Every local address leads to a file that is there, with the same letter case."""
    reported: set[tuple[str, str]] = set()
    for reference in post.references:
        address = reference.address
        raw = local_path(address.url)
        if not raw or (reference.holder, raw) in reported or _is_placeholder(address.url, profile):
            continue
        if reference.holder.endswith((".js", ".mjs")) and address.use is not Use.LOAD:
            continue
        reported.add((reference.holder, raw))
        if reference.target is None:
            yield Fault(
                message=f"{address.where} points to {_short(raw)}, outside the submission.",
                place=_holder_place(post, reference),
                fix="Copy the file beside the page and give its path from there.",
            )
            continue
        if _is_there(post, reference.target, follow=address.use is Use.FOLLOW):
            continue
        other = post.files.other_case(reference.target) or _alike_in_project(post, raw)
        if other:
            accents = unicodedata.normalize("NFC", other) != other or unicodedata.normalize("NFC", raw) != raw
            yield Fault(
                message=f"{address.where} says {_short(raw)}, but the file is called {other}."
                + (" They look alike, and their accents are written in two ways." if accents else ""),
                place=_holder_place(post, reference),
                fix="Write the name as the file has it; most graders' machines tell capital letters apart."
                if not accents
                else "`blogkit check --fix` writes the name as the file has it.",
            )
        elif address.use is Use.FOLLOW and not post.submission and _is_site_page(reference.target):
            continue
        else:
            yield Fault(
                message=f"{address.where} points to {_short(raw)}, which is not there.",
                place=_holder_place(post, reference),
            )
    known = {raw for _, raw in reported}
    for name in (*post.seen.get("missing", []), *post.seen.get("outside", [])):
        if not any(name.endswith(raw.lstrip("./")) for raw in known):
            yield Fault(
                message=f"opened in a browser, the page asks for {_short(name)}, which is not there.", place=post.at()
            )


def _alike_in_project(post: Post, raw: str) -> str | None:
    """The file of the post's folder that a path looks like, where the rendering found none under its name."""
    if post.project is None or raw.startswith(("/", "../")):
        return None
    return Folder(root=post.project).other_case(raw)


@rule(
    "BK120",
    "junk",
    why="Files of the operating system say nothing about the work, and can tell your user name.",
    fix="Delete them; `blogkit publish --to zip` never packs any.",
    fixable=True,
)
def junk(post: Post, profile: Profile) -> Iterator[Fault]:
    """The submission holds no files of the operating system."""
    if not post.submission:
        return
    found = sorted(name for name in post.files.names if is_junk(name))
    for name in found[:3]:
        yield Fault(message=f"{name} is a file of the operating system.", place=post.file(name))
    if len(found) > 3:
        yield Fault(message=f"{len(found) - 3} more files of the operating system.", place=Place(path=post.path))


@rule(
    "BK122",
    "weight",
    why="A page that is heavier than its content needs is slow to open, and a course site may refuse a large upload.",
    fix="Scale the picture to at most twice the width that it is shown at, or draw it as SVG.",
    fixable=True,
)
def weight(post: Post, profile: Profile) -> Iterator[Fault]:
    """Images hold no more pixels than they are shown with, and the submission is below its size limit."""
    size = post.files.size if post.submission else sum(post.files.bytes_of(name) for name in sorted(post.reached))
    if size > profile.megabytes * 1_000_000:
        yield Fault(
            message=f"{size / 1e6:,.1f} MB are more than the {profile.megabytes:g} MB that a submission may have.",
            place=Place(path=post.path),
            fix="Look for videos and large pictures: they are listed below, if they are the cause.",
        )
    if post.page_name is None:
        return
    for element in post.page.main.iter("img"):
        source = local_path(element.get("src") or "")
        target = resolve(post.page_name, source) if source else None
        if not target or not post.files.exists(target) or post.files.bytes_of(target) < 200_000:
            continue
        pixels = image_size(post, target)
        if pixels is None:
            continue
        width = shown_width(element, profile.page_width)
        height = width * pixels[1] / max(pixels[0], 1)
        if pixels[0] * pixels[1] > profile.image_scale * width * height:
            yield Fault(
                message=f"{target} has {pixels[0]}x{pixels[1]} pixels and is shown {width:.0f} wide at most.",
                place=post.where(source, line=element.sourceline),
            )


@rule(
    "BK123",
    "file-scheme",
    why="The page is opened by double click, over `file://`; there a browser blocks `fetch()` and module scripts, so "
    "what they would draw stays empty.",
    fix="Put the data into the page, or into a classic script beside it; load scripts without `type=module`.",
)
def file_scheme(post: Post, profile: Profile) -> Iterator[Fault]:
    """Nothing on the page needs a web server: no fetch of a file, no module script."""
    reported: set[str] = set()
    for reference in post.references:
        address = reference.address
        if address.use is Use.MODULE and address.url not in reported and reference.holder == post.page_name:
            reported.add(address.url)
            yield Fault(
                message=f"{address.where} of {_short(address.url)} does not work when the page is opened by double click.",
                place=_holder_place(post, reference),
            )


def image_size(post: Post, name: str) -> tuple[int, int] | None:
    """Width and height of a raster image in pixels; None for what is none. Only the header is read."""
    if name.lower().endswith((".svg", ".gif")):
        return None
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(post.files.read(name))) as image:
            return image.size
    except (UnidentifiedImageError, OSError, ValueError, RefusedSubmission, Image.DecompressionBombError):
        return None


def _holder_place(post: Post, reference: Reference) -> Place:
    if reference.holder != post.page_name:
        if post.source is not None and post.root is not None and not reference.holder.startswith("site_libs/"):
            return post.file(reference.holder, reference.address.line)
        return post.file(reference.holder, reference.address.line)
    if post.source is not None:
        path = local_path(reference.address.url)
        found = post.source.find(reference.address.url, *([path, posixpath.basename(path)] if path else []))
        if found is not None:
            return found
    return post.at(reference.address.line)


def _is_there(post: Post, target: str, *, follow: bool) -> bool:
    if post.files.exists(target):
        return True
    if follow:
        folder = f"{target.rstrip('/')}/" if target else ""
        if post.files.exists(f"{folder}index.html"):
            return True
        return post.root is not None and (post.root / target).is_dir() and not post.submission
    return False


def _is_site_page(target: str) -> bool:
    """Links between the posts of a site are cut when one is published, so a page that is not rendered yet is no fault."""
    return target.endswith((".html", ".xml")) or "." not in posixpath.basename(target)


def is_junk(name: str) -> bool:
    """Whether a file is one that an operating system or a tool left behind."""
    parts = name.split("/")
    return (
        "__MACOSX" in parts
        or parts[-1] in {".DS_Store", "Thumbs.db", "desktop.ini", "ehthumbs.db", ".localized", "Icon\r"}
        or parts[-1].startswith(("._", "~$"))
        or ".ipynb_checkpoints" in parts
        or "__pycache__" in parts
        or ".git" in parts
    )


def _is_placeholder(url: str, profile: Profile) -> bool:
    low = url.lower()
    return any(word.lower() in low for word in profile.placeholders if " " not in word and len(word) > 6)


def _short(url: str) -> str:
    return url if len(url) <= 90 else f"{url[:60]}…{url[-25:]}"
