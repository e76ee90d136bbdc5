"""The embedded engine: reads a post, has pandoc's Lua program make its body, and puts it into Quarto's page."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import escape

from blogkit.config import is_inside_site, outside_problem
from blogkit.errors import ConfigError, Problem, RenderError, ToolFailed
from blogkit.model import Site
from blogkit.render import citeas, language, marks, people, structure
from blogkit.render.dom import parse_page
from blogkit.render.engines import csl
from blogkit.render.engines.program import PROGRAM
from blogkit.render.engines.protocol import DrawnPage
from blogkit.render.metadata import as_list, line_of, shown
from blogkit.render.navigation import footer, navbar, page_prefix, templates
from blogkit.render.plan import PlannedPage, RenderPlan
from blogkit.render.posts import PostWords, first_heading
from blogkit.render.source import PostSource, read_source
from blogkit.tools.pandoc import PandocPool

STYLE = Path(__file__).parent / "chicago-author-date.csl"
"""The citation style of a post that names none: pinned, since pandoc's own changes with its version."""

SHORT_STYLE = Path(__file__).parent / "chicago-author-date-short.csl"
"""The same for references of the common kinds; made by :func:`blogkit.render.engines.csl.short_style`."""

_SHORT = {"path": str(SHORT_STYLE), "types": csl.TYPES, "variables": csl.VARIABLES}


class PandocEngine:
    """The embedded engine; its pandoc processes stay until it is closed."""

    name = "pandoc"
    keeps_pages = True

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or os.cpu_count() or 1
        self._pool = PandocPool(PROGRAM, self.jobs)

    def wake(self, *, whole: bool) -> None:
        """Starts the processes: one where only a change is likely."""
        self._pool.warm(self.jobs if whole else 1)

    def begin(self, plan: RenderPlan) -> None:
        """Nothing: each page is drawn by itself."""

    def draw(self, plan: RenderPlan, page: PlannedPage) -> DrawnPage:
        """One page. Raises RenderError with every problem of it, each with its place."""
        source = read_post(plan.site, page.source)
        answer = ask_pandoc(source, self._pool)
        tree = parse_page(page_html(plan.site, source, answer, page_prefix(plan.site, page.output)))
        marks.say_values(tree, source.shown, source.listed, answer["body"])
        fields = answer.get("fields") or {}
        title = fields.get("title", {}).get("text", "")
        structure.shape(tree, _shape_context(plan, page, source, title))
        return DrawnPage(
            tree=tree,
            metadata=source.metadata,
            words=_words_of(source, fields, title or first_heading(tree)),
            inputs=source.inputs,
            files=source.files,
            warnings=tuple(
                dict.fromkeys([*source.warnings, *(_warning(source, one) for one in answer.get("warnings") or [])])
            ),
        )

    def close(self) -> None:
        """Ends the processes."""
        self._pool.close()


def _words_of(source: PostSource, fields: Mapping[str, Mapping[str, str]], name: str) -> PostWords:
    description = fields.get("description", {}).get("html") or fields.get("abstract", {}).get("html") or ""
    return PostWords(
        title_html=fields.get("title", {}).get("html", "") or str(escape(name)),
        title_text=name,
        subtitle_html=fields.get("subtitle", {}).get("html", ""),
        description_html=description,
        authors=tuple(author.name for author in people.authors(source.metadata)),
    )


def _shape_context(plan: RenderPlan, page: PlannedPage, source: PostSource, title: str) -> structure.ShapeContext:
    """What the shape of a page depends on beside its tree."""
    site, metadata = plan.site, source.metadata
    website = site.quarto.get("website") or {}
    address = str(website.get("site-url") or "")
    if address:
        address = f"{address.rstrip('/')}/{page.output.relative_to(site.output).as_posix()}"
    own = citeas.own_citation(metadata, title, people.authors(metadata), address, str(website.get("title") or ""))
    return structure.ShapeContext(
        citation=own.bibtex(),
        cite_as=own.html(),
        metadata=metadata,
        words=language.words(str(metadata.get("lang") or "en"), metadata.get("language")),
        positioned_references=bool(re.search(r"^:{3,}.*#refs\b", source.text, re.MULTILINE)),
        sources=plan.outputs,
        unlinked=plan.unlinked,
        source=source.path,
        output=page.output,
        root=site.root,
    )


