"""The embedded engine: reads a post, has pandoc's Lua program make its body, and puts it into Quarto's page."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from blogkit.errors import ConfigError, Problem, RenderError
from blogkit.model import Site
from blogkit.render import language, people
from blogkit.render.engines import csl
from blogkit.render.metadata import as_list, line_of, shown
from blogkit.render.source import Source, read_source
from blogkit.tools.pandoc import PandocPool

PROGRAM = Path(__file__).parent / "lua" / "worker.lua"
STYLE = Path(__file__).parent / "chicago-author-date.csl"
"""The citation style of a post that names none: pinned, since pandoc's own changes with its version."""

SHORT_STYLE = Path(__file__).parent / "chicago-author-date-short.csl"
"""The same for references of the common kinds; made by :func:`blogkit.render.engines.csl.short_style`."""

_SHORT = {"path": str(SHORT_STYLE), "types": csl.TYPES, "variables": csl.VARIABLES}
_PAGES = Path(__file__).parent.parent / "pages"


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A page that the engine made, before it is finished, and what listings and indexes want to know of it."""

    source: Source
    html: str
    title: str
    """Plain words."""
    fields: Mapping[str, Mapping[str, str]]
    """Metadata that are shown: ``html`` and ``text`` of each."""
    authors: tuple[people.Author, ...]
    warnings: tuple[str, ...]
    works: tuple[str, ...] = ()
    """The keys of the works that it cites, in order."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@cache
def templates() -> jinja2.Environment:
    """The page templates."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, trim_blocks=False, undefined=jinja2.StrictUndefined
    )


_SHOWN = ("title", "subtitle", "description", "abstract", "pagetitle", "title-prefix")
_OPTIONS = (
    "number-sections", "number-depth", "number-offset", "callout-appearance", "callout-icon", "code-fold",
    "code-summary", "code-line-numbers", "code-annotations", "fig-align", "cap-location", "fig-cap-location",
    "tbl-cap-location", "lst-cap-location", "tbl-colwidths",
)  # fmt: skip


def render_body(site: Site, path: Path, pool: PandocPool) -> tuple[Source, dict[str, Any]]:
    """A post's source and the engine's answer. Raises RenderError with every problem, each with its place."""
    try:
        source = read_source(site, path)
    except ConfigError as error:
        raise RenderError(error.problems) from error
    answer = pool.ask(_request(source))
    problems = list(dict.fromkeys(_problem(source, one) for one in answer.get("problems") or []))
    if problems:
        raise RenderError(sorted(problems, key=lambda one: (str(one.path), one.line or 0)))
    return source, answer


def _request(source: Source) -> dict[str, Any]:
    metadata = source.metadata
    lang = str(metadata.get("lang") or "en")
    fields = {name: shown(metadata[name]) for name in _SHOWN if metadata.get(name) not in (None, "", False)}
    for number, keyword in enumerate(as_list(metadata.get("categories"))):
        fields[f"category-{number}"] = shown(keyword)
    options = {name: metadata[name] for name in _OPTIONS if metadata.get(name) is not None}
    crossref = metadata.get("crossref")
    options["crossref"] = dict(crossref) if isinstance(crossref, Mapping) else {}
    if metadata.get("number-sections") is None and options["crossref"].get("chapters"):
        options["number-sections"] = True
    nocite = metadata.get("nocite")
    request = {
        "text": source.text,
        "fields": {name: value for name, value in fields.items() if not name.startswith("category-")},
        "options": options,
        "language": {k: v for k, v in language.words(lang, metadata.get("language")).items() if isinstance(v, str)},
        "shortcodes": [value.request() for value in source.values],
        "metadata": _plain(metadata),
        "traits": {
            "shortcodes": bool(source.values),
            "images": "![](" in source.text or "[![" in source.text,
            "at": "@" in source.text,
            "refs": "#refs" in source.text,
            "indented": source.indented,
            "escaped": "{{" in source.text,
            "annotations": re.search(r"<\d+>\s*(?:\S{1,3}\s*)?$", source.text, re.MULTILINE) is not None,
        },
        "bibliography": [_file(source, name, "bibliography") for name in as_list(metadata.get("bibliography"))],
        "references": _plain(as_list(metadata.get("references"))),
        "csl": _file(source, metadata["csl"], "csl")["path"] if metadata.get("csl") else str(STYLE),
        "short_style": None if metadata.get("csl") else _SHORT,
        "lang": lang,
        "link_citations": metadata.get("link-citations", True) is not False,
        "suppress_bibliography": metadata.get("suppress-bibliography") is True,
        "nocite": str(nocite) if nocite else None,
        "id_prefix": str(metadata.get("identifier-prefix") or ""),
        "reference_location": metadata.get("reference-location")
        if metadata.get("reference-location") in {"block", "section"}
        else None,
    }
    return {name: value for name, value in request.items() if value is not None}


def _plain(value: Any) -> Any:
    """Metadata as JSON can carry it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _file(source: Source, name: Any, key: str) -> dict[str, str]:
    """A file that the metadata name: from the post's folder, or where a folder above names it."""
    text = str(name)
    folder = source.path.parent
    while True:
        path = folder / text
        if path.is_file():
            stat = path.stat()
            return {"path": os.path.realpath(path), "name": text, "version": f"{stat.st_mtime_ns}-{stat.st_size}"}
        if folder.parent == folder or (folder / "_quarto.yml").exists():
            break
        folder = folder.parent
    if re.match(r"https?://", text):
        hint = "Download it beside the post and name the file: a build must not need the network."
    else:
        hint = f"Check the name in `{key}:`; it is looked for in the post's folder."

    problem = Problem(path=source.path, line=line_of(source.path, text), message=f"there is no file {text}.", hint=hint)
    raise RenderError([problem])


