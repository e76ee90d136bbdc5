"""What a program can say for each line of a rubric: facts with their places, and never a grade."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from blogkit.check.post import Post
from blogkit.check.profile import Criterion, Profile
from blogkit.check.report import Report, shown_path
from blogkit.check.rules import find_rule
from blogkit.check.rules import writing as said
from blogkit.check.rules.citations import cites_in, citing_links
from blogkit.model import Finding
from blogkit.page.seen import visible_text
from blogkit.store import ProjectPaths


def gather_evidence(post: Post, profile: Profile) -> dict[str, list[str]]:
    """By rule: sentences about what is there. A rule of which nothing can be said is left out."""
    if post.page_name is None:
        return {}
    return {name: found for name, tell in _TELLERS.items() if (found := list(tell(post, profile)))}


def as_rubric(reports: Sequence[Report]) -> str:
    """The rubric of each post's venue: what was found for each criterion, and what a person has to judge."""
    out: list[str] = []
    for report in reports:
        profile = report.profile
        total = sum(one.points for one in profile.rubric.values())
        out.append(f"{report.name}: self-assessment against {profile.title}{f', {total} points' if total else ''}")
        if report.refused:
            out.append(f"  The submission {report.refused}")
        elif not profile.rubric:
            out.append("  This profile has no rubric.")
        else:
            for criterion in profile.rubric.values():
                out += _criterion(report, criterion)
        out.append("")
    out.append("A program sees what is there, not whether it is good: no line above is a grade.")
    return "\n".join(out) + "\n"


def _criterion(report: Report, criterion: Criterion) -> Iterator[str]:
    evidence: Mapping[str, list[str]] = report.facts.get("evidence", {})
    yield ""
    yield f"  {criterion.title}, {criterion.points} points"
    yield f"  {criterion.asks}"
    for rule in criterion.rules:
        for sentence in evidence.get(rule, []):
            yield f"    found   {sentence}"
    for finding in report.findings:
        rule_of = find_rule(finding.code)
        if rule_of is not None and rule_of.name in criterion.rules:
            yield f"    {'waived ' if finding.waived else 'fix    '} {_finding(finding)}"
    if not any(evidence.get(rule) for rule in criterion.rules):
        yield "    A program can say little here."
    for question in criterion.person:
        yield f"    ask     {question}"


def _finding(finding: Finding) -> str:
    place = shown_path(finding.path) + (f":{finding.line}" if finding.line else "")
    return f"{finding.message} ({finding.code}, {place})"


def _words(post: Post, profile: Profile) -> Iterator[str]:
    asked = f"; {profile.words} are asked for" if profile.words.min or profile.words.max else ""
    yield f"{post.page.words:,} words{asked}."


def _figure_count(post: Post, profile: Profile) -> Iterator[str]:
    floats = [one for one in post.page.floats if one.zone == "body"]
    figures = sum(one.kind == "figure" for one in floats)
    tables = len(floats) - figures
    yield f"{figures} figure{'' if figures == 1 else 's'} and {tables} table{'' if tables == 1 else 's'}."


def _parts(post: Post, profile: Profile) -> Iterator[str]:
    for part in profile.parts.values():
        titles = [f'"{one.title}"' for one in said.part_sections(post.page, part)]
        if titles:
            yield f"{part.title}: {', '.join(titles[:3])}."


def _figures(post: Post, profile: Profile) -> Iterator[str]:
    floats = [one for one in post.page.floats if one.zone == "body"]
    if floats:
        whole = sum(bool(one.caption and one.number) for one in floats)
        yield f"{whole} of {len(floats)} figures and tables have a number and a caption."


def _equations(post: Post, profile: Profile) -> Iterator[str]:
    count = len(post.page.equations)
    if count:
        yield f"{count} equations are typeset as MathML."


def _citations(post: Post, profile: Profile) -> Iterator[str]:
    page = post.page
    links = citing_links(page)
    part = profile.parts.get(profile.background)
    sections = said.part_sections(page, part) if part else []
    numbers = {one.number for section in sections for one in page.tree(section)}
    if sections:
        count = cites_in(page, numbers, links)
        yield f'the background ("{sections[0].title}") holds {count} citation{"" if count == 1 else "s"}.'
    if page.references:
        yield f"the list of references has {len(page.references)} entries."


