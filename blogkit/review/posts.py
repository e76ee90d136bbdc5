"""The page that a reviewer gets: one file, self-contained, without scripts of the author's, and anonymous.

Each rendering that differs from the last is a revision, named after a hash of what it shows. Revisions are kept: a
comment that lost its place links to the one it was made on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree, html
from lxml.html import HtmlElement

import blogkit
from blogkit import store
from blogkit.css import CssAddress, replace_css_imports, rewrite_css_addresses
from blogkit.errors import ProjectError
from blogkit.live import BYTES_CLASS, read_bytes_script
from blogkit.page import Page
from blogkit.page.charts import EXACT_CLASS
from blogkit.page.places import digest
from blogkit.page.rows import read_columns_script
from blogkit.page.seen import all_text
from blogkit.review.folder import ReviewFolder
from blogkit.review.images import strip
from blogkit.review.leaks import Leak, find_leaks, identity_of, leaks_in_notebook, with_lines
from blogkit.review.record import now
from blogkit.review.roster import Person, Roster

ANONYMOUS = "Anonymous"
MOST_BYTES = 40_000_000
"""A page larger than this with everything inlined is refused: no reviewer's browser should have to take it."""
_OWN_ASSETS = Path(blogkit.__file__).parent / "render" / "assets"
_PRIVATE_KEYS = frozenset(
    {"commit", "user", "username", "host", "hostname", "path", "cwd", "author", "authors", "email"}
)
_LARGEST_IN_STYLE = 400_000
"""Bytes of a picture or font that goes into a style sheet."""
_NOTHING = "data:,"
_PERSON = re.compile(
    r"(?!(The|An?|Our|Anonymous|Authors?|Published)\b)[^\W\d_][\w.'’-]*( [\w.'’-]+){0,3} [^\W\d_a-z][\w.'’-]+"
)
"""How a person's name is written, and no group's."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A post ready for its reviewers."""

    post: str
    revision: str
    """12 hexadecimal digits: a hash of the page."""
    html: str
    leaks: tuple[Leak, ...]
    """All that were found; those that are neither fixed nor waived stand in the way."""
    warnings: tuple[str, ...] = ()

    @property
    def open_leaks(self) -> tuple[Leak, ...]:
        return tuple(leak for leak in self.leaks if leak.is_open)


def prepare_post(
    post: str,
    page: Path,
    site: Path,
    roster: Roster,
    *,
    waivers: Mapping[str, str] | None = None,
    source: Path | None = None,
    custom_scripts: bool = False,
) -> Prepared:
    """The anonymous, self-contained page of a rendered post, with every leak that was found.

    ``site`` is the folder that the page's absolute addresses mean. Nothing outside it is read. ``source`` is the post
    that the author edits, for the places of leaks; notebooks beside it are looked at too.
    """
    if not page.is_file():
        raise ProjectError(f"The post {post!r} is not rendered.", hint="`blogkit render` makes its page.", path=page)
    rendered = Page(data=page.read_bytes())
    document = rendered.root
    authors = [*roster.authors(post), *_authors_named(rendered)]
    identity = identity_of([*roster.people, *authors], authors)
    before = find_leaks(document, identity, path=page)
    warnings: list[str] = []
    _take_in_charts(document, page, site, _runs_of(source))
    _take_out_machinery(document, page, site, custom_scripts=custom_scripts)
    notes = _inline_files(document, page, site, warnings)
    _anonymise_page(document)
    _name_what_can_be_pointed_at(document)
    left = find_leaks(document, identity, path=page)
    still = {leak.id for leak in left}
    fixed = [replace(leak, fixed=True) for leak in before if leak.id not in still]
    fixed += [replace(note, fixed=True) for note in notes]
    if source is not None:
        for notebook in sorted(source.parent.glob("*.ipynb")):
            fixed += [
                replace(leak, fixed=True) for leak in leaks_in_notebook(notebook, identity) if leak.id not in still
            ]
        left = with_lines(left, source)
    given = waivers or {}
    leaks = [replace(leak, waived=given.get(leak.id, "")) for leak in left] + fixed
    written = "<!DOCTYPE html>\n" + etree.tostring(document, encoding="unicode", method="html")
    if len(written) > MOST_BYTES:
        hint = "Make its pictures smaller: `blogkit check` says which are larger than they are shown."
        raise ProjectError(f"The post {post!r} has {len(written) // 1_000_000} MB.", hint=hint, path=page)
    revision = hashlib.sha256(written.encode()).hexdigest()[:12]
    return Prepared(post=post, revision=revision, html=written, leaks=tuple(leaks), warnings=tuple(warnings))


