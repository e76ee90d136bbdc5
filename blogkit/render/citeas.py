"""How a post itself is cited: BibTeX, one line for a list of references, and metadata that indexes read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from blogkit.render import language
from blogkit.render.metadata import shown
from blogkit.render.people import Author


@dataclass(frozen=True, kw_only=True)
class Citation:
    """What another author writes to cite a post."""

    key: str
    kind: str
    title: str
    authors: Sequence[Author]
    date: str
    """ISO, or empty."""
    url: str
    container: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """The entry for a bibliography."""
        lines = [f"@{self.kind}{{{self.key},"]
        names = " and ".join(f"{one.family}, {one.given}" if one.given else one.name for one in self.authors)
        rows = {"author": names, "title": "{" + self.title + "}", "date": self.date, **self.fields, "url": self.url}
        lines += [f"  {name} = {{{value}}}," for name, value in rows.items() if value]
        lines[-1] = lines[-1].rstrip(",")
        return "\n".join([*lines, "}"])

    def html(self) -> str:
        """The entry of a list of references, in the style of the embedded engine."""
        names = _names_of_entry(list(self.authors))
        year = f" {self.date[:4]}." if self.date else ""
        parts = [escape(names + ("" if names.endswith(".") else ".") if names else ""), year]
        title = escape(f" “{self.title}.”")
        container = f" <em>{escape(self.container)}</em>." if self.container else ""
        url = f' <a href="{escape(self.url)}">{escape(self.url)}</a>.' if self.url else ""
        return f'<div id="ref-{escape(self.key)}" class="csl-entry">{parts[0]}{parts[1]}{title}{container}{url}</div>'


def _names_of_entry(authors: Sequence[Author]) -> str:
    names = [f"{one.family}, {one.given}" if one.given else one.name for one in authors[:1]]
    names += [one.name for one in authors[1:]]
    if len(names) > 2:
        return ", ".join(names[:-1]) + f", and {names[-1]}"
    return ", and ".join(names)


def own_citation(
    metadata: Mapping[str, Any], title: str, authors: Sequence[Author], address: str, container: str
) -> Citation:
    """How a post is cited; ``citation:`` in its front matter may say some of it otherwise."""
    given = metadata.get("citation")
    said: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    date = language.parse_date(said.get("issued") or metadata.get("date"))
    year = f"{date.year}" if date else ""
    family = authors[0].family if authors else (title.split() or ["post"])[0]
    plain = unicodedata.normalize("NFKD", family).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]", "", plain.lower()) + year
    container = str(said.get("container-title") or container)
    kinds = {"article-journal": "article", "paper-conference": "inproceedings", "report": "techreport"}
    kind = kinds.get(str(said.get("type") or ""), "online")
    place = "booktitle" if kind == "inproceedings" else "journal" if kind == "article" else "organization"
    fields = {place: container} if container and kind != "online" else {}
    for name, source in (
        ("volume", "volume"),
        ("number", "issue"),
        ("pages", "page"),
        ("doi", "doi"),
        ("issn", "issn"),
    ):
        value = said.get(source, metadata.get("doi") if source == "doi" else None)
        if value:
            fields[name] = shown(value)
    fields["langid"] = str(metadata.get("lang") or "en")
    return Citation(
        key=str(said.get("id") or key or "post"),
        kind=kind,
        title=title,
        authors=authors,
        date=date.strftime("%Y-%m-%d") if date else "",
        url=str(said.get("url") or address),
        container=container,
        fields=fields,
    )
