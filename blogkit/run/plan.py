"""Which runs a sweep consists of: pure but for reading the project's own files.

A run's id is a hash of everything that its result depends on and that a student changes: the notebook's code and
kernel, the parameters, the modules of the repository that it imports or runs, the inputs that ``sweep.yml`` declares,
and the number of threads. So an edit of a Markdown cell runs nothing again, and an edit of the code runs everything
again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from blogkit.config import SWEEP_FILE, Location, UnquotedDate, Yaml, did_you_mean, read_yaml
from blogkit.errors import ConfigError, NotebookError, Problem, StoreError
from blogkit.model import Project, Run, Scale, Sweep
from blogkit.notebook import code_cells, read_notebook
from blogkit.run.combinations import combine_parameters, is_excluded
from blogkit.run.parameters import COLUMNS, CodeCell, check_parameters, collection_problem
from blogkit.sources import match_files, sources_of
from blogkit.store import ProjectPaths, gathered_runs, rename_runs, stored_ids

PARAMETERS_TAG = "parameters"
_MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """What planning needs to know of a notebook."""

    path: Path
    code: str
    """The code cells, in order; outputs, Markdown and metadata do not count."""
    kernel: str
    declared: Mapping[str, Any]
    """The parameters with their default values; a default that is no literal is missing from ``known``."""
    cells: tuple[CodeCell, ...] = ()
    """The same cells, one by one; none of another language than Python."""
    known: frozenset[str]
    """The parameters whose default is a literal, so that a value's type can be compared with it."""


def read_experiment(path: Path) -> Notebook:
    """A notebook's code and its declared parameters. Raises NotebookError when it cannot be a run."""
    document = read_notebook(path)
    cells = [cell for cell in document["cells"] if cell.get("cell_type") == "code"]
    tagged = [cell["source"] for cell in cells if PARAMETERS_TAG in cell["metadata"]["tags"]]
    if not tagged:
        raise NotebookError(
            "has no cell tagged `parameters`, so a run could not be given its parameters.",
            hint="In Jupyter, choose the cell that sets them and add the tag `parameters` (property inspector, "
            "Cell tags).",
            path=path,
        )
    if len(tagged) > 1:
        raise NotebookError("has two cells tagged `parameters`.", hint="Keep the tag on one of them.", path=path)
    metadata = document["metadata"]
    kernel = str(metadata["kernelspec"].get("name", "python3"))
    language = str(metadata["kernelspec"].get("language") or metadata["language_info"].get("name", ""))
    declared = _python_parameters(tagged[0], path) if language in {"", "python"} else _other_parameters(tagged[0])
    known = frozenset(name for name, value in declared.items() if value is not _MISSING)
    code = "\n# %%\n".join(code_cells(document))
    each = tuple(
        CodeCell(number=number, source=cell["source"], is_parameters=PARAMETERS_TAG in cell["metadata"]["tags"])
        for number, cell in enumerate(cells, start=1)
    )
    python = language in {"", "python"}
    return Notebook(path=path, code=code, cells=each if python else (), kernel=kernel, declared=declared, known=known)


