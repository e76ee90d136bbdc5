"""Gathers what the runs recorded into results/: small plain files that any Quarto post can show.

Everything here is made from the runs and from ``figures.ipynb``, deterministically: the same runs give the same bytes.
``runs.json`` is written last and says from what the other files were made and what they hold, so that whoever finds it
knows whether the results are current, on a fresh clone too, where there are no run folders.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blogkit.coverage import Coverage, coverage_of, note
from blogkit.damage import DamagedRun, set_damaged_aside
from blogkit.errors import NotebookError, ProjectError
from blogkit.gather.changes import ChangedValue, broken_sentences, changed_values, shown_values
from blogkit.gather.live import kept_models, offer_models
from blogkit.gather.provenance import GatheredTable, compute_statement
from blogkit.model import Project, Run
from blogkit.recorded import models_of_run
from blogkit.stale import (
    RESULTS_FORMAT,
    available_runs,
    figures_notebook,
    look_at_results,
    results_origin,
    run_executions,
)
from blogkit.store import (
    RUN_FOLDER_VARIABLE,
    ProjectPaths,
    RunPaths,
    gathered_runs,
    new_work_folder,
    parse_json,
    read_json,
    read_jsonl,
    read_results,
    stored_ids,
    to_json,
    write_if_changed,
)
from blogkit.tools.execution import ORDINARY, KernelStart
from blogkit.tools.papermill import execute_notebook

if TYPE_CHECKING:
    from pandas import DataFrame

    from blogkit.gather.charts import GatheredFigure
    from blogkit.gather.recorded import GatheredRecords

_RUN_FIELDS = (
    "id", "parameters", "seed", "status", "started", "seconds", "device", "versions", "commit", "dirty", "untracked",
    "peak_memory", "peak_gpu_memory", "energy", "platform", "threads", "read",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What a gathering found and made."""

    project: str
    runs: int
    """Runs whose results are in the table."""
    coverage: Coverage
    """What of the planned runs they hold."""
    changed: tuple[str, ...]
    """The files below ``results/`` that are new or different; empty when everything was current."""

    values: tuple[ChangedValue, ...] = ()
    """The numbers for the prose that are new or different, with the lines that quote them."""
    recorded: Mapping[str, int] = field(default_factory=dict)
    """What runs recorded beside their metrics, such as ``array weights``, with the number of runs."""
    notes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    """The sentences of the post that are bound to a condition which the results do not meet."""

    @property
    def missing(self) -> int:
        """Planned runs that have no results yet."""
        return len(self.coverage.missing)


def is_current(project: Project, runs: Sequence[Run]) -> bool:
    """Whether ``results/`` holds what gathering these runs would make, without making it."""
    state = look_at_results(project, runs)
    return state.coverage is not None and not state.stale