def _problem(source: Source, one: Mapping[str, str]) -> Problem:
    path, line = source.place_of(one["key"])
    return Problem(path=path, line=line, message=one["what"], hint=one.get("hint", ""))


def _warning(source: Source, one: Mapping[str, str]) -> str:
    path, line = source.place_of(one["key"])
    return f"{path}:{line}: {one['what']}" if line else f"{path}: {one['what']}"


# --- the page --------------------------------------------------------------------------------------------------------


def make_page(site: Site, source: Source, answer: Mapping[str, Any], prefix: str, listing: str = "") -> Rendered:
    """The whole page around a body."""
    metadata = source.metadata
    lang = str(metadata.get("lang") or "en")
    words = language.words(lang, metadata.get("language"))
    fields = answer.get("fields") or {}
    authors = people.authors(metadata)
    if lost := people.undefined_affiliations(metadata):
        raise RenderError([_undefined_affiliation(source, one) for one in lost])
    affiliations = {place.name for author in authors for place in author.affiliations}
    keywords = [shown(word) for word in as_list(metadata.get("keywords"))]
    website = site.quarto.get("website") or {}
    title = fields.get("title", {})
    head_title = fields.get("pagetitle", {}).get("text") or title.get("text") or ""
    site_title = str(website.get("title") or "")
    if site_title and head_title != site_title:
        head_title = f"{head_title} – {site_title}" if head_title else site_title
    style = metadata.get("date-format")
    date = metadata.get("date")
    date_words = language.format_date(date, style, lang, source.path) if date else ""
    page = {
        "lang": lang,
        "words": words,
        "authors": authors,
        "has_affiliations": bool(affiliations),
        "label_authors": metadata.get("author-title")
        or words["title-block-author-plural" if len(authors) > 1 else "title-block-author-single"],
        "label_affiliations": metadata.get("affiliation-title")
        or words["title-block-affiliation-plural" if len(affiliations) > 1 else "title-block-affiliation-single"],
        "label_abstract": metadata.get("abstract-title") or words["section-title-abstract"],
        "iso_date": _machine_date(date_words),
        "date": date_words,
        "label_published": metadata.get("published-title") or words["title-block-published"],
        "label_modified": metadata.get("modified-title") or words["title-block-modified"],
        "label_doi": metadata.get("doi-title") or "Doi",
        "date_modified": language.format_date(metadata["date-modified"], style, lang, source.path)
        if metadata.get("date-modified")
        else "",
        "doi": metadata.get("doi"),
        "keywords": keywords,
        "categories": [shown(entry) for entry in as_list(metadata.get("categories"))]
        if metadata.get("title-block-categories") is not False
        else [],
        "description_text": fields.get("description", {}).get("text", ""),
        "description_html": "" if metadata.get("hide-description") else fields.get("description", {}).get("html", ""),
        "head_title": head_title,
        "title_html": title.get("html", ""),
        "subtitle_html": fields.get("subtitle", {}).get("html", ""),
        "abstract_html": _abstract(metadata.get("abstract"), fields.get("abstract", {}).get("html", "")),
        "title_block": metadata.get("title-block-style") != "none"
        and bool(title or authors or date or fields.get("subtitle") or metadata.get("categories")),
        "body": str(answer["body"]) + listing,
        "body_class": "nav-fixed quarto-light",
        "sidebar": "",
        "head_includes": _includes(source, "include-in-header") + _headers(metadata),
    }
    before, after = _includes(source, "include-before-body"), _includes(source, "include-after-body")
    page["body"] = "".join(before) + str(page["body"]) + "".join(after)
    html = (
        templates()
        .get_template("page.html.j2")
        .render(page=page, navbar=navbar(site, source.path, prefix), footer=footer(site))
    )
    return Rendered(
        source=source,
        html=html,
        title=title.get("text", ""),
        fields=fields,
        authors=authors,
        warnings=tuple(
            dict.fromkeys([*source.warnings, *(_warning(source, one) for one in answer.get("warnings") or [])])
        ),
        works=tuple(answer.get("works") or ()),
    )


def _abstract(written: Any, html: str) -> str:
    """The abstract; one that is written as a block of its own is a paragraph, as Quarto has it."""
    alone = str(written).endswith("\n") and "<p>" not in html
    return f"<p>{html}</p>" if alone else html