def _python_parameters(source: str, path: Path) -> dict[str, Any]:
    """The names that a parameters cell assigns, with the values of those that are literals."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError as error:
        message = f"the parameters cell is not valid Python: {error.msg} (line {error.lineno} of the cell)."
        raise NotebookError(message, path=path) from error
    declared: dict[str, Any] = {}
    for statement in tree.body:
        targets: Sequence[ast.expr] = ()
        value: ast.expr | None = None
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                try:
                    declared[target.id] = ast.literal_eval(value)
                except ValueError:
                    declared[target.id] = _MISSING
    return declared


def _other_parameters(source: str) -> dict[str, Any]:
    """The names that a parameters cell of another language (R, Julia) assigns at the beginning of a line."""
    return {
        match[1]: _MISSING for match in re.finditer(r"^(\w+)\s*(?:::\s*\w+\s*)?(?:=|<-)(?!=)", source, re.MULTILINE)
    }


def plan_runs(
    project: Project,
    *,
    scale: str | None = None,
    settings: Mapping[str, Any] | None = None,
    only: Mapping[str, Any] | None = None,
) -> tuple[Run, ...]:
    """Every run of a project's sweep, seed by seed: whoever stops half way has all points at the first seeds.

    ``settings`` replaces parameters (``--set``), ``only`` keeps the runs whose parameters have these values. Raises
    ConfigError with every problem of ``sweep.yml`` in the light of the notebook, NotebookError when the notebook
    cannot be run.
    """
    if project.sweep is None:
        return ()
    sweep = project.sweep
    _check_seeds(project, sweep)
    part = _sweep_at_scale(project, sweep, scale)
    settings, only = dict(settings or {}), dict(only or {})
    notebook = read_experiment(project.folder / sweep.notebook)
    seeds = part.seeds if part.seeds is not None else sweep.seeds
    wanted_seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    seeded = "seed" in notebook.declared
    grid = {name: values for name, values in part.grid.items() if name not in settings}
    listed = [{name: value for name, value in one.items() if name not in settings} for one in part.runs or []]
    fixed = {name: value for name, value in {**part.parameters, **settings}.items() if name not in grid}
    if "seed" in fixed:
        wanted_seeds = [_as_seed(fixed.pop("seed"))]
    named = dict.fromkeys([*grid, *fixed, *(name for one in listed for name in one)])
    excluded = dict.fromkeys(name for entry in part.exclude or [] for name in entry)
    _check_names(project, notebook, {**named, **excluded}, settings, only, needs_seed=len(wanted_seeds) > 1)
    given = {*named, *(["seed"] if seeded else [])}
    _check_columns(project, given, settings)
    check_parameters(notebook.cells, given, notebook.path)
    fixed = _typed_values(project, notebook, fixed, settings)
    grid = {name: [_typed_value(project, notebook, name, value) for value in values] for name, values in grid.items()}
    listed = [_typed_values(project, notebook, one, {}, number) for number, one in enumerate(listed)]
    somewhere = dict.fromkeys(name for one in listed for name in one if name in notebook.known and name not in fixed)
    listed = [{**{name: notebook.declared[name] for name in somewhere}, **one} for one in listed]
    _check_levels(project, grid)
    combinations = combine_parameters(grid, listed, fixed)
    if not settings:
        _check_exclusions(project, sweep, notebook)
    surroundings = _surroundings(notebook, sweep.threads, project.folder, source_files(project))
    runs: dict[str, Run] = {}
    offered: dict[str, dict[str, None]] = {name: {} for name in only}
    for seed in wanted_seeds if seeded else [None]:
        for combination in combinations:
            parameters = dict(combination)
            if seed is not None:
                parameters["seed"] = seed
            effective = {**{name: notebook.declared[name] for name in notebook.known}, **parameters}
            if any(is_excluded(effective, entry) for entry in part.exclude or []):
                continue
            for name in only:
                offered[name][repr(effective.get(name))] = None
            if any(effective.get(name, _MISSING) != value for name, value in only.items()):
                continue
            run_id = _run_id(surroundings, parameters)
            runs[run_id] = Run(
                id=run_id,
                project=project.name,
                notebook=notebook.path,
                parameters=parameters,
                seed=seed,
                threads=sweep.threads,
                time_limit=None if sweep.time_limit is None else sweep.time_limit * 60,
            )
    if not runs and not offered and part.exclude:
        raise ConfigError([_nothing_left(project, scale or sweep.scale)])
    if only and not runs:
        asked = " ".join(f"{name}={value}" for name, value in only.items())
        hint = "; ".join(f"{name} is one of {', '.join(values)}" for name, values in offered.items())
        raise ConfigError([Problem(message=f"--only {asked}: no planned run is so.", hint=f"In this sweep, {hint}.")])
    return tuple(runs.values())


def _sweep_at_scale(project: Project, sweep: Sweep, scale: str | None) -> Scale:
    """The parameters, grid and seeds of a sweep at one of its scales."""
    scale = scale or sweep.scale
    if scale is None:
        return Scale(
            parameters=sweep.parameters, grid=sweep.grid, runs=sweep.runs, exclude=sweep.exclude, seeds=sweep.seeds
        )
    chosen = sweep.scales.get(scale)
    if chosen is None:
        hint = did_you_mean(scale, list(sweep.scales)) or (
            f"It has: {', '.join(sweep.scales)}." if sweep.scales else "Name it under `scales:`."
        )
        message = f"has no scale {scale!r}."
        raise ConfigError([Problem(path=project.folder / SWEEP_FILE, message=message, hint=hint)])
    grid = {name: values for name, values in {**sweep.grid, **chosen.grid}.items() if name not in chosen.parameters}
    parameters = {
        name: value for name, value in {**sweep.parameters, **chosen.parameters}.items() if name not in chosen.grid
    }
    return Scale(
        parameters=parameters,
        grid=grid,
        runs=chosen.runs if chosen.runs is not None else sweep.runs,
        exclude=chosen.exclude if chosen.exclude is not None else sweep.exclude,
        seeds=chosen.seeds if chosen.seeds is not None else sweep.seeds,
    )


def _check_exclusions(project: Project, sweep: Sweep, notebook: Notebook) -> None:
    """Raises ConfigError for an entry of ``exclude:`` that leaves out nothing, at no scale that it holds for."""
    places: list[tuple[Location, list[dict[str, Any]], list[str | None]]] = []
    inheriting: list[str | None] = [name for name, scale in sweep.scales.items() if scale.exclude is None]
    places.append((("exclude",), sweep.exclude, [None, *inheriting]))
    for name, scale in sweep.scales.items():
        places.append((("scales", name, "exclude"), scale.exclude or [], [name]))
    problems = []
    for place, entries, scales in places:
        if not entries:
            continue
        planned = [each for name in scales for each in _every_combination(project, sweep, notebook, name)]
        for number, entry in enumerate(entries):
            if not any(is_excluded(each, entry) for each in planned):
                document = read_yaml(project.folder / SWEEP_FILE)
                hint = "Every value that it names must be planned together; `blogkit run --dry-run` lists what is."
                problems.append(document.problem((*place, number), f"{json.dumps(entry)} excludes nothing.", hint))
    if problems:
        raise ConfigError(problems)


def _every_combination(project: Project, sweep: Sweep, notebook: Notebook, scale: str | None) -> list[dict[str, Any]]:
    """What a scale would run if nothing were excluded, with the notebook's own defaults. ``None``: the sweep itself."""
    part = _sweep_at_scale(project, replace(sweep, scale=scale), scale)
    seeds = list(range(part.seeds)) if isinstance(part.seeds, int) else list(part.seeds or [0])
    defaults = {name: notebook.declared[name] for name in notebook.known}
    found = combine_parameters(part.grid, part.runs or [], {**defaults, **part.parameters})
    if "seed" in notebook.declared and any("seed" in entry for entry in part.exclude or []):
        return [{**each, "seed": seed} for each in found for seed in seeds]
    return found


