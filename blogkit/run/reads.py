"""What a run imported and read beside its notebook, by what its kernel and the Python processes it started say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from blogkit.run.working import WorkingFolder
from blogkit.sources import is_source_place, repository_root
from blogkit.store import RunPaths, read_jsonl

MOST_FILES = 50
"""Files that a run's record names."""
_MOST_CHILDREN = 200
_DATA = frozenset(
    (
        ".arrow", ".csv", ".feather", ".h5", ".hdf5", ".json", ".jsonl", ".npy", ".npz", ".parquet", ".pickle", ".pkl",
        ".pt", ".pth", ".safetensors", ".tsv", ".xlsx",
    )
)  # fmt: skip
"""What counts as results or data outside the repository, where everything else may be a library's own."""


def children_of(work: RunPaths) -> Sequence[Mapping[str, Any]]:
    """What the Python processes that a run started said at their end; the file that they said it in goes."""
    path = work.folder / ".children.jsonl"
    found = list(islice(read_jsonl(path), _MOST_CHILDREN))
    with suppress(OSError):
        path.unlink()
    return found


def versions_of(facts: Mapping[str, Any], children: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The versions that a run imported, in its kernel and in its children; two of one package as ``2.1, 2.2``."""
    found: dict[str, dict[str, None]] = {}
    for process in (facts, *children):
        versions = process.get("versions")
        pairs = list(versions.items()) if isinstance(versions, Mapping) else []
        if process is not facts and process.get("python"):
            pairs.append(("python", process["python"]))
        for name, version in pairs[:500]:
            found.setdefault(str(name)[:100], {})[str(version)[:100]] = None
    python = facts.get("python")
    if python:
        found["python"] = {str(python): None} | found.get("python", {})
    return {name: ", ".join(versions) for name, versions in found.items()}


def files_read(place: WorkingFolder, processes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The data that a run read and did not make: by its path from the project, with 16 digits of its SHA-256.

    Files of the repository around the project, and data elsewhere, by its name alone. Code is not among them.
    """
    root = repository_root(place.project)
    found: dict[str, str] = {}
    for one in processes:
        names = one.get("read")
        for name in names if isinstance(names, list) else ():
            path = place.origin(Path(str(name)))
            shown = _shown_path(path, place.project, root) if path is not None else None
            if path is not None and shown is not None and len(found) < MOST_FILES and (digest := _file_digest(path)):
                found[shown] = digest
    return dict(sorted(found.items()))


def _shown_path(path: Path, project: Path, root: Path) -> str | None:
    if path.is_relative_to(root):
        inside = path.relative_to(project).parts if path.is_relative_to(project) else ()
        own = not inside or inside[0] not in {"runs", "results"}
        return Path(os.path.relpath(path, project)).as_posix() if own and is_source_place(path, root) else None
    hidden = any(part.startswith(".") or part in {"site-packages", "dist-packages"} for part in path.parts)
    return path.name if path.suffix.lower() in _DATA and not hidden and path.parts[1:2] not in {("usr",)} else None


def _file_digest(path: Path) -> str:
    with suppress(OSError):
        found = path.stat()
        return _digest_of(path, found.st_size, found.st_mtime_ns)
    return ""


@lru_cache(maxsize=1000)
def _digest_of(path: Path, size: int, changed: int) -> str:
    """Of a file in this state: a thousand runs read one data set once."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