_SHOWN = ("title", "subtitle", "description", "abstract", "pagetitle", "title-prefix")
_OPTIONS = (
    "number-sections", "number-depth", "number-offset", "callout-appearance", "callout-icon", "code-fold",
    "code-summary", "code-line-numbers", "code-annotations", "fig-align", "cap-location", "fig-cap-location",
    "tbl-cap-location", "lst-cap-location", "tbl-colwidths",
)  # fmt: skip


def read_post(site: Site, path: Path) -> PostSource:
    """A post's source. Raises RenderError with every problem in it, each with its place."""
    try:
        return read_source(site, path)
    except ConfigError as error:
        raise RenderError(error.problems) from error


def ask_pandoc(source: PostSource, pool: PandocPool) -> dict[str, Any]:
    """What the engine's program makes of a post. Raises RenderError with every problem, each with its place.

    Raises ToolFailed where pandoc takes too long, or too much memory.
    """
    try:
        answer = pool.ask(_request(source))
    except ToolFailed as error:
        raise ToolFailed(error.problem.message, hint=error.problem.hint, path=source.path) from error
    problems = list(dict.fromkeys(_problem(source, one) for one in answer.get("problems") or []))
    if problems:
        raise RenderError(sorted(problems, key=lambda one: (str(one.path), one.line or 0)))
    return answer


def _request(source: PostSource) -> dict[str, Any]:
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
        "metadata": _plain_metadata(metadata),
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
        "references": _plain_metadata(as_list(metadata.get("references"))),
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


def _plain_metadata(value: Any) -> Any:
    """Metadata as JSON can carry it."""
    if isinstance(value, Mapping):
        return {str(key): _plain_metadata(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_plain_metadata(entry) for entry in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _file(source: PostSource, name: Any, key: str) -> dict[str, str]:
    """A file that the metadata name: from the post's folder, or where a folder above names it."""
    text = str(name)
    folder = source.path.parent
    while True:
        path = folder / text
        if path.is_file() and not is_inside_site(path, source.path):
            raise RenderError([outside_problem(text, source.path, line_of(source.path, text))])
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


def _problem(source: PostSource, one: Mapping[str, str]) -> Problem:
    path, line = source.place_of(one["key"])
    return Problem(path=path, line=line, message=marks.unmark(one["what"]), hint=marks.unmark(one.get("hint", "")))


def _warning(source: PostSource, one: Mapping[str, str]) -> str:
    path, line = source.place_of(one["key"])
    what = marks.unmark(one["what"])
    return f"{path}:{line}: {what}" if line else f"{path}: {what}"


# --- the page --------------------------------------------------------------------------------------------------------


def page_html(site: Site, source: PostSource, answer: Mapping[str, Any], prefix: str) -> str:
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
        "body": str(answer["body"]),
        "body_class": "nav-fixed quarto-light",
        "sidebar": "",
        "head_includes": _includes(source, "include-in-header") + _headers(metadata),
    }
    before, after = _includes(source, "include-before-body"), _includes(source, "include-after-body")
    page["body"] = "".join(before) + str(page["body"]) + "".join(after)
    return (
        templates()
        .get_template("page.html.j2")
        .render(page=page, navbar=navbar(site, source.path, prefix), footer=footer(site))
    )


def _abstract(written: Any, html: str) -> str:
    """The abstract; one that is written as a block of its own is a paragraph, as Quarto has it."""
    alone = str(written).endswith("\n") and "<p>" not in html
    return f"<p>{html}</p>" if alone else html


def _undefined_affiliation(source: PostSource, name: str) -> Problem:
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


def _includes(source: PostSource, key: str) -> list[str]:
    texts = []
    for entry in as_list(source.metadata.get(key)):
        if isinstance(entry, Mapping) and "text" in entry:
            texts.append(str(entry["text"]))
        else:
            name = entry.get("file") if isinstance(entry, Mapping) else entry
            texts.append(Path(_file(source, name, key)["path"]).read_text(encoding="utf-8"))
    return texts