def _nothing_left(project: Project, scale: str | None) -> Problem:
    """The problem of a sweep whose exclusions leave no run."""
    document = read_yaml(project.folder / SWEEP_FILE)
    own: Location = ("scales", scale, "exclude") if scale is not None else ("exclude",)
    place = own if own in document.lines else ("exclude",)
    return document.problem(place, "it excludes every run.", "Leave out an entry, or give the grid more levels.")


def _check_seeds(project: Project, sweep: Sweep) -> None:
    """Raises ConfigError for seeds that stand where parameters do: they have a key of their own, which would win."""
    parts: list[tuple[Location, Sweep | Scale]] = [((), sweep)]
    parts += [(("scales", name), scale) for name, scale in sweep.scales.items()]
    if not any("seed" in part.grid or "seed" in part.parameters for _, part in parts):
        return
    document = read_yaml(project.folder / SWEEP_FILE)
    seeds_said = any(location and location[-1] == "seeds" for location in document.lines)
    problems = []
    for place, part in parts:
        for key, given in (("grid", part.grid), ("parameters", part.parameters)):
            if "seed" not in given:
                continue
            value = given["seed"] if key == "grid" else [given["seed"]]
            message = f"'seed' stands under `{key}:`, but seeds have a key of their own."
            hint = f"Write `seeds: {json.dumps(value, default=str)}` instead."
            if key == "grid" or seeds_said or not _is_seed(given["seed"]):
                problems.append(document.problem((*place, key, "seed"), message, hint))
    if problems:
        raise ConfigError(problems)


