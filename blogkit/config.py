"""The files that users write, read once at the door and turned into values of :mod:`blogkit.model`.

Every problem of a file is reported at once, with its line, and with the key that was probably meant.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from blogkit.errors import ConfigError, Problem, ProjectError
from blogkit.model import Cluster, Project, Scale, Site, SiteConfig, Sweep

T = TypeVar("T")
Location = tuple[str | int, ...]

SITE_FILE = "_quarto.yml"
SWEEP_FILE = "sweep.yml"
_FENCE = re.compile(r"^---\s*$")


@dataclass(frozen=True, kw_only=True)
class Yaml:
    """A YAML document together with the line on which each of its entries stands."""

    data: Any
    path: Path
    lines: Mapping[Location, int]

    def line(self, location: Sequence[str | int]) -> int:
        """The line of an entry, or of the nearest entry around it that exists."""
        place = tuple(location)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, location: Sequence[str | int], message: str, hint: str = "") -> Problem:
        """A problem at an entry of this document."""
        return Problem(path=self.path, line=self.line(location), message=message, hint=hint)


class UnquotedDate(str):
    """Text that an older YAML takes for a date: the same text everywhere, but no parameter of a run."""

    __slots__ = ()


_LONG_NUMBER = 300
"""Digits beyond which a number is the text that was written: nobody counts so far, and Python refuses to."""


def _read_integer(loader: Any, node: yaml.ScalarNode) -> int | str:
    text = str(node.value)
    if len(text) > _LONG_NUMBER:
        return text
    return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)


def _read_float(loader: Any, node: yaml.ScalarNode) -> float | str:
    text = str(node.value)
    if text.lower().endswith((".inf", ".nan")):
        return float(text.replace(".", "", 1))
    value = float(text)
    return value if math.isfinite(value) else text


_SCALARS: tuple[tuple[str, str, str, Callable[[Any, Any], Any] | None], ...] = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF", None),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0", None),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789", _read_integer),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789.", _read_float),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+.", None),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789", lambda _, node: UnquotedDate(node.value)),
    ("merge", r"^<<$", "<", None),
)
"""The core schema of YAML 1.2, which Quarto reads: `yes`, `no`, `on` and `off` are words, 010 is ten, 1e-3 a number.

With dates, which stay text, and the merge key of YAML 1.1, which Quarto knows too.
"""


def _as_core_schema(loader: Any) -> None:
    """Gives a loader of its own kind the scalars of YAML 1.2."""
    loader.yaml_implicit_resolvers = {}
    for name, pattern, first, construct in _SCALARS:
        tag = f"tag:yaml.org,2002:{name}"
        loader.add_implicit_resolver(tag, re.compile(pattern), ["" if one == "\0" else one for one in first])
        if construct is not None:
            loader.add_constructor(tag, construct)


class _SlowYamlLoader(yaml.SafeLoader):
    """Reads what is no YAML, since it says best what is wrong."""


class _YamlLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The one loader: files, front matter and the words of the command line mean the same everywhere."""