def _undefined_affiliation(source: Source, name: str) -> Problem:
    message = f"an author refers to the affiliation {name!r}, which is defined nowhere."
    hint = f"Give it: `affiliations: [{{id: {name}, name: …}}]`."
    return Problem(path=source.path, line=line_of(source.path, f"ref: {name}"), message=message, hint=hint)


_PANDOC_DATES = ("%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%b. %d, %Y", "%B %d, %Y", "%Y%m%d", "%Y")


def _machine_date(shown_date: str) -> str:
    """The date as pandoc's `dcterms.date` has it: ISO, where pandoc reads the words that the page shows."""
    for form in _PANDOC_DATES:
        try:
            return dt.datetime.strptime(shown_date, form).strftime("%Y-%m-%d")
        except ValueError:
            continue
    return ""


def _headers(metadata: Mapping[str, Any]) -> list[str]:
    return [str(entry) for entry in as_list(metadata.get("header-includes")) if "<" in str(entry)]


def _includes(source: Source, key: str) -> list[str]:
    texts = []
    for entry in as_list(_listed(source.metadata.get(key))):
        if isinstance(entry, Mapping) and "text" in entry:
            texts.append(str(entry["text"]))
        else:
            name = entry.get("file") if isinstance(entry, Mapping) else entry
            texts.append(Path(_file(source, name, key)["path"]).read_text(encoding="utf-8"))
    return texts


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


def address(site: Site, href: str, prefix: str) -> str:
    """Where a link of the site's own navigation leads, from a page."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//|#", href, re.IGNORECASE):
        return href
    path, mark, tail = href.lstrip("/").partition("#")
    path = re.sub(r"\.(qmd|ipynb|md)$", ".html", path)
    return f"{prefix or './'}{path}{mark}{tail}"


def navbar(site: Site, source: Path | None, prefix: str) -> dict[str, Any] | None:
    """The bar above every page; None where the site has none."""
    website = site.quarto.get("website") or {}
    bar = website.get("navbar")
    if bar is False or not website:
        return None
    bar = bar if isinstance(bar, Mapping) else {}
    own = ""
    if source is not None and source.is_relative_to(site.root):
        own = source.relative_to(site.root).as_posix()
    title = bar.get("title", website.get("title"))
    return {
        "title": str(title) if title else "",
        "home": address(site, str(bar.get("logo-href") or "index.qmd"), prefix),
        "left": [_item(site, entry, prefix, own) for entry in as_list(bar.get("left"))],
        "right": [_item(site, entry, prefix, own) for entry in as_list(bar.get("right"))],
    }


def _item(site: Site, entry: Any, prefix: str, own: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        entry = {"href": str(entry), "text": _title_of(site, str(entry))}
    href = str(entry.get("href") or entry.get("file") or "#")
    text = str(entry.get("text") or (_title_of(site, href) if not entry.get("icon") else "") or "")
    menu = entry.get("menu")
    return {
        "text": text or ("" if entry.get("icon") else href),
        "icon": str(entry.get("icon") or "") if not text else "",
        "href": address(site, href, prefix),
        "active": href == own,
        "label": entry.get("aria-label") or (entry.get("icon") if not text else None),
        "menu": [_item(site, one, prefix, own) for one in menu] if isinstance(menu, list) else None,
    }


def _title_of(site: Site, href: str) -> str:
    path = site.root / href.lstrip("/")
    if path.suffix in {".qmd", ".md"} and path.is_file():
        match = re.search(r"^title:\s*[\"']?(.*?)[\"']?\s*$", path.read_text(encoding="utf-8"), re.MULTILINE)
        return match.group(1) if match else path.stem
    return ""


def footer(site: Site) -> dict[str, str] | None:
    """What stands below every page; None where the site says nothing of it."""
    website = site.quarto.get("website") or {}
    said = website.get("page-footer")
    if not said:
        return None
    sides = said if isinstance(said, Mapping) else {"center": str(said)}
    return {side: _words(sides.get(side)) for side in ("left", "center", "right")}


def site_frame(lang: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """What the page template asks of a page that says nothing itself."""
    return {
        "lang": lang, "words": words, "authors": (), "has_affiliations": False, "label_authors": "",
        "label_affiliations": "", "label_abstract": "", "iso_date": "", "date": "", "date_modified": "", "doi": None,
        "keywords": [], "categories": [], "description_text": "", "description_html": "", "head_title": "",
        "title_html": "", "subtitle_html": "", "abstract_html": "", "title_block": False, "body": "",
        "body_class": "quarto-light", "sidebar": "", "head_includes": [],
    }  # fmt: skip


def _words(entry: Any) -> str:
    from markupsafe import escape

    if isinstance(entry, list):
        return " ".join(
            f'<a href="{escape(one.get("href", ""))}">{escape(one.get("text") or one.get("icon") or "")}</a>'
            for one in entry
            if isinstance(one, Mapping)
        )
    text = str(escape(str(entry or "")))
    return re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>', text)


def page_prefix(site: Site, output: Path) -> str:
    """From a page's folder to the site's root."""
    relative = os.path.relpath(site.output, output.parent)
    return "" if relative == "." else relative.replace(os.sep, "/") + "/"