def _as_seed(value: Any) -> int:
    """A seed of ``parameters:`` or the command line. Raises ConfigError when it is no whole number."""
    if _is_seed(value):
        return int(value)
    hint = "Name one; `seeds:` in sweep.yml takes several."
    raise ConfigError([Problem(message=f"the seed is {value!r}, and must be a whole number.", hint=hint)])


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_names(
    project: Project,
    notebook: Notebook,
    named: Mapping[str, Any],
    settings: Mapping[str, Any],
    only: Mapping[str, Any],
    *,
    needs_seed: bool,
) -> None:
    """Raises ConfigError when the sweep or the command names a parameter that the notebook does not declare."""
    declared = sorted(notebook.declared)
    problems: list[Problem] = []
    document: Yaml | None = None
    for name in dict.fromkeys((*named, *only)):
        if name in notebook.declared:
            continue
        hint = did_you_mean(name, declared) or f"It declares: {', '.join(declared) or 'none'}."
        message = f"{name!r} is not declared in the parameters cell of {notebook.path.name}."
        if name in settings or name in only:
            problems.append(Problem(message=f"--{'set' if name in settings else 'only'} {name}: {message}", hint=hint))
        else:
            document = document or read_yaml(project.folder / SWEEP_FILE)
            problems.append(document.problem(_parameter_place(document, name), message, hint))
    if needs_seed and "seed" not in notebook.declared:
        document = document or read_yaml(project.folder / SWEEP_FILE)
        message = f"there are several seeds, but the parameters cell of {notebook.path.name} declares no `seed`."
        problems.append(
            document.problem(("seeds",), message, "Add `seed = 0` to that cell and seed your framework by it.")
        )
    if problems:
        raise ConfigError(problems)


def _check_columns(project: Project, names: Iterable[str], settings: Mapping[str, Any]) -> None:
    """Raises ConfigError for a parameter that is called like a column of the gathered table."""
    problems = []
    for name in sorted(set(names) & set(COLUMNS)):
        message = f"{name!r} is a column of the gathered table itself, so no parameter can have that name."
        hint = f"Call it something else in the parameters cell and here, such as `{name}_size`."
        if name in settings:
            problems.append(Problem(message=f"--set {name}: {message}", hint=hint))
        else:
            document = read_yaml(project.folder / SWEEP_FILE)
            problems.append(document.problem(_parameter_place(document, name), message, hint))
    if problems:
        raise ConfigError(problems)


def _check_levels(project: Project, grid: Mapping[str, Sequence[Any]]) -> None:
    """Raises ConfigError for a level that stands in an axis twice, also as 1 and 1.0 where the notebook has a float."""
    problems = []
    for name, values in grid.items():
        texts = [json.dumps(value, sort_keys=True, default=str) for value in values]
        for place, text in enumerate(texts):
            if text in texts[:place]:
                document = read_yaml(project.folder / SWEEP_FILE)
                where = (*_parameter_place(document, name), place)
                problems.append(document.problem(where, f"{text} stands twice among the levels of {name!r}."))
    if problems:
        raise ConfigError(problems)


