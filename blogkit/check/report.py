"""What a check found, and how it is written down: for people, for scripts, for code hosts, for a class."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blogkit.check.profile import Profile
from blogkit.check.rules import find_rule
from blogkit.model import Finding, Level

_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.ADVICE: 2}


@dataclass(frozen=True, kw_only=True)
class Report:
    """The findings of one post, and what was counted on the way."""

    name: str
    path: Path
    profile: Profile
    findings: tuple[Finding, ...] = ()
    """The gravest first; waived ones are among them, with the reason."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """words, figures, tables, authors, citations, references, title."""
    refused: str = ""
    """Why the submission was not opened; empty when it was."""

    @property
    def standing(self) -> tuple[Finding, ...]:
        """The findings that are not waived."""
        return tuple(one for one in self.findings if not one.waived)

    def count(self, level: Level) -> int:
        """How many findings of a level stand."""
        return sum(1 for one in self.standing if one.level is level)

    def fails(self, at: Level) -> bool:
        """Whether a finding at this level or above stands."""
        return any(_ORDER[one.level] <= _ORDER[at] for one in self.standing)


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The gravest first, then by code, then by place."""
    return tuple(
        sorted(findings, key=lambda one: (bool(one.waived), _ORDER[one.level], one.code, str(one.path), one.line or 0))
    )


def shown_path(path: Path | None) -> str:
    """A path as short as it can be said from the current folder."""
    if path is None:
        return ""
    try:
        short = os.path.relpath(path)
    except ValueError:
        return str(path)
    return str(path) if short.startswith("../..") else short


def as_text(reports: Sequence[Report]) -> str:
    """A page for people: each post, its findings with place and fix, and a line that sums up."""
    out: list[str] = []
    for report in reports:
        title = str(report.facts.get("title") or "")
        out.append(f"{report.name}{f': {title}' if title else ''}")
        counted = _counted(report)
        if counted:
            out.append(f"  {counted}")
        said: set[tuple[str, str]] = set()
        for one in report.findings:
            place = shown_path(one.path) + (f":{one.line}" if one.line else "")
            level = "waived" if one.waived else one.level.value
            out.append(f"  {level:<7} {one.code}  {place}: {one.message}")
            rule = find_rule(one.code)
            fix = one.fix or (rule.fix if rule else "")
            if one.waived:
                out.append(f"{'':16}because: {one.waived}")
            elif fix and (one.code, fix) not in said:
                said.add((one.code, fix))
                out.append(f"{'':16}{fix}")
        out.append(f"  {_sum(report)}")
        out.append("")
    if len(reports) > 1:
        failed = sum(report.fails(Level.ERROR) for report in reports)
        out.append(f"{len(reports)} posts checked: {len(reports) - failed} without errors, {failed} with.")
    codes = sorted({one.code for report in reports for one in report.standing})
    if codes:
        out.append(f"Why a rule matters: blogkit check --explain {codes[0]}")
    return "\n".join(out).rstrip() + "\n"


def _counted(report: Report) -> str:
    facts = report.facts
    if report.refused or "words" not in facts:
        return ""
    parts = [
        f"{facts['words']:,} words",
        _count_words(facts["figures"], "figure"),
        _count_words(facts["tables"], "table"),
    ]
    parts += [_count_words(len(facts["authors"]), "author"), _count_words(facts["references"], "reference")]
    return f"{', '.join(parts)} · {report.profile.name}"


def _count_words(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _sum(report: Report) -> str:
    errors, warnings, advice = (report.count(level) for level in Level)
    waived = len(report.findings) - len(report.standing)
    if not report.standing:
        return "Nothing found." + (f" {_count_words(waived, 'finding')} waived." if waived else "")
    text = f"{_count_words(errors, 'error')}, {_count_words(warnings, 'warning')}, {advice} advice"
    return f"{text}{f', {waived} waived' if waived else ''}."


def as_json(reports: Sequence[Report]) -> str:
    """JSON for scripts; one object a post."""
    from blogkit.store import to_json

    return to_json([_as_data(report) for report in reports])


def _as_data(report: Report) -> dict[str, Any]:
    findings = []
    for one in report.findings:
        data = asdict(one)
        data["level"] = one.level.value
        data["path"] = shown_path(one.path) if one.path else None
        findings.append(data)
    return {
        "name": report.name,
        "path": shown_path(report.path),
        "profile": report.profile.name,
        "refused": report.refused,
        "errors": report.count(Level.ERROR),
        "warnings": report.count(Level.WARNING),
        "advice": report.count(Level.ADVICE),
        "facts": dict(report.facts),
        "findings": findings,
    }


def as_github(reports: Sequence[Report]) -> str:
    """Workflow commands, which code hosts show as annotations beside the line."""
    kinds = {Level.ERROR: "error", Level.WARNING: "warning", Level.ADVICE: "notice"}
    out = []
    for report in reports:
        for one in report.findings:
            kind = "notice" if one.waived else kinds[one.level]
            facts = [f"file={_property(shown_path(one.path))}"] if one.path else []
            facts += [f"line={one.line}"] if one.line else []
            facts.append(f"title={_property(one.code)}")
            waived = f" (waived: {one.waived})" if one.waived else ""
            text = f"{report.name}: {one.message}{waived}{' ' + one.fix if one.fix else ''}"
            out.append(f"::{kind} {','.join(facts)}::{_data(text)}")
    return "".join(f"{line}\n" for line in out)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_csv(reports: Sequence[Report]) -> str:
    """A table for a class: a line a submission, what was counted, and a column a rule with its number of findings."""
    codes = sorted({one.code for report in reports for one in report.findings})
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    counted = ["words", "figures", "tables", "authors", "citations", "references"]
    table.writerow(["submission", "title", "verdict", "errors", "warnings", "advice", *counted, *codes, "first error"])
    for report in reports:
        verdict = "refused" if report.refused else ("errors" if report.fails(Level.ERROR) else "ok")
        numbers = [report.facts.get(name, "") for name in counted]
        numbers = [len(one) if isinstance(one, list | tuple) else one for one in numbers]
        found = [sum(1 for one in report.standing if one.code == code) for code in codes]
        first = next((one.message for one in report.standing if one.level is Level.ERROR), "")
        table.writerow(
            [
                _cell(report.name),
                _cell(str(report.facts.get("title", ""))),
                verdict,
                *(report.count(level) for level in Level),
                *numbers,
                *found,
                _cell(first),
            ]
        )
    return stream.getvalue()


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula; submissions come from strangers."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
