"""The models behind live figures: offered to the notebook that draws, kept when a figure names them, asked again."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from blogkit.errors import NotebookError
from blogkit.live import (
    FOLDER,
    PARAMETER,
    TOLERANCE,
    Plan,
    PlanError,
    chosen_file,
    deviation,
    feed_of,
    files_of,
    rows_from,
)
from blogkit.recorded import INDEX, KeptModel, index_text, models_of_run, read_index, write_index
from blogkit.store import RunPaths

MOST_BYTES = 3_000_000
"""Of all models of a post together: with the runtime, a submission stays below 7 MB."""


def offer_models(
    work: RunPaths, folders: Mapping[str, RunPaths], records: Sequence[Mapping[str, Any]], results: Path
) -> list[KeptModel]:
    """Tells the notebook that draws of every model of these runs, and of those that an earlier gathering kept."""
    found: list[KeptModel] = []
    for record in records:
        folder = folders.get(str(record["id"]))
        if folder is not None and folder.models.is_dir():
            found += models_of_run(folder, when_of(record))
    there = {(kept.name, repr(sorted(kept.when.items()))) for kept in found}
    for kept in read_index(results / FOLDER / INDEX):
        if (kept.name, repr(sorted(kept.when.items()))) not in there and kept.path.is_file():
            found.append(kept)
    if found:
        write_index(work.folder / INDEX, found)
    return found


def when_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's models are chosen by: its parameters and its seed."""
    seed = {} if record.get("seed") is None else {"seed": record["seed"]}
    return {**record["parameters"], **seed}


def plans_of(spec: Any) -> Iterator[Plan]:
    """The plans that :func:`blogkit.charts.live` put into a chart."""
    if isinstance(spec, list):
        for part in spec:
            yield from plans_of(part)
    elif isinstance(spec, Mapping):
        for one in spec.get("params") or ():
            if carries_plan(one) and isinstance(one.get("value"), Mapping):
                yield one["value"]
        for name, value in spec.items():
            if name not in {"data", "datasets", "usermeta", "params"}:
                yield from plans_of(value)


def carries_plan(parameter: Any) -> bool:
    """Whether a chart's parameter is there for its plan alone."""
    return isinstance(parameter, Mapping) and str(parameter.get("name", "")).startswith(PARAMETER)


def kept_models(
    figures: Mapping[str, Mapping[str, Any]], known: Iterable[KeptModel], notebook: Path
) -> dict[str, bytes]:
    """The models that figures name and their index, by name below ``results/``; every one of them has been asked.

    ``figures`` are specifications by the names of figures. Raises NotebookError where a model is missing, answers
    otherwise than the run recorded, or otherwise than the figure shows.
    """
    plans = [(name, spec, plan) for name, spec in figures.items() for plan in _gathered_plans(spec)]
    named = list(dict.fromkeys(file for _, _, plan in plans for file in files_of(plan)))
    if not named:
        return {}
    there = {kept.file: kept for kept in known}
    missing = [file for file in named if file not in there]
    if missing:
        message = f"a figure names the model {missing[0]!r}, which no run recorded."
        raise NotebookError(message, "Run the notebook again.", notebook)
    models = [there[file] for file in named]
    data = {kept.file: kept.data() for kept in models}
    if sum(map(len, data.values())) > MOST_BYTES:
        hint = "Offer fewer steps, seeds or widths in by=, or record smaller networks."
        size = sum(map(len, data.values())) / 1e6
        message = f"the {len(data)} models of its live figures take {size:.1f} MB, and a post carries at most"
        raise NotebookError(f"{message} {MOST_BYTES / 1e6:g} MB.", hint, notebook)
    _ask_models(plans, models, data, notebook)
    listed = [
        KeptModel(name=kept.name, path=Path(FOLDER, kept.file), file=kept.file, when=kept.when, about=kept.about)
        for kept in models
    ]
    index = index_text(listed, Path(FOLDER))
    return {f"{FOLDER}/{INDEX}": index.encode(), **{f"{FOLDER}/{file}": one for file, one in data.items()}}