def _parameter_place(document: Yaml, name: str, number: int | None = None) -> Location:
    """Where ``sweep.yml`` names a parameter; in entry ``number`` of its list of runs, where that is said."""
    named = [location for location in document.lines if location and location[-1] == name]
    if number is not None:
        return next((location for location in named if location[-3:-1] == ("runs", number)), ())
    return next((location for location in named if {"grid", "parameters", "runs", "exclude"} & {*location[-3:-1]}), ())


def _typed_values(
    project: Project,
    notebook: Notebook,
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
    number: int | None = None,
) -> dict[str, Any]:
    return {
        name: _typed_value(project, notebook, name, value, name in settings, number) for name, value in values.items()
    }


def _typed_value(
    project: Project, notebook: Notebook, name: str, value: Any, from_command: bool = False, number: int | None = None
) -> Any:
    """A value in the type of the notebook's own default: ``lr: 1`` becomes 1.0; ``epochs: many`` is refused."""

    def refusal(message: str, hint: str) -> ConfigError:
        if from_command:
            return ConfigError([Problem(message=f"--set {name}: {message}", hint=hint)])
        document = read_yaml(project.folder / SWEEP_FILE)
        return ConfigError([document.problem(_parameter_place(document, name, number), message, hint)])

    unfit = _unfit_value(value)
    if unfit is not None:
        raise refusal(f"{name!r} is {unfit[0]}.", unfit[1])
    if name not in notebook.known:
        return value
    default = notebook.declared[name]
    problem = collection_problem(name, default, value, notebook.code)
    if problem is not None:
        raise refusal(*problem)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, int) and not isinstance(default, bool) and isinstance(value, float) and value.is_integer():
        return int(value)
    scalars = (bool, int, float, str)
    if default is None or value is None or not isinstance(default, scalars) or type(value) is type(default):
        return value
    kind = type(default).__name__
    message = f"{name!r} is {value!r}, but {notebook.path.name} declares it as {kind} ({default!r})."
    raise refusal(
        message, f"Give {'an' if kind == 'int' else 'a'} {kind}, or change the default in the parameters cell."
    )


def _unfit_value(value: Any, depth: int = 0) -> tuple[str, str] | None:
    """What a value is that a run's record cannot hold as it is, with what to write instead; None when it can."""
    if isinstance(value, date | UnquotedDate):
        return f"a date for YAML ({value})", f"Put quotes around it: '{value}'."
    if value is None or isinstance(value, bool | int | str):
        return None
    if depth > 20:
        return "nested too deep", "Give the notebook a name, and let it look the rest up."
    if isinstance(value, float):
        hint = "Write null, or a word in quotes, and let the notebook turn it into what it means."
        return None if math.isfinite(value) else (f"{value}, which the record of a run cannot hold", hint)
    if isinstance(value, list):
        return next((found for each in value if (found := _unfit_value(each, depth + 1))), None)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                return f"a mapping with the key {key!r}, which is no text", f"Put quotes around it: '{key}'."
        return next((found for each in value.values() if (found := _unfit_value(each, depth + 1))), None)
    kinds = "Numbers, text, true, false, null, lists and mappings can be given."
    return f"of a kind that a notebook cannot be given ({type(value).__name__})", kinds


def _surroundings(notebook: Notebook, threads: int, folder: Path, files: Mapping[Path, bytes]) -> bytes:
    """A digest of what all runs of a sweep share."""
    digest = hashlib.sha256()
    digest.update(json.dumps([notebook.kernel, threads, notebook.code]).encode("utf-8"))
    for path, contents in files.items():
        digest.update(Path(os.path.relpath(path, folder)).as_posix().encode("utf-8") + b"\0")
        digest.update(hashlib.sha256(contents).digest())
    return digest.digest()