_as_core_schema(_SlowYamlLoader)
_as_core_schema(_YamlLoader)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.2 or YAML 1.1 would read as anything but that text."""

    breaks = re.compile("[\\x85\\u2028\\u2029]")
    """What is written as an escape."""


class _LineDumper(_Dumper):
    """Writes on one line."""

    breaks = re.compile("[\\n\\r\\x85\\u2028\\u2029]")


_HALF_PAIR = re.compile("[\ud800-\udfff]")

for _name, _pattern, _first, _ in _SCALARS:
    for _kind in (_Dumper, _LineDumper):
        _kind.add_implicit_resolver(
            f"tag:yaml.org,2002:{_name}", re.compile(_pattern), ["" if one == "\0" else one for one in _first]
        )


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """A text as YAML writes it: in double quotes where PyYAML's other ways lose a character.

    Half of a surrogate pair, which no file in UTF-8 can hold, becomes a question mark.
    """
    whole = text.encode("utf-8", "replace").decode("utf-8") if _HALF_PAIR.search(text) else text
    style = '"' if dumper.breaks.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", whole, style)


for _kind in (_Dumper, _LineDumper):
    _kind.add_representer(str, _write_text)
    _kind.add_multi_representer(str, _write_text)


def to_yaml(value: Any) -> str:
    """The YAML of a value, which the one loader reads back as the same value, whatever its texts look like."""
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False)


def to_yaml_line(value: Any, *, quoted: bool = False) -> str:
    """A value on one line, as it may stand behind a key; a text is in quotes where it must be, or as is asked."""
    text = yaml.dump(
        value,
        Dumper=_LineDumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=True,
        default_style='"' if quoted else None,
        width=sys.maxsize,
    )
    return text.removesuffix("...\n").removesuffix("\n")


def read_value(text: str) -> Any:
    """What YAML makes of a word of the command line; the word itself where it is no YAML."""
    try:
        return yaml.load(text, Loader=_YamlLoader)  # noqa: S506  # a safe loader with YAML 1.2's idea of scalars
    except (yaml.YAMLError, RecursionError):
        return text


def read_yaml(path: Path) -> Yaml:
    """A YAML file, with lines. Raises ConfigError when it is no YAML, or says one key twice."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path=path, message="is not UTF-8 text.", hint="Save it as UTF-8.")]) from error
    return parse_yaml(text, path)


_YAML_DEPTH = 100
"""Levels of nesting that a document may have."""

_YAML_ENTRIES = 100_000
"""Entries that a document may hold when each alias is replaced by what it stands for."""

_STACKED = re.compile(r"(?:[-?:][ \t]+){200}")
_BRACKETS = re.compile(r"[\[{\]}]")


def refuse_deep_yaml(text: str, path: Path, first_line: int = 1) -> None:
    """Refuses text that no reader of YAML takes apart in a sensible time, or without running out of stack.

    Raises ConfigError. Brackets in quotes count too, since only hundreds that are never closed are refused.
    """
    stacked = _STACKED.search(text)
    depth, at = 0, stacked.start() if stacked else None
    for match in _BRACKETS.finditer(text) if at is None else ():
        depth = depth + 1 if match[0] in "[{" else max(0, depth - 1)
        if depth > 5 * _YAML_DEPTH:
            at = match.start()
            break
    if at is not None:
        raise _too_deep(path, text.count("\n", 0, at) + first_line)


def may_be_yaml_bomb(text: str) -> bool:
    """Whether it is worth looking at every node: no short text without aliases and deep places is one."""
    return "*" in text or text.count("[") + text.count("{") > 50 or text.count("- ") > 50 or " " * 50 in text


def refuse_yaml_bombs(node: yaml.Node | None, path: Path, first_line: int = 1) -> None:
    """Refuses a document that is nested too deep, holds itself, or stands for more than anybody writes.

    Raises ConfigError. Every node is looked at once, however often an alias names it.
    """
    if node is None:
        return
    sizes: dict[int, int] = {}
    deepest: dict[int, int] = {}
    open_nodes: set[int] = set()
    pending: list[tuple[yaml.Node, bool]] = [(node, False)]
    while pending:
        here, is_done = pending.pop()
        key = id(here)
        children = _yaml_children(here)
        if is_done:
            open_nodes.discard(key)
            sizes[key] = 1 + sum(sizes[id(child)] for child in children)
            deepest[key] = 1 + max((deepest[id(child)] for child in children), default=0)
            line = here.start_mark.line + first_line
            if sizes[key] > _YAML_ENTRIES:
                message = f"stands for more than {_YAML_ENTRIES:,} entries through its aliases (*)."
                hint = "Write out what is meant, without aliases."
                raise ConfigError([Problem(path=path, line=line, message=message, hint=hint)])
            if deepest[key] > _YAML_DEPTH:
                raise _too_deep(path, line)
        elif key in open_nodes:
            message = "is nested too deep: it holds itself through an alias (*)."
            line = here.start_mark.line + first_line
            raise ConfigError([Problem(path=path, line=line, message=message, hint="Write out what is meant.")])
        elif key not in sizes:
            open_nodes.add(key)
            pending.append((here, True))
            pending += [(child, False) for child in children if id(child) not in sizes]


