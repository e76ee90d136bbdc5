"""Stored runs whose records are not what the run left: a disk's error, an edit by hand, a file of somebody else's pack.

Such a run is no evidence. It is set aside among the failures, whole, with the file and line that is wrong; ``blogkit
run`` makes it again, as any failed one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.errors import StoreError
from blogkit.model import Run
from blogkit.store import ProjectPaths, RunPaths, keep_failure, parse_json, stored_ids, to_json, write_text

DAMAGED = "damaged"
"""The status of such a run in its record."""


@dataclass(frozen=True, kw_only=True)
class DamagedRun:
    """A stored run that was set aside."""

    run: Run
    reason: str
    """Which file and line is wrong, and how."""
    folder: Path
    """Where it is kept now."""


def record_digests(run: RunPaths) -> dict[str, str]:
    """The SHA-256 of each file that a run recorded its numbers in, as its ``run.json`` keeps them."""
    files = (run.metrics, run.values, run.index)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def damage_of(run: Run, folder: RunPaths) -> str:
    """What is wrong with the records of a stored run, with file and line; empty when they are what the run left."""
    try:
        record = parse_json(folder.record.read_bytes())
    except OSError:
        return f"{folder.record.name} is missing"
    except ValueError as error:
        return f"{folder.record.name} is not readable ({error})"
    if not isinstance(record, dict):
        return f"{folder.record.name} is no record of a run"
    if record.get("id", run.id) != run.id:
        return f"{folder.record.name} is the record of another run ({record['id']})"
    stated = record.get("parameters")
    if stated is not None and _canonical_text(stated) != _canonical_text(dict(run.parameters)):
        return f"{folder.record.name} states other parameters than the run has"
    digests = record.get("records")
    return _damaged_file(folder, digests if isinstance(digests, Mapping) else None)


def set_damaged_aside(paths: ProjectPaths, runs: Sequence[Run]) -> tuple[DamagedRun, ...]:
    """Puts the stored runs among ``runs`` that are damaged among the failures. Raises StoreError when it cannot."""
    stored = stored_ids(paths)
    found = []
    for run in runs:
        if run.id not in stored:
            continue
        folder = RunPaths(folder=paths.runs / run.id)
        if not (reason := damage_of(run, folder)):
            continue
        record: Any = {}
        with suppress(OSError, ValueError):
            record = parse_json(folder.record.read_bytes())
        kept = record if isinstance(record, dict) else {}
        write_text(
            folder.record,
            to_json({**_finite_entries(kept), "id": run.id, "parameters": dict(run.parameters), "status": DAMAGED,
                     "reason": reason}),
        )  # fmt: skip
        try:
            paths.work.mkdir(parents=True, exist_ok=True)
            kept_folder = keep_failure(paths, run.id, folder).folder
        except OSError as error:
            raise StoreError(f"could not be set aside: {error.strerror}.", path=folder.folder) from error
        found.append(DamagedRun(run=run, reason=reason, folder=kept_folder))
    return tuple(found)


def _damaged_file(folder: RunPaths, digests: Mapping[str, Any] | None) -> str:
    """Which of the files is not as the run left it, by its digest where the run noted one, else line by line."""
    checks: dict[Path, Callable[[Mapping[str, Any]], bool]] = {
        folder.metrics: _is_metric,
        folder.values: lambda entry: isinstance(entry.get("value"), str),
        folder.index: lambda entry: isinstance(entry.get("kind"), str) and isinstance(entry.get("name"), str),
    }
    for path, is_sound in checks.items():
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            if digests is not None and path.name in digests:
                return f"{path.name} is missing"
            continue
        except OSError as error:
            return f"{path.name} is not readable ({error.strerror})"
        if digests is not None and digests.get(path.name) == hashlib.sha256(data).hexdigest():
            continue
        if (line := _unsound_line(data.splitlines(), is_sound)) is not None:
            return f"{path.name}, line {line}, is no record"
        if digests is not None:
            return f"{path.name} is not what the run recorded"
    return ""


def _unsound_line(lines: Iterable[bytes], is_sound: Callable[[Mapping[str, Any]], bool]) -> int | None:
    """The first line that is no record, counted from 1."""
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_json(line)
        except ValueError:
            return number
        if not isinstance(entry, dict) or not is_sound(entry):
            return number
    return None


def _is_metric(entry: Mapping[str, Any]) -> bool:
    step = entry.get("step")
    return (
        isinstance(entry.get("metric"), str) and _is_number(entry.get("value")) and (step is None or _is_number(step))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _canonical_text(parameters: Any) -> str:
    return json.dumps(parameters, sort_keys=True, default=str)


def _finite_entries(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what no JSON of ours may hold."""
    found = {}
    for key, value in record.items():
        with suppress(ValueError):
            json.dumps(value, allow_nan=False)
            found[key] = value
    return found