def _authors_named(page: Page) -> list[Person]:
    """The people whom the page itself names as its authors, who may call themselves otherwise than the roster does.

    A group such as “The blogkit authors” is no person: its words stand in any text.
    """
    return [
        Person(key=f"named-{number}", name=name, email="")
        for number, name in enumerate(page.named_authors)
        if _PERSON.fullmatch(name)
    ][:30]


# --- what a frame may hold ------------------------------------------------------------------------------------------


@cache
def own_scripts() -> frozenset[str]:
    """SHA-256 of every script that blogkit itself ships for readers; the frame brings its own in their place."""
    return frozenset(hashlib.sha256(file.read_bytes()).hexdigest() for file in _OWN_ASSETS.rglob("*.js"))


def _take_out_machinery(document: HtmlElement, page: Path, site: Path, *, custom_scripts: bool) -> None:
    """Removes what could act: scripts that are not blogkit's own, frames, forms, handlers, the site's navigation."""
    for script in list(document.iter("script")):
        kind = (script.get("type") or "").lower()
        if "json" in kind and "ld+json" not in kind and not script.get("src"):
            continue
        file = _local_file(script.get("src"), page, site) if custom_scripts else None
        if file is not None and hashlib.sha256(file.read_bytes()).hexdigest() not in own_scripts():
            for name in ("src", "integrity", "crossorigin", "async", "defer"):
                script.attrib.pop(name, None)
            script.text = file.read_text(encoding="utf-8").replace("</script", "<\\/script")
            script.set("data-review-custom", "")
            continue
        if custom_scripts and not script.get("src") and kind in {"", "text/javascript", "module"}:
            script.set("data-review-custom", "")
            continue
        _drop_element(script)
    for element in list(document.iter("iframe", "frame", "object", "embed", "applet", "base", "portal", "noscript")):
        _drop_element(element)
    for link in list(document.iter("link")):
        if "stylesheet" not in (link.get("rel") or "").lower():
            _drop_element(link)
    for meta in list(document.iter("meta")):
        if meta.get("http-equiv"):
            _drop_element(meta)
    for element in document.xpath(
        "//header[@id='quarto-header'] | //footer | //nav[@id='quarto-sidebar'] | //div[@id='quarto-search-results']"
        " | //nav[contains(@class, 'quarto-secondary-nav')] | //*[contains(@class, 'toc-actions')]"
    ):
        _drop_element(element)
    for element in document.iter():
        if not isinstance(element.tag, str):
            continue
        for name in list(element.attrib):
            value = str(element.attrib[name]).strip().lower()
            if str(name).lower().startswith("on") or (
                str(name) in {"href", "src", "action", "formaction", "xlink:href", "{http://www.w3.org/1999/xlink}href"}
                and re.match(r"(?:javascript|vbscript|data:text/html)", re.sub(r"[\s\x00-\x1f]", "", value))
            ):
                del element.attrib[name]
        for name in ("srcset", "ping", "srcdoc", "formaction"):
            element.attrib.pop(name, None)