def _gathered_plans(spec: Mapping[str, Any]) -> list[Plan]:
    origin = (spec.get("usermeta") or {}).get("blogkit") or {}
    return list(origin.get("live") or ())


def _ask_models(
    plans: Sequence[tuple[str, Mapping[str, Any], Plan]],
    models: Sequence[KeptModel],
    data: Mapping[str, bytes],
    notebook: Path,
) -> None:
    """Runs every model on its example, and those that figures begin with on their question."""
    from blogkit.tools.onnx import answers

    feeds: dict[str, list[Mapping[str, Any]]] = {}
    for kept in models:
        example = kept.about.get("example") or {}
        feeds[kept.file] = [{key: _unpacked_array(one) for key, one in example.items()}] if example else []
    asked: list[tuple[str, Mapping[str, Any], Plan, str, int]] = []
    for figure, spec, plan in plans:
        try:
            file = chosen_file(plan, plan["start"])
            feeds[file].append(feed_of(plan, plan["start"]))
        except (PlanError, KeyError, ValueError, TypeError) as error:
            raise NotebookError(f"the live figure {figure!r} cannot be asked: {error}.", _AGAIN, notebook) from error
        asked.append((figure, spec, plan, file, len(feeds[file]) - 1))
    found: dict[str, list[dict[str, Any]]] = {}
    for kept, outcome in zip(models, answers([(data[kept.file], feeds[kept.file]) for kept in models]), strict=True):
        if isinstance(outcome, str):
            raise NotebookError(f"the model {kept.name!r} does not answer: {outcome}.", _AGAIN, kept.path)
        found[kept.file] = outcome
        if kept.about.get("example"):
            _compare_example(kept, outcome[0], notebook)
    for figure, spec, plan, file, place in asked:
        answered = rows_from(plan, plan["start"], found[file][place])
        apart = deviation(plan, _rows_named(spec, plan["data"]), answered)
        if not apart <= TOLERANCE:
            message = f"the live figure {figure!r} shows other numbers than its model answers (apart by {apart:.2g})"
            hint = "Leave the rows of charts.live as they are: transform them in the chart."
            raise NotebookError(f"{message} of the range.", hint, notebook)


_AGAIN = "Record the model again: `blogkit run`, then `blogkit gather`."


def _compare_example(kept: KeptModel, answered: Mapping[str, Any], notebook: Path) -> None:
    import numpy as np

    for name, packed in (kept.about.get("answer") or {}).items():
        want, given = _unpacked_array(packed), answered.get(name)
        span = float(np.abs(want[np.isfinite(want)]).max(initial=0.0)) or 1.0
        if (
            given is None
            or given.shape != want.shape
            or not np.allclose(given, want, rtol=0, atol=TOLERANCE * span, equal_nan=True)
        ):
            message = f"the model {kept.name!r} answers its example otherwise than its run recorded."
            raise NotebookError(message, _AGAIN, notebook)


def _unpacked_array(packed: Mapping[str, Any]) -> Any:
    import numpy as np

    flat: Any = np.frombuffer(base64.b64decode(packed["data"]), dtype=np.dtype(packed["type"]))
    return flat.reshape(packed["shape"])


def _rows_named(spec: Any, name: str) -> list[Mapping[str, Any]]:
    """The rows of the data set of a name, wherever it stands in a specification."""
    if isinstance(spec, list):
        return next((rows for part in spec if (rows := _rows_named(part, name))), [])
    if not isinstance(spec, Mapping):
        return []
    data, sets = spec.get("data"), spec.get("datasets")
    if isinstance(sets, Mapping) and isinstance(sets.get(name), list):
        return list(sets[name])
    if isinstance(data, Mapping) and data.get("name") == name and isinstance(data.get("values"), list):
        return list(data["values"])
    found = (_rows_named(value, name) for key, value in spec.items() if key not in ("usermeta", "data", "datasets"))
    return next((rows for rows in found if rows), [])