def _yaml_children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _too_deep(path: Path, line: int) -> ConfigError:
    message = f"is nested deeper than {_YAML_DEPTH} levels."
    return ConfigError([Problem(path=path, line=line, message=message, hint="Write it with fewer levels.")])


def parse_yaml(text: str, path: Path, first_line: int = 1) -> Yaml:
    """YAML text that begins on ``first_line`` of ``path``."""
    refuse_deep_yaml(text, path, first_line)
    try:
        node = _compose(text)
        refuse_yaml_bombs(node, path, first_line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + first_line if mark else None
        message = f"is not valid YAML: {error.problem or error.context}."
        hint = "A value that holds ': ' or begins with one of * & ! % @ ` [ { needs quotes."
        raise ConfigError([Problem(path=path, line=line, message=message, hint=hint)]) from error
    except yaml.YAMLError as error:
        raise ConfigError([Problem(path=path, message=f"is not valid YAML: {error}.")]) from error
    except RecursionError as error:
        raise ConfigError([Problem(path=path, message="is not valid YAML: it is nested too deep.")]) from error
    lines: dict[Location, int] = {}
    problems: list[Problem] = []
    if node is not None:
        for location, line, twice in _walk(node, ()):
            lines.setdefault(location, line + first_line)
            if twice:
                key = location[-1]
                message = f"says {key!r} twice."
                problems.append(Problem(path=path, line=line + first_line, message=message, hint="Keep one of them."))
    if problems:
        raise ConfigError(problems)
    try:
        data = _construct(node)
    except yaml.YAMLError as error:  # an unknown tag is only noticed when values are made
        mark = getattr(error, "problem_mark", None)
        line = mark.line + first_line if mark else None
        message = f"is not valid YAML: {getattr(error, 'problem', error)}."
        raise ConfigError([Problem(path=path, line=line, message=message)]) from error
    return Yaml(data=data, path=path, lines=lines)


def _compose(text: str) -> yaml.Node | None:
    """The nodes of a document. Raises yaml.YAMLError."""
    try:
        return yaml.compose(text, Loader=_YamlLoader)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=_SlowYamlLoader)


def _construct(node: yaml.Node | None) -> Any:
    """The values of a document's nodes. Raises yaml.YAMLError for an unknown tag."""
    if node is None:
        return None
    loader = _YamlLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def load_yaml(text: str, path: Path, first_line: int = 1) -> Any:
    """YAML text as plain values, without lines. Raises ConfigError with file and line where it is none.

    Nobody may change what it returns: the same text gives the same values.
    """
    return (_load_short_yaml if len(text) < _SHORT_TEXT else _load_yaml)(text, path, first_line)


_SHORT_TEXT = 20_000


def _load_yaml(text: str, path: Path, first_line: int) -> Any:
    refuse_deep_yaml(text, path, first_line)
    try:
        node = yaml.compose(text, Loader=_YamlLoader)
        if may_be_yaml_bomb(text):
            refuse_yaml_bombs(node, path, first_line)
        return _construct(node)
    except yaml.YAMLError:
        parse_yaml(text, path, first_line)  # says what is wrong, and where
        raise


_load_short_yaml = lru_cache(maxsize=512)(_load_yaml)
"""A site's configuration is asked for with every page, and a page's front matter twice."""


def _walk(node: yaml.Node, place: Location) -> Iterator[tuple[Location, int, bool]]:
    """Each entry of a document: where it is, its line from 0, and whether its key was said before."""
    if not place:
        yield (), node.start_mark.line, False
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(getattr(key, "value", ""))
            here = (*place, name)
            yield here, key.start_mark.line, name in seen
            seen.add(name)
            yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*place, number), value.start_mark.line, False
            yield from _walk(value, (*place, number))


