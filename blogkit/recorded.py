"""The models that a project's runs recorded, as a figure finds them: while it is gathered, in Jupyter, on a clone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.live import FOLDER
from blogkit.store import RUN_FOLDER_VARIABLE, RunPaths, parse_json, read_json, to_json, write_text

INDEX = "models.json"
"""In the folder of a notebook that draws: the models of all runs. Below ``results/models``: those that are kept."""
MOST_FILES = 4000


@dataclass(frozen=True, kw_only=True)
class KeptModel:
    """A model on the disk, and which run recorded it."""

    name: str
    path: Path
    file: str
    """Its name below ``results/models``: what it is called, and a digest of what it is."""
    when: Mapping[str, Any]
    """The run's parameters, its ``seed``, and the ``step``, where it was recorded with one."""
    about: Mapping[str, Any]

    def data(self) -> bytes:
        return self.path.read_bytes()


def known_models(folder: Path | None = None) -> list[KeptModel]:
    """The models that a notebook in this folder (the current one) may show."""
    home = folder or Path.cwd()
    run = os.environ.get(RUN_FOLDER_VARIABLE)
    found: list[KeptModel] = []
    if run:
        found += models_of_run(RunPaths(folder=Path(run)), {})
        found += read_index(Path(run) / INDEX)
        return found
    found += read_index(home / "results" / FOLDER / INDEX)
    for record in sorted((home / "runs").glob("[0-9a-f]*/run.json")):
        document = read_json(record)
        if isinstance(document, Mapping) and document.get("status") == "done":
            when = {**(document.get("parameters") or {}), **_seed_of(document)}
            found += models_of_run(RunPaths(folder=record.parent), when)
    return list({kept.file: kept for kept in found}.values())


def models_of_run(run: RunPaths, when: Mapping[str, Any]) -> list[KeptModel]:
    """The models that one run recorded."""
    found = []
    for about_path in sorted(run.models.glob("*.json"))[:MOST_FILES]:
        path = about_path.with_suffix("").with_name(f"{about_path.name.removesuffix('.json')}.onnx")
        try:
            about = parse_json(about_path.read_text(encoding="utf-8"))
            name, step = str(about["name"]), about["step"]
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        stepped = {} if step is None else {"step": step}
        found.append(
            KeptModel(name=name, path=path, file=f"{name}-{digest}.onnx", when={**when, **stepped}, about=about)
        )
    return found


def write_index(path: Path, models: Iterable[KeptModel]) -> None:
    """Tells a notebook that draws of the models that there are."""
    write_text(path, index_text(models, path.parent))


def index_text(models: Iterable[KeptModel], beside: Path) -> str:
    """The index of models that lie beside it, or anywhere."""
    return to_json(
        [
            {
                "name": kept.name,
                "path": kept.path.name if kept.path.parent == beside else str(kept.path),
                "file": kept.file,
                "when": dict(kept.when),
                "about": dict(kept.about),
            }
            for kept in models
        ]
    )


def read_index(path: Path) -> list[KeptModel]:
    """The models of an index; none where there is none."""
    if not path.is_file():
        return []
    entries = read_json(path)
    if not isinstance(entries, Sequence):
        return []
    return [
        KeptModel(
            name=str(entry["name"]),
            path=path.parent / str(entry["path"]),
            file=str(entry["file"]),
            when=entry["when"],
            about=entry["about"],
        )
        for entry in entries
        if isinstance(entry, Mapping) and {"name", "path", "file", "when", "about"} <= entry.keys()
    ]


def _seed_of(record: Mapping[str, Any]) -> dict[str, Any]:
    return {} if record.get("seed") is None else {"seed": record["seed"]}