def _runs_of(source: Path | None) -> list[dict[str, object]]:
    """The gathered runs of a post, each by id and parameters: what a comment on a mark may say, and no more."""
    if source is None:
        return []
    runs = store.gathered_runs(store.ProjectPaths(folder=source.parent))
    return [
        {"id": name, **(run["parameters"] if isinstance(run.get("parameters"), dict) else {}), "seed": run.get("seed")}
        for name, run in runs.items()
    ]


def _take_in_charts(document: HtmlElement, page: Path, site: Path, runs: list[dict[str, object]]) -> None:
    """Puts the data of interactive figures into the page, since a frame without network cannot load it later.

    The full-precision columns that a figure asks for come from the script beside it, of which only the data is taken.
    """
    exact: dict[str, object] = {}
    for figure in document.xpath("//*[contains(concat(' ', @class, ' '), ' bk-figure ')]"):
        figure.set("data-review-chart", figure.get("id") or "")
        for element in (figure, *figure.xpath(".//details[@data-exact]")):
            file = _local_file(element.attrib.pop("data-exact", None), page, site)
            if file is not None:
                with suppress(ValueError):
                    exact |= read_columns_script(file.read_text(encoding="utf-8"))
        _take_in_models(figure, page, site)
        _append_json(figure, "review-chart-data", {"runs": runs})
        for link in figure.xpath(".//details[contains(@class, 'bk-origin')]//a[@download]"):
            link.attrib.pop("href", None)
        for item in figure.xpath(".//details[contains(@class, 'bk-origin')]//li"):
            if item.text and (cut := re.search(r",? ?from commit [0-9a-f, ]+", item.text)):
                item.text = item.text[: cut.start()]
    if exact:
        body = document.find("body")
        assert body is not None
        _append_json(body, EXACT_CLASS, exact)


def _take_in_models(figure: HtmlElement, page: Path, site: Path) -> None:
    """Puts the models of a live figure into the page, of whose scripts only the data is taken."""
    figure.attrib.pop("data-engine", None)
    for place in figure.xpath(".//span[contains(concat(' ', @class, ' '), ' bk-model ')]"):
        file = _local_file(place.attrib.pop("data-address", None), page, site)
        if file is not None:
            with suppress(ValueError):
                _append_json(figure, BYTES_CLASS, read_bytes_script(file.read_text(encoding="utf-8")))
                figure[-1].set("data-name", place.get("data-name") or "")


def _append_json(parent: HtmlElement, name: str, value: object) -> None:
    script = html.Element("script", {"type": "application/json", "class": name})
    script.text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parent.append(script)


def _drop_element(element: HtmlElement) -> None:
    """Removes an element, but not the text after it."""
    if element.getparent() is not None:
        element.drop_tree()


def _local_file(address: str | None, page: Path, site: Path) -> Path | None:
    """The file that an address of a page means, when it lies in the site."""
    if not address:
        return None
    parts = urlsplit(address.strip())
    if parts.scheme or parts.netloc or not parts.path:
        return None
    path = unquote(parts.path)
    target = (site / path.lstrip("/")) if path.startswith("/") else (page.parent / path)
    try:
        target = target.resolve()
        if target.is_relative_to(site.resolve()) and target.is_file():
            return target
    except (OSError, ValueError):
        return None
    return None