def front_matter(path: Path) -> Yaml:
    """The metadata of a post: the YAML block at its head, or an empty document where there is none."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".ipynb":
        import json

        cells = json.loads(text).get("cells", [])
        first = cells[0] if cells and cells[0].get("cell_type") in {"raw", "markdown"} else {}
        source = first.get("source", "")
        text = "".join(source) if isinstance(source, list) else source
    rows = text.splitlines()
    if not rows or not _FENCE.match(rows[0]):
        return Yaml(data={}, path=path, lines={})
    for number, row in enumerate(rows[1:], start=1):
        if _FENCE.match(row) or row.rstrip() == "...":
            block = parse_yaml("\n".join(rows[1:number]), path, first_line=2)
            return block if isinstance(block.data, dict) else Yaml(data={}, path=path, lines={})
    problem = Problem(path=path, line=1, message="the front matter is not closed.", hint="End it with a line of ---.")
    raise ConfigError([problem])


def read_as(document: Yaml, kind: type[T], at: Location = ()) -> T:
    """The part of a document at ``at`` as a value of a dataclass. Raises ConfigError with every problem in it."""
    data = document.data
    for key in at:
        data = (data or {}).get(key)
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        message = f"{'.'.join(map(str, at)) or 'the file'} must be a list of `key: value` lines."
        raise ConfigError([document.problem(at, message)])
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(dict(data))
    except ValidationError as error:
        problems = [_explain(document, at, kind, one) for one in error.errors()]
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0)) from None


def _explain(document: Yaml, at: Location, kind: type[Any], error: Mapping[str, Any]) -> Problem:
    """One of pydantic's errors as a sentence about the user's file."""
    location = tuple(part for part in error["loc"] if _is_entry(part))
    name = ".".join(map(str, location))
    if error["type"] == "unexpected_keyword_argument":
        known = [entry.name for entry in fields(_owner(kind, location))]
        hint = did_you_mean(str(location[-1]), known) or f"Known keys: {', '.join(sorted(known))}."
        return document.problem(at + location, f"{name!r} is not a key that is known here.", hint)
    message = str(error["msg"])
    said = message[0].lower() + message[1:]
    return document.problem(at + location, f"{name!r}: {said}, not {error['input']!r}.")


def _is_entry(part: str | int) -> bool:
    """Whether a part of pydantic's location names an entry, and not the branch of a union that it tried."""
    return isinstance(part, int) or not re.fullmatch(r"(int|float|str|bool|list|dict|none|function-.*)(\[.*\])?", part)


def _owner(kind: type[Any], location: Location) -> type[Any]:
    """The dataclass that an unknown key was written in: down the types of the fields that lead to it."""
    owner: Any = kind
    for part in location[:-1]:
        if is_dataclass(owner) and isinstance(owner, type):
            owner = get_type_hints(owner).get(str(part), kind)
        else:  # an entry of a mapping or a list: its values' type
            owner = (get_args(owner) or (kind,))[-1]
        branches = [branch for branch in get_args(owner) if is_dataclass(branch)]
        if isinstance(owner, types.UnionType) and branches:
            owner = branches[0]
    return owner if is_dataclass(owner) and isinstance(owner, type) else kind


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A sentence that offers the nearest known word, or nothing when none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else ""


# --- the site -------------------------------------------------------------------------------------------------------


def find_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds a ``_quarto.yml``."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / SITE_FILE).is_file():
            return folder
    raise ProjectError(
        f"No {SITE_FILE} here or in any folder above.", hint="`blogkit init` makes a site in this folder.", path=start
    )


def is_inside_site(path: Path, named_in: Path) -> bool:
    """Whether a file that ``named_in`` names lies in the site around ``named_in``, once links are followed.

    A page shows nothing of the rest of the machine: a site is often somebody else's work.
    """
    return Path(os.path.realpath(path)).is_relative_to(_site_around(named_in.parent))


def outside_problem(name: str, named_in: Path, line: int | None = None) -> Problem:
    """The problem of a file that a page may not show."""
    message = f"{name} lies outside of the site."
    hint = "Copy it into the site: a page shows no file of the rest of the machine, nor through a link."
    return Problem(path=named_in, line=line, message=message, hint=hint)


