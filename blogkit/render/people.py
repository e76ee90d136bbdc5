"""Authors and their affiliations, in each of the forms that Quarto reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blogkit.render.metadata import as_list


@dataclass(frozen=True, kw_only=True)
class Affiliation:
    """Where an author works."""

    name: str
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Author:
    """One author of a post."""

    name: str
    given: str = ""
    family: str = ""
    url: str = ""
    email: str = ""
    orcid: str = ""
    degrees: tuple[str, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()


def _affiliation(entry: Any, known: Mapping[str, Affiliation]) -> Affiliation | None:
    if isinstance(entry, Mapping):
        reference = entry.get("ref")
        if reference is not None:
            return known.get(str(reference))
        name = entry.get("name") or entry.get("department")
        if not name:
            return None
        return Affiliation(name=str(name), url=str(entry.get("url") or ""))
    text = str(entry or "").strip()
    return known.get(text) or (Affiliation(name=text) if text else None)


def _known_affiliations(metadata: Mapping[str, Any]) -> dict[str, Affiliation]:
    known: dict[str, Affiliation] = {}
    entries: list[Any] = [*as_list(metadata.get("affiliations")), *as_list(metadata.get("affiliation"))]
    for person in _people(metadata):
        if isinstance(person, Mapping):
            entries += _places(person)
    for entry in entries:
        if isinstance(entry, Mapping) and "ref" not in entry:
            made = _affiliation(entry, {})
            identity = entry.get("id")
            if made and identity is not None:
                known[str(identity)] = made
    return known


def undefined_affiliations(metadata: Mapping[str, Any]) -> list[str]:
    """The ids that authors refer to and that no affiliation has."""
    known = _known_affiliations(metadata)
    return [
        str(entry["ref"])
        for person in _people(metadata)
        if isinstance(person, Mapping)
        for entry in _places(person)
        if isinstance(entry, Mapping) and "ref" in entry and str(entry["ref"]) not in known
    ]


def _places(person: Mapping[str, Any]) -> list[Any]:
    """An author's affiliations in Quarto's order: what is defined elsewhere comes before what the author defines."""
    places = [*as_list(person.get("affiliations")), *as_list(person.get("affiliation"))]
    return sorted(places, key=lambda place: not (isinstance(place, Mapping) and "ref" in place))


def _people(metadata: Mapping[str, Any]) -> list[Any]:
    value = metadata.get("authors") or metadata.get("author")
    return [value] if isinstance(value, Mapping) else as_list(value)


def authors(metadata: Mapping[str, Any]) -> tuple[Author, ...]:
    """The authors in the order that they are written."""
    known = _known_affiliations(metadata)
    result = []
    for person in _people(metadata):
        if not isinstance(person, Mapping):
            if str(person).strip():
                result.append(_author_named(str(person).strip()))
            continue
        name = person.get("name", "")
        if isinstance(name, Mapping):
            given, family = str(name.get("given") or ""), str(name.get("family") or "")
            literal = str(name.get("literal") or f"{given} {family}".strip())
        else:
            given, family = str(person.get("given") or ""), str(person.get("family") or "")
            literal = str(name or person.get("literal") or f"{given} {family}".strip())
        if not literal:
            continue
        made = [_affiliation(entry, known) for entry in _places(person)]
        base = _author_named(literal)
        result.append(
            Author(
                name=literal,
                given=given or base.given,
                family=family or base.family,
                url=str(person.get("url") or ""),
                email=str(person.get("email") or ""),
                orcid=str(person.get("orcid") or "").rstrip("/").rpartition("/")[2],
                degrees=tuple(str(degree) for degree in as_list(person.get("degrees"))),
                affiliations=tuple(entry for entry in made if entry is not None),
            )
        )
    return tuple(result)


def _author_named(literal: str) -> Author:
    """A plain name: the last word is taken for the family's, as bibliographies need one."""
    if "," in literal:
        family, _, given = literal.partition(",")
        return Author(name=literal, given=given.strip(), family=family.strip())
    given, _, family = literal.rpartition(" ")
    return Author(name=literal, given=given, family=family)