def _inline_files(document: HtmlElement, page: Path, site: Path, warnings: list[str]) -> list[Leak]:
    """Puts style sheets and pictures into the page; what was stripped from pictures comes back as leaks."""
    notes: list[Leak] = []
    for link in list(document.iter("link")):
        file = _local_file(link.get("href"), page, site)
        if file is None:
            warnings.append(f"a style sheet is not in the site: {link.get('href')}")
            _drop_element(link)
            continue
        style = html.Element("style")
        style.text = _inlined_style(file.read_text(encoding="utf-8", errors="replace"), file, site).replace(
            "</", "<\\/"
        )
        if link.get("media"):
            style.set("media", link.get("media") or "")
        style.tail = link.tail
        parent = link.getparent()
        assert parent is not None
        parent.replace(link, style)
    for image in document.xpath("//img[@src] | //source[@src] | //video[@src] | //video[@poster]"):
        for name in ("src", "poster"):
            value = image.get(name)
            if not value:
                continue
            if value.startswith("data:"):
                data, kind = _from_data(value)
            else:
                file = _local_file(value, page, site)
                if file is None:
                    warnings.append(f"a picture is not in the site: {value[:120]}")
                    continue
                data, kind = file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            stripped = strip(data)
            where = page if value.startswith("data:") else _local_file(value, page, site)
            notes += [
                Leak(kind="metadata", what=note, place="the picture's metadata", path=where) for note in stripped.notes
            ]
            image.set(name, f"data:{kind};base64,{base64.b64encode(stripped.data).decode()}")
    return notes


def _from_data(address: str) -> tuple[bytes, str]:
    """The bytes and the type of a data: address."""
    head, _, body = address.removeprefix("data:").partition(",")
    kind = head.split(";")[0] or "text/plain"
    try:
        return (base64.b64decode(body) if head.endswith("base64") else unquote(body).encode()), kind
    except ValueError:
        return b"", kind


def _inlined_style(text: str, file: Path, site: Path, depth: int = 0) -> str:
    """A style sheet with its local pictures and small fonts inside, and without imports and foreign addresses."""

    def take_in(found: CssAddress) -> str:
        local = _local_file(found.url, file, site)
        return _inlined_style(local.read_text(encoding="utf-8"), local, site, depth + 1) if local and depth < 5 else ""

    def put_in(found: CssAddress) -> str | None:
        if found.url.lower().startswith("data:"):
            return None
        local = _local_file(found.url.split("#")[0], file, site)
        if local is None or local.stat().st_size > _LARGEST_IN_STYLE:
            return _NOTHING
        kind = mimetypes.guess_type(local.name)[0] or "application/octet-stream"
        data = strip(local.read_bytes()).data
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"

    return rewrite_css_addresses(replace_css_imports(text, take_in), put_in)


# --- without a name -------------------------------------------------------------------------------------------------

_META = re.compile(r"author|creator|citation_|dc\.|publisher|twitter:|og:|article:|institution|copyright", re.I)


def _anonymise_page(document: HtmlElement) -> None:
    """Takes out what names the authors and is no prose: metadata, the title block's names, the citation of the post."""
    for meta in list(document.iter("meta")):
        if _META.search(meta.get("name") or meta.get("property") or ""):
            _drop_element(meta)
    for comment in list(document.iter(etree.Comment)):
        _drop_element(comment)
    for header in document.xpath("//header[@id='title-block-header']"):
        people = header.xpath(
            ".//p[contains(@class, 'author')] | .//p[contains(@class, 'affiliation')]"
            " | .//div[contains(@class, 'quarto-title-authors')]//p | .//*[contains(@class, 'quarto-title-author-')]"
        )
        for block in header.xpath(".//*[contains(@class, 'quarto-title-meta-heading')]"):
            if re.match(r"\s*(authors?|affiliations?|published|date|modified)", all_text(block), re.I):
                parent = block.getparent()
                if parent is not None and re.match(r"\s*(authors?|affiliations?)", all_text(block), re.I):
                    people += parent.xpath(".//*[contains(@class, 'quarto-title-meta-contents')]//p")
        seen = False
        for person in people:
            if person.getparent() is None:
                continue
            for child in list(person):
                person.remove(child)
            person.text = "" if seen else ANONYMOUS
            seen = True
    for element in document.xpath(
        "//*[@id='quarto-citation'] | //*[contains(@class, 'quarto-appendix-bibtex')]"
        " | //*[contains(@class, 'quarto-appendix-citeas')] | //*[@id='quarto-reuse']//a[contains(@href, 'mailto')]"
    ):
        _drop_element(element)
    for element in document.xpath("//section[contains(@class, 'quarto-appendix-contents') or @id='citation']"):
        if re.match(r"\s*citation\s*", all_text(element)[:20], re.I):
            _drop_element(element)
    for script in document.iter("script"):
        if "json" in (script.get("type") or ""):
            try:
                data = _without_private(store.parse_json(script.text or ""))
                script.text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
            except ValueError:
                continue
            except RecursionError:
                script.text = "null"  # no chart's data is nested like that