def _site_around(folder: Path) -> Path:
    """The real path of the nearest folder with a ``_quarto.yml``; of the folder itself where there is none."""
    folder = folder.absolute()
    found = next((one for one in (folder, *folder.parents) if (one / SITE_FILE).is_file()), folder)
    return Path(os.path.realpath(found))


def load_site(start: Path) -> Site:
    """The site around ``start`` with all its projects. Raises ConfigError with the problems of every file."""
    return _read_site(start, strict=True)


def open_site(start: Path) -> Site:
    """The site around ``start``; a project whose files cannot be used says so in its ``problems``.

    Raises ConfigError with what is wrong in the site's own file.
    """
    return _read_site(start, strict=False)


def _read_site(start: Path, *, strict: bool) -> Site:
    root = find_root(start)
    document = read_yaml(root / SITE_FILE)
    quarto = document.data or {}
    if not isinstance(quarto, dict):
        raise ConfigError([document.problem((), "must be a list of `key: value` lines.")])
    problems: list[Problem] = []
    config = _collect(problems, lambda: read_as(document, SiteConfig, ("blogkit",))) or SiteConfig()
    projects: list[Project] = []
    for folder in sorted((root / "projects").glob("*/")):
        if folder.name.startswith(".") or not any((folder / name).is_file() for name in ("index.qmd", "index.ipynb")):
            continue
        try:
            projects.append(load_project(folder))
        except ConfigError as error:
            projects.append(Project(folder=folder.resolve(), sweep=None, problems=error.problems))
            problems += error.problems if strict else ()
    if problems:
        raise ConfigError(problems)
    return Site(root=root, quarto=quarto, config=config, projects=tuple(projects))


def find_cluster(site: Site, name: str) -> Cluster:
    """The profile of a cluster: of the site, else of the user's own ``clusters.toml``. Raises ConfigError."""
    document = read_yaml(site.root / SITE_FILE)
    if name not in site.config.clusters:
        import tomllib

        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        path = home / "blogkit" / "clusters.toml"
        profiles: dict[str, Any] = {}
        if path.is_file():
            try:
                profiles = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigError([Problem(path=path, message=f"is not valid TOML: {error}.")]) from error
        if name not in profiles:
            known = [*site.config.clusters, *profiles]
            hint = did_you_mean(name, known) or (
                f"There are: {', '.join(known)}." if known else f"Write it under `blogkit: clusters:` or in {path}."
            )
            raise ConfigError([Problem(path=document.path, message=f"there is no cluster {name!r}.", hint=hint)])
        own = Yaml(data=profiles, path=path, lines={})
        return replace(read_as(own, Cluster, (name,)), name=name)
    return replace(read_as(document, Cluster, ("blogkit", "clusters", name)), name=name)


def load_project(folder: Path) -> Project:
    """The project in a folder. Raises ConfigError with every problem of its sweep.yml."""
    path = folder / SWEEP_FILE
    return Project(folder=folder.resolve(), sweep=load_sweep(path) if path.is_file() else None)


def _problems_of_listed_runs(document: Yaml, place: Location, sweep: Sweep, part: Sweep | Scale) -> list[Problem]:
    """What is wrong with ``runs:`` and ``exclude:`` of a sweep or of one of its scales."""
    grid = {**sweep.grid, **part.grid}
    listed = sweep.runs if part.runs is None else part.runs
    own = place if part.runs is not None else ()
    problems = []
    for number, given in enumerate(listed):
        here = (*own, "runs", number)
        if not given:
            problems.append(
                document.problem(here, "this run has no parameters.", "Name at least one, or leave it out.")
            )
        if any(_is_same(given, earlier) for earlier in listed[:number]):
            problems.append(document.problem(here, "this run stands in the list twice.", "Keep it once."))
        for name in given:
            if name == "seed":
                message = "'seed' stands under `runs:`, but seeds have a key of their own."
                problems.append(document.problem((*here, name), message, "Write them under `seeds:`."))
            elif name in grid:
                message = f"{name!r} stands in the grid and in the list of runs."
                problems.append(document.problem((*here, name), message, "Keep it in one of them."))
    for number, entry in enumerate(part.exclude or []):
        if not entry:
            where = (*place, "exclude", number)
            problems.append(document.problem(where, "this entry names no parameter.", "Name one, or leave it out."))
    return problems