def _hypothesis(post: Post, profile: Profile) -> Iterator[str]:
    for block in said.hypothesis_blocks(post.page)[:1]:
        words = said.HYPOTHESIS_TITLE.sub("", visible_text(block))
        yield f"the central hypothesis: {_quote(words, 200)}"


def _limitations(post: Post, profile: Profile) -> Iterator[str]:
    part = profile.parts.get(profile.limitations_in)
    for section in said.part_sections(post.page, part) if part else []:
        sentence = _sentence(post.page.section_text(section), said.LIMITS)
        if sentence:
            yield f'limitations, in "{section.title}": {sentence}'
            return


def _uncertainty(post: Post, profile: Profile) -> Iterator[str]:
    page = post.page
    shown = [
        one.name
        for one in page.floats
        if one.zone == "body"
        and said.UNCERTAIN.search(one.caption + (" " + visible_text(one.element) if one.kind == "table" else ""))
    ]
    floats = sum(one.zone == "body" for one in page.floats)
    if shown:
        yield f"uncertainty is shown or named in {len(shown)} of {floats} figures and tables: {', '.join(shown)}."
    else:
        sentence = _sentence(page.text, said.UNCERTAIN)
        yield (
            f"uncertainty in the text: {sentence}"
            if sentence
            else "no uncertainty was found, in text, figures or tables."
        )
    baseline = _sentence(page.text, said.BASELINE)
    yield f"a baseline is named: {baseline}" if baseline else "no baseline was found."
    yield from _sweep(post)


def _sweep(post: Post) -> Iterator[str]:
    """What the gathered runs say about sweep and seeds."""
    if post.project is None:
        return
    path = ProjectPaths(folder=post.project).provenance
    try:
        runs: list[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8")).get("runs", [])
    except (OSError, ValueError, AttributeError):
        return
    values: dict[str, set[str]] = {}
    points: dict[str, set[str]] = {}
    for run in runs:
        parameters = {key: value for key, value in (run.get("parameters") or {}).items() if key != "seed"}
        for key, value in parameters.items():
            values.setdefault(key, set()).add(json.dumps(value, sort_keys=True))
        seed = run.get("seed", (run.get("parameters") or {}).get("seed"))
        points.setdefault(json.dumps(parameters, sort_keys=True), set()).add(str(seed))
    if not runs:
        return
    varied = [f"{key} ({len(found)} values)" for key, found in sorted(values.items()) if len(found) > 1]
    seeds = sorted(map(len, points.values()))
    each = f"{seeds[0]}" if seeds[0] == seeds[-1] else f"{seeds[0]} to {seeds[-1]}"
    swept = f"swept over {', '.join(varied)}" if varied else "nothing was swept"
    yield f"{len(runs)} runs: {swept}; {each} seed{'' if each == '1' else 's'} a point."


def _ai(post: Post, profile: Profile) -> Iterator[str]:
    for section in post.page.sections:
        if section.title and said.AI_HEADING.search(section.title):
            yield f'"{section.title}": {_quote(post.page.section_text(section), 120)}'
            return


def _contributions(post: Post, profile: Profile) -> Iterator[str]:
    section = next((one for one in post.page.sections if re.search(r"\bcontribut", one.title, re.I)), None)
    if section is not None and len(post.page.authors) > 1:
        yield f'who did what stands in "{section.title}".'


def _sentence(text: str, pattern: re.Pattern[str]) -> str:
    for sentence in re.split(r"(?<=[.!?])\s+|\n", text):
        if pattern.search(sentence):
            return _quote(sentence, 140)
    return ""


def _quote(text: str, length: int) -> str:
    plain = " ".join(text.replace("\ue000", "…").split())
    return plain if len(plain) <= length else f"{plain[: length - 1].rstrip()}…"


_TELLERS: dict[str, Callable[[Post, Profile], Iterator[str]]] = {
    "words": _words,
    "figure-count": _figure_count,
    "parts": _parts,
    "figures": _figures,
    "equations": _equations,
    "citations": _citations,
    "hypothesis": _hypothesis,
    "limitations": _limitations,
    "uncertainty": _uncertainty,
    "ai-statement": _ai,
    "contributions": _contributions,
}