def _without_private(node: object, inside: bool = False) -> object:
    """A chart's specification without what its ``usermeta`` says of people and machines."""
    if isinstance(node, dict):
        return {
            key: _without_private(value, inside or key == "usermeta")
            for key, value in node.items()
            if not (inside and str(key).lower() in _PRIVATE_KEYS)
        }
    if isinstance(node, list):
        return [_without_private(value, inside) for value in node]
    return node


def _name_what_can_be_pointed_at(document: HtmlElement) -> None:
    """Marks pictures with a hash of what they show and charts as charts, so that the browser need not compute it."""
    for figure in document.xpath("//*[@data-blogkit-chart]"):
        figure.set("data-review-chart", figure.get("data-blogkit-chart") or "")
    for image in document.iter("img"):
        image.set("data-review-image", digest((image.get("src") or "").encode()))
    for drawing in document.iter("svg"):
        if drawing.xpath("ancestor::*[@data-review-chart]") or not drawing.xpath("ancestor::figure"):
            continue
        drawing.set("data-review-image", digest(etree.tostring(drawing, with_tail=False)))


# --- revisions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PostRevision:
    """One rendering that reviewers saw or will see."""

    id: str
    created: str
    scripts: bool = False
    """Whether the author's own scripts run in it: the opt-in tier."""


def revisions(folder: ReviewFolder, post: str) -> tuple[PostRevision, ...]:
    """The revisions of a post, the oldest first."""
    path = folder.posts / post / "revisions.json"
    if not path.is_file():
        return ()
    return tuple(PostRevision(**each) for each in store.read_json(path))


def revision_path(folder: ReviewFolder, post: str, revision: str) -> Path:
    """Where the page of a revision lies."""
    return folder.posts / post / f"{revision}.html"


def add_revision(folder: ReviewFolder, prepared: Prepared, *, scripts: bool = False) -> PostRevision:
    """Keeps a prepared page as the newest revision; the same page again is no new one."""
    there = revisions(folder, prepared.post)
    if there and there[-1].id == prepared.revision:
        return there[-1]
    new = PostRevision(id=prepared.revision, created=now(), scripts=scripts)
    store.write_text(revision_path(folder, prepared.post, prepared.revision), prepared.html)
    rows = [vars(each) for each in (*there, new)]
    store.write_text(folder.posts / prepared.post / "revisions.json", json.dumps(rows, indent=1) + "\n")
    return new


def waivers(folder: ReviewFolder, post: str) -> dict[str, str]:
    """The reasons for which leaks of a post stand, by the leak's id."""
    path = folder.posts / post / "waivers.json"
    return {str(key): str(value) for key, value in store.read_json(path).items()} if path.is_file() else {}


def waive(folder: ReviewFolder, post: str, leak: str, reason: str) -> None:
    """Lets a leak stand, with the reason."""
    path = folder.posts / post / "waivers.json"
    store.write_text(path, store.to_json({**waivers(folder, post), leak: reason}))


def posts_with_revisions(folder: ReviewFolder) -> tuple[str, ...]:
    """The posts that have a page to review, sorted."""
    return tuple(sorted(path.parent.name for path in folder.posts.glob("*/revisions.json")))


def open_leaks(prepared: Iterable[Prepared]) -> Sequence[tuple[str, Leak]]:
    """(post, leak) of everything that stands in the way."""
    return [(one.post, leak) for one in prepared for leak in one.open_leaks]