def _is_same(one: Any, other: Any) -> bool:
    return bool(one == other) and repr(one) == repr(other)


def load_sweep(path: Path) -> Sweep:
    """``sweep.yml`` as a value. Raises ConfigError with every problem in it."""
    document = read_yaml(path)
    sweep = read_as(document, Sweep)
    problems: list[Problem] = []
    parts: list[tuple[Location, Sweep | Scale]] = [((), sweep)]
    parts += [(("scales", name), scale) for name, scale in sweep.scales.items()]
    for place, part in parts:
        for name, values in part.grid.items():
            if not values:
                message = f"the grid of {name!r} is empty, so there would be no run."
                problems.append(document.problem((*place, "grid", name), message, "Give at least one value."))
            if name in part.parameters:
                message = f"{name!r} stands in the grid and in the parameters."
                problems.append(document.problem((*place, "grid", name), message, "Keep it in one of them."))
        problems += _problems_of_listed_runs(document, place, sweep, part)
        seeds = part.seeds
        if (isinstance(seeds, int) and seeds < 1) or seeds == []:
            problems.append(document.problem((*place, "seeds"), "there must be at least one seed."))
        if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
            problems.append(document.problem((*place, "seeds"), "a seed stands in the list twice."))
    problems = list(dict.fromkeys(problems))  # what a scale inherits is looked at with each of them
    if sweep.scale is not None and sweep.scale not in sweep.scales:
        hint = did_you_mean(sweep.scale, list(sweep.scales)) or "Name it under `scales:`."
        problems.append(document.problem(("scale",), f"there is no scale {sweep.scale!r}.", hint))
    for number, name in enumerate(sweep.shared):
        words = PurePosixPath(name).parts
        if not words or PurePosixPath(name).is_absolute() or ".." in words or words[0] in {"runs", "results"}:
            hint = "Name folders in the project's own folder, such as `data`."
            problems.append(document.problem(("shared", number), f"{name!r} cannot be shared by runs.", hint))
    if sweep.threads < 1 or sweep.runs_per_gpu < 1:
        key = "threads" if sweep.threads < 1 else "runs_per_gpu"
        problems.append(document.problem((key,), f"{key!r} must be 1 or more."))
    limits: dict[Location, float | None] = {
        ("time_limit",): sweep.time_limit,
        ("budget", "minutes"): sweep.budget.minutes,
        ("budget", "runs"): sweep.budget.runs,
    }
    for location, value in limits.items():
        if value is not None and not 0 < value < float("inf"):
            problems.append(
                document.problem(
                    location, f"{location[-1]!r} is {value:g}, and must be a number above 0.", "Or leave it out."
                )
            )
    if problems:
        raise ConfigError(problems)
    return sweep


def choose_projects(site: Site, names: Sequence[str]) -> tuple[Project, ...]:
    """The named projects of a site; where none is named, all whose files can be used.

    A name may also be a path to the folder. Raises ConfigError with what is wrong in the files of a named one.
    """
    if not names:
        return tuple(project for project in site.projects if not project.problems)
    known = {project.name: project for project in site.projects}
    chosen: list[Project] = []
    for name in names:
        project = known.get(Path(name).name)
        if project is None:
            hint = did_you_mean(name, list(known)) or (
                f"There are: {', '.join(known)}." if known else f"`blogkit new {name}` makes it."
            )
            raise ProjectError(f"There is no project {name!r}.", hint=hint, path=site.root / "projects")
        chosen.append(project)
    if problems := [problem for project in chosen for problem in project.problems]:
        raise ConfigError(problems)
    return tuple(chosen)


def _collect(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """What ``read`` gives, or nothing with its problems added to the list."""
    try:
        return read()
    except ConfigError as error:
        problems.extend(error.problems)
        return None