def gather(
    project: Project,
    runs: Sequence[Run],
    *,
    scale: str | None = None,
    force: bool = False,
    start: KernelStart = ORDINARY,
) -> Gathered:
    """Writes ``results/`` from the stored runs among ``runs``; does nothing when it is current, unless ``force``.

    ``runs`` were planned at ``scale``; it is noted, so that the next command keeps to it.

    A run that was gathered before and has no folder here keeps its rows, so that a clone can add runs to what it has.
    Raises ProjectError when no run has results, and NotebookError when ``figures.ipynb`` does not run to its end.
    """
    from blogkit.gather.metrics import metrics_table, to_parquet
    from blogkit.gather.recorded import gather_records
    from blogkit.gather.values import values_yaml

    paths = ProjectPaths.of(project)
    damaged = [_damage_note(project, one) for one in set_damaged_aside(paths, runs)]
    available = available_runs(paths, runs)
    if not available:
        message = "no run of this project has succeeded yet, so there is nothing to gather."
        if damaged:
            message = f"no run of this project is sound, so there is nothing to gather: {damaged[0]}."
        raise ProjectError(message, hint=f"`blogkit run {project.name}` first.", path=project.folder)
    coverage = coverage_of(paths, runs, results={run.id for run in available})
    if not force and is_current(project, runs):
        return Gathered(project=project.name, runs=len(available), coverage=coverage, changed=(), notes=tuple(damaged))
    earlier = gathered_runs(paths)
    stored = stored_ids(paths)
    folders = {run.id: RunPaths(folder=paths.runs / run.id) for run in available if run.id in stored}
    executions = run_executions(paths, available)
    records = [
        _described(run, read_json(folders[run.id].record) if run.id in folders else earlier[run.id])
        | ({"digest": executions[run.id]} if run.id in executions else {})
        for run in available
    ]
    document_before = read_results(paths)
    before = document_before.get("files", {})
    made: dict[str, bytes] = {}
    made["metrics.parquet"] = to_parquet(metrics_table(available, folders, _earlier_table(paths)))
    recorded = gather_records(paths, available, folders)
    made |= recorded.files
    values_before = shown_values(paths.values)
    work = new_work_folder(paths, "figures")
    read_first = {paths.recorded, *(paths.results / name for name in made)}
    with _put_back_on_failure(read_first), _kept_as_drawn(paths, work):
        # figures.ipynb reads them.
        changed = [name for name in made if write_if_changed(paths.results / name, made[name])]
        if paths.recorded.name not in made:
            paths.recorded.unlink(missing_ok=True)
        models = offer_models(work, folders, records, paths.results)
        source = _draw(project, paths, work, start)
        table = GatheredTable(
            project=project.name,
            notebook=source.name if source else (project.sweep.notebook if project.sweep else None),
            records=records,
            coverage=coverage,
            digest=hashlib.sha256(made["metrics.parquet"]).hexdigest()[:16],
        )
        made |= _drawn_by_runs(recorded, folders, work.folder / "gathered", table)
        entries: list[Mapping[str, Any]] = []
        figures: list[GatheredFigure] = []
        for origin in (*(folders[run.id] for run in available if len(available) == 1 and run.id in folders), work):
            made |= _collected(origin, work.folder / "gathered", table, figures)
            entries += read_jsonl(origin.values)
        models += models_of_run(work, {})
        made |= kept_models(_gathered_specs(made), models, source or work.notebook)
        made["values.yml"] = values_yaml(entries).encode("utf-8")
        made["compute.md"] = compute_statement(records, coverage).encode("utf-8")
    changed += [name for name, data in made.items() if write_if_changed(paths.results / name, data)]
    for name in before.keys() - made.keys():
        (paths.results / name).unlink(missing_ok=True)
        changed.append(name)
    document = {
        "format": RESULTS_FORMAT,
        "scale": scale,
        "made_from": results_origin(project, available, coverage, executions),
        "files": {name: hashlib.sha256(data).hexdigest()[:16] for name, data in made.items()},
        "runs": records,
        **note(coverage),
        **({"placed": placed} if (placed := _placed_figures(document_before, figures)) else {}),
    }
    write_if_changed(paths.provenance, to_json(document))
    return Gathered(
        project=project.name,
        runs=len(available),
        coverage=coverage,
        changed=tuple(sorted(dict.fromkeys(changed))),
        values=changed_values(values_before, shown_values(paths.values), project.folder),
        recorded={f"{kind} {name}": count for (kind, name), count in sorted(recorded.counts.items())},
        notes=(*damaged, *recorded.notes),
        broken=broken_sentences(paths.values, project.folder),
    )


def _damage_note(project: Project, damaged: DamagedRun) -> str:
    """What is said of a run that is no evidence any more."""
    kept = damaged.folder.relative_to(project.folder).as_posix()
    parameters = " ".join(f"{name}={value}" for name, value in damaged.run.parameters.items())
    return (
        f"run {damaged.run.id} ({parameters}) is damaged: {damaged.reason}; it is kept in {kept}/ and counts as "
        f"failed, and `blogkit run {project.name}` makes it again"
    )


@contextmanager
def _put_back_on_failure(paths: Iterable[Path]) -> Iterator[None]:
    """Files as they were before, when what needs their new contents does not come to its end."""
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    try:
        yield
    except BaseException:
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                write_if_changed(path, data)
        raise