def source_files(project: Project) -> dict[Path, bytes]:
    """The files that a project's runs depend on beside the notebook: what it imports or runs, and the inputs.

    Each comes with what of it counts: all of an input or a module, and the code alone of a notebook that is run.

    Raises ConfigError for an input that matches no file.
    """
    if project.sweep is None:
        return {}
    sources = sources_of(project.folder / project.sweep.notebook, project.folder)
    inputs: set[Path] = set()
    for pattern in project.sweep.inputs:
        matches = match_files(project.folder, pattern)
        if not matches:
            hint = "Inputs are files of the repository, by their path from the project's folder, such as `data/*.csv`."
            document = read_yaml(project.folder / SWEEP_FILE)
            raise ConfigError([document.problem(("inputs",), f"no file matches the input {pattern!r}.", hint)])
        inputs.update(matches)
    found = inputs | set(sources.modules)
    inside = sorted(path for path in found if path.is_relative_to(project.folder))
    return {
        path: _code_of(path) if path.suffix == ".ipynb" and path not in inputs else path.read_bytes()
        for path in (*inside, *sorted(found - set(inside)))
    }


def _code_of(notebook: Path) -> bytes:
    try:
        return json.dumps(code_cells(read_notebook(notebook))).encode("utf-8")
    except NotebookError:
        return notebook.read_bytes()


def undeclared_files(project: Project) -> tuple[Path, ...]:
    """Files of the project that the experiment names in its code, and that are no inputs: a change makes no new run."""
    if project.sweep is None:
        return ()
    declared = set(source_files(project))
    sources = sources_of(project.folder / project.sweep.notebook, project.folder)
    own = {project.post.resolve(), project.folder / SWEEP_FILE, project.folder / project.sweep.figures}
    return tuple(path for path in sources.data if path not in declared and path not in own)


# --- ids of earlier versions ------------------------------------------------------------------------------------------


def earlier_id_of(project: Project, runs: Sequence[Run]) -> dict[str, str]:
    """The ids that these runs had when every Python file of the project counted, by their ids now; equal ones left out.

    Empty where those files cannot be read.
    """
    assert project.sweep is not None
    notebook = read_experiment(project.folder / project.sweep.notebook)
    try:
        files = {path: path.read_bytes() for path in _files_of_earlier_rule(project.folder, project.sweep.inputs)}
        surroundings = _surroundings(notebook, project.sweep.threads, project.folder, files)
    except (OSError, ValueError):
        return {}
    found = {run.id: _run_id(surroundings, run.parameters) for run in runs}
    return {now: before for now, before in found.items() if now != before}


def _files_of_earlier_rule(folder: Path, inputs: Iterable[str]) -> list[Path]:
    """All Python files of the project, hidden and installed ones too, and its inputs."""
    found = {path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] not in {"runs", "results"}}
    for pattern in inputs:
        if not Path(pattern).is_absolute() and ".." not in Path(pattern).parts:
            found.update(path for path in folder.glob(pattern) if path.is_file())
    return sorted(path for path in found if path.is_file())


def adopt_earlier_runs(project: Project, runs: Sequence[Run]) -> int:
    """Gives stored and gathered runs of an earlier version their ids of today; how many.

    Those are recognised whose id is what the earlier rule gives for the files as they are now. A store that cannot be
    written stays as it is.
    """
    if project.sweep is None or not runs:
        return 0
    paths = ProjectPaths.of(project)
    known = stored_ids(paths) | gathered_runs(paths).keys()
    missing = [run for run in runs if run.id not in known]
    if not missing or not known - {run.id for run in runs}:
        return 0
    earlier = {now: before for now, before in earlier_id_of(project, missing).items() if before in known}
    with suppress(StoreError):
        return rename_runs(paths, {before: now for now, before in earlier.items()})
    return 0


def _run_id(surroundings: bytes, parameters: Mapping[str, Any]) -> str:
    text = json.dumps(parameters, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(surroundings + text.encode("utf-8")).hexdigest()[:12]
