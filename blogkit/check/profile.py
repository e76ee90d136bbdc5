"""A venue's format as data: limits, required parts, rubric, and which rules hold how strictly.

Bundled profiles lie in ``profiles/``; a site may name a file of its own, which may extend a bundled one and then says
only what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal

from blogkit.config import Yaml, did_you_mean, read_as, read_yaml
from blogkit.errors import ConfigError, Problem
from blogkit.model import Level

_STRICT: dict[str, str] = {"extra": "forbid"}
Severity = Literal["error", "warning", "advice", "off"]


@dataclass(frozen=True, kw_only=True)
class Range:
    """From how many to how many, both included; None leaves a side open."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    min: int | None = None
    """The least that is allowed."""
    max: int | None = None
    """The most that is allowed."""

    def __contains__(self, number: int) -> bool:
        return (self.min is None or number >= self.min) and (self.max is None or number <= self.max)

    def __str__(self) -> str:
        if self.min is not None and self.max is not None:
            return f"{self.min:,}–{self.max:,}"
        return f"at least {self.min:,}" if self.min is not None else f"at most {self.max:,}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that the post must have, and the words in a heading that count for it."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    title: str
    """What a finding calls the part."""
    headings: list[str]
    """Compared without case, at the beginning of a word: ``limit`` counts for "Limitations"."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One line of the rubric: what it is worth, what it asks, and which rules speak to it."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    title: str
    """What the rubric calls it."""
    points: int
    """What it is worth."""
    asks: str
    """What full points need, in a sentence or two."""
    rules: list[str] = field(default_factory=list)
    """The rules that speak to it."""
    person: list[str] = field(default_factory=list)
    """What only a person can say, as questions."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A venue's format."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    name: str
    """What reports call the profile."""
    title: str
    """The venue's full name."""
    extends: str | None = None
    """A bundled profile, or the path of a file, that this one differs from."""
    words: Range = field(default_factory=Range)
    """How long the prose is."""
    figures: Range = field(default_factory=Range)
    """How many figures and tables there are."""
    authors: Range = field(default_factory=Range)
    """How many people wrote the post."""
    megabytes: float = 50
    """The most that a submission may weigh."""
    page_width: int = 1100
    """CSS pixels that an image without a width of its own is shown at, at most."""
    image_scale: float = 4
    """How many times the pixels that an image is shown at it may hold; 4 serves a screen of double density."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """The parts that a post must have, each by a name of yours."""
    background: str = "background"
    """The part that must cite."""
    limitations_in: str = "conclusion"
    """The part that must speak of limitations."""
    placeholders: list[str] = field(default_factory=list)
    """Words of the venue's own template that a finished post does not hold."""
    rubric: Mapping[str, Criterion] = field(default_factory=dict)
    """The criteria that a post is graded by, each by a name of yours."""
    rules: Mapping[str, Severity] = field(default_factory=dict)
    """Which rules hold, by name; what is not listed is off."""

    def level(self, rule: str) -> Level | None:
        """How much a finding of this rule weighs here; None when the rule is off."""
        severity = self.rules.get(rule, "off")
        return None if severity == "off" else Level(severity)

    def criterion(self, rule: str) -> Criterion | None:
        """The rubric's line that a rule speaks to."""
        return next((one for one in self.rubric.values() if rule in one.rules), None)


def bundled_profiles() -> tuple[str, ...]:
    """The names of the profiles that come with blogkit."""
    folder = resources.files("blogkit.check").joinpath("profiles")
    return tuple(sorted(entry.name.removesuffix(".yml") for entry in folder.iterdir() if entry.name.endswith(".yml")))


def load_profile(name: str, *, known_rules: frozenset[str], beside: Path | None = None) -> Profile:
    """A bundled profile by name, or a staff member's file by path. Raises ConfigError with every problem in it.

    ``beside`` is the folder that a relative path counts from, by default the current one.
    """
    return _load(name, beside or Path.cwd(), known_rules, ())


def _load(name: str, beside: Path, known_rules: frozenset[str], before: tuple[str, ...]) -> Profile:
    document = read_yaml(_find(name, beside))
    data = document.data if isinstance(document.data, dict) else {}
    if isinstance(data.get("rules"), dict):
        data["rules"] = {rule: _as_level(level) for rule, level in data["rules"].items()}
    parent = data.get("extends")
    if isinstance(parent, str):
        if parent in before or parent == name:
            raise ConfigError([document.problem(("extends",), "the profile extends itself.")])
        base = _load(parent, document.path.parent, known_rules, (*before, name))
        data = _merge(_as_data(base), data)
        document = Yaml(data=data, path=document.path, lines=document.lines)
    profile = read_as(document, Profile)
    problems = _problems(profile, document, known_rules)
    if problems:
        raise ConfigError(problems)
    return profile


def _as_level(said: Any) -> Any:
    """What a profile says of a rule; `false` and `no` turn it off as `off` does."""
    return "off" if said is False or said in ("no", "No", "Off", "OFF") else said


def _find(name: str, beside: Path) -> Path:
    if name in bundled_profiles():
        return Path(str(resources.files("blogkit.check").joinpath("profiles", f"{name}.yml")))
    path = (beside / name).resolve()
    if path.is_file():
        return path
    known = ", ".join(bundled_profiles())
    hint = did_you_mean(name, bundled_profiles()) or f"Bundled profiles: {known}. Your own: the path of a .yml file."
    raise ConfigError([Problem(message=f"there is no profile {name!r}.", hint=hint)])


def _as_data(profile: Profile) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(profile)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, key by key; a list or a value replaces, null takes away."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        elif value is None and key in merged and isinstance(merged[key], Mapping | list):
            merged.pop(key)
        else:
            merged[key] = value
    return merged


def _problems(profile: Profile, document: Yaml, known_rules: frozenset[str]) -> list[Problem]:
    problems = []
    for rule in profile.rules:
        if rule not in known_rules:
            hint = did_you_mean(rule, sorted(known_rules)) or "`blogkit check --explain` lists them."
            problems.append(document.problem(("rules", rule), f"there is no rule {rule!r}.", hint))
    for name, criterion in profile.rubric.items():
        for number, rule in enumerate(criterion.rules):
            if rule not in known_rules:
                hint = did_you_mean(rule, sorted(known_rules)) or "`blogkit check --explain` lists them."
                problems.append(
                    document.problem(("rubric", name, "rules", number), f"there is no rule {rule!r}.", hint)
                )
    for key in ("words", "figures", "authors"):
        span: Range = getattr(profile, key)
        if span.min is not None and span.max is not None and span.min > span.max:
            problems.append(document.problem((key,), f"{key!r} goes from {span.min} to {span.max}, so nothing fits."))
    for key in ("background", "limitations_in"):
        part = getattr(profile, key)
        if profile.parts and part not in profile.parts:
            hint = did_you_mean(part, list(profile.parts)) or f"Parts: {', '.join(profile.parts)}."
            problems.append(document.problem((key,), f"{key!r} names the part {part!r}, which is not listed.", hint))
    for name, part in profile.parts.items():
        if not part.headings:
            message = f"the part {name!r} has no heading words, so no heading could count for it."
            problems.append(document.problem(("parts", name), message))
    return problems