@contextmanager
def _kept_as_drawn(paths: ProjectPaths, work: RunPaths) -> Iterator[None]:
    """The executed figures notebook, kept whether it came to its end or not."""
    try:
        yield
    finally:
        shutil.rmtree(work.folder / "gathered", ignore_errors=True)
        shutil.rmtree(paths.drawn, ignore_errors=True)
        os.rename(work.folder, paths.drawn)


def _earlier_table(paths: ProjectPaths) -> DataFrame | None:
    """The table of an earlier gathering, with the ids that its runs have today."""
    from blogkit.gather.metrics import read_parquet

    table = read_parquet(paths.metrics)
    names = {str(run["earlier_id"]): name for name, run in gathered_runs(paths).items() if "earlier_id" in run}
    return table.assign(run=table["run"].replace(names)) if table is not None and names else table


def _draw(project: Project, paths: ProjectPaths, work: RunPaths, start: KernelStart) -> Path | None:
    """Runs ``figures.ipynb`` over the gathered table; what it records goes to ``work``."""
    figures = figures_notebook(project)
    if figures is None:
        return None
    outcome = execute_notebook(
        figures,
        work.notebook,
        {},
        cwd=project.folder,
        env={RUN_FOLDER_VARIABLE: str(work.folder)},
        log=work.log,
        start=start,
    )
    if not outcome.done:
        where = f"cell {outcome.cell}: " if outcome.cell is not None else ""
        kept = paths.drawn / work.notebook.name
        hint = f"Fix it, then `blogkit gather {project.name}`. The notebook as far as it ran: {kept}"
        raise NotebookError(f"{where}{outcome.reason or outcome.status}", hint=hint, path=figures)
    return figures


def _collected(origin: RunPaths, into: Path, table: GatheredTable, figures: list[GatheredFigure]) -> dict[str, bytes]:
    """The charts and tables of one executed notebook, by their name below ``results/``; adds to ``figures``."""
    from blogkit.gather.charts import write_figures

    charts = into / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    figures += write_figures(origin, charts, provenance=table.origin_of)
    made = {f"charts/{path.name}": path.read_bytes() for path in sorted(charts.iterdir()) if path.is_file()}
    if origin.tables.is_dir():
        made |= {f"tables/{path.name}": path.read_bytes() for path in sorted(origin.tables.glob("*.md"))}
    return made


def _placed_figures(before: Mapping[str, Any], figures: Sequence[GatheredFigure]) -> dict[str, dict[str, str]]:
    """The figures that are called after their cell's place, for ``runs.json``: with their code, and what moved."""
    from blogkit.gather.places import placed_figures

    earlier = before.get("placed")
    placed = {figure.name: figure.code for figure in figures if figure.placed}
    labelled = {figure.name: figure.code for figure in figures if not figure.placed and figure.code}
    return placed_figures(earlier if isinstance(earlier, dict) else {}, placed, labelled)


def _drawn_by_runs(
    recorded: GatheredRecords, folders: Mapping[str, RunPaths], into: Path, table: GatheredTable
) -> dict[str, bytes]:
    """The charts that runs of a sweep recorded, each as a figure of its own, by its name below ``results/``."""
    from blogkit.gather.charts import gather_run_chart

    charts = into / "charts"
    for one, figure in recorded.charts:
        charts.mkdir(parents=True, exist_ok=True)
        origin = partial(table.origin_of, run=one.run.id)
        gather_run_chart(folders[one.run.id], one.name, figure, charts, provenance=origin)
    return {f"charts/{path.name}": path.read_bytes() for path in sorted(charts.glob("*")) if path.is_file()}


def _gathered_specs(made: Mapping[str, bytes]) -> dict[str, Any]:
    """The specifications among gathered files, by the names of their figures."""
    suffix = ".vl.json"
    return {
        Path(name).name.removesuffix(suffix): parse_json(data) for name, data in made.items() if name.endswith(suffix)
    }


def _described(run: Run, record: Mapping[str, Any]) -> dict[str, Any]:
    """A run's provenance as ``runs.json`` keeps it: what a reader may ask, nothing of the machine's folders."""
    kept = {name: record[name] for name in _RUN_FIELDS if record.get(name) is not None}
    return {**kept, "id": run.id, "parameters": dict(run.parameters), "seed": run.seed}
