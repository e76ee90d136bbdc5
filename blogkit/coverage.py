"""Planned against done: which runs of a sweep have results, and why the others have none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from blogkit.errors import StoreError
from blogkit.model import Parameters, Run
from blogkit.store import ProjectPaths, RunPaths, read_json, read_results, recording_digest, stored_ids

_REASON_LENGTH = 200


class Absence(StrEnum):
    """Why a planned run has no results."""

    FAILED = "failed"
    STOPPED = "stopped"
    DAMAGED = "damaged"
    """Its records are not what it left."""
    NOT_GATHERED = "made since, but not gathered"
    PLANNED_SINCE = "planned since the results were gathered"
    NEVER_RUN = "never run"


@dataclass(frozen=True, kw_only=True)
class MissingRun:
    """A planned run that is not in the results."""

    id: str
    parameters: Parameters
    absence: Absence
    reason: str = ""
    """What its record says of the failure."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of a sweep its results hold."""

    planned: int
    missing: tuple[MissingRun, ...] = ()
    varying: tuple[str, ...] = ()
    """The parameters in which the planned runs differ."""
    outside: int = 0
    """Runs in the results that are not planned any more: of earlier code, or of other parameters."""
    made_again: int = 0
    """Runs in the results whose folder here is of a later execution."""

    @property
    def whole(self) -> bool:
        """Whether the results hold each planned run as it is stored now."""
        return not self.missing and not self.outside and not self.made_again

    def count(self) -> str:
        """``7 of 9 planned runs``."""
        return f"{self.planned - len(self.missing)} of {self.planned} planned {_runs(self.planned)}"

    def reasons(self) -> str:
        """``2 failed (norm=batch), 1 never run``: what is missing, by why, with the parameters that it shares."""
        parts = []
        for absence in Absence:
            group = [one for one in self.missing if one.absence is absence]
            if group:
                shared = self._shared_parameters(group)
                parts.append(f"{len(group)} {absence.value}" + (f" ({shared})" if shared else ""))
        return ", ".join(parts)

    def _shared_parameters(self, group: Sequence[MissingRun]) -> str:
        if len(group) == self.planned:
            return ""
        first = group[0].parameters
        shared = [
            name
            for name in self.varying
            if name in first and all(one.parameters.get(name) == first[name] for one in group)
        ]
        return " ".join(f"{name}={first[name]}" for name in shared)


def coverage_of(paths: ProjectPaths, planned: Sequence[Run], *, results: Collection[str]) -> Coverage:
    """How much of the planned runs is among ``results`` (ids), and why the others are not.

    A failure is known from the store, or, on a clone, from what was noted when the results were gathered.
    """
    noted = noted_coverage(paths)
    earlier = {one.id: one for one in noted.missing} if noted is not None else {}
    missing = [run for run in planned if run.id not in results]
    stored = stored_ids(paths) if missing else frozenset()
    return Coverage(
        planned=len(planned),
        missing=tuple(_missing_run(paths, run, stored, earlier, noted) for run in missing),
        varying=varying_parameters([run.parameters for run in planned]),
    )


def gathered_coverage(
    paths: ProjectPaths, planned: Sequence[Run], executions: Mapping[str, str] | None = None
) -> Coverage | None:
    """The same of the gathered results, which may also hold runs that are not planned any more, or were made again.

    None where nothing was gathered. ``executions`` are the digests of stored runs that are known already.
    """
    document = read_results(paths)
    if not document:
        return None
    records = {str(run["id"]): run for run in document["runs"]}
    found = coverage_of(paths, planned, results=records)
    stored = stored_ids(paths)
    again = [
        name
        for name, record in records.items()
        if name in stored
        and record.get("digest") is not None
        and record["digest"] != ((executions or {}).get(name) or recording_digest(RunPaths(folder=paths.runs / name)))
    ]
    return Coverage(
        planned=found.planned,
        missing=found.missing,
        varying=found.varying,
        outside=len(records.keys() - {run.id for run in planned}),
        made_again=len(again),
    )


def noted_coverage(paths: ProjectPaths) -> Coverage | None:
    """What ``runs.json`` says was planned and missing when it was written; None where it does not say."""
    document = read_results(paths)
    planned = document.get("planned") if document else None
    if not isinstance(planned, int):
        return None
    missing = []
    for entry in document.get("missing") or []:
        with suppress(KeyError, TypeError, ValueError):
            missing.append(
                MissingRun(
                    id=str(entry["id"]),
                    parameters=dict(entry["parameters"]),
                    absence=Absence(entry["why"]),
                    reason=str(entry.get("reason", "")),
                )
            )
    parameters = [run.get("parameters") or {} for run in document["runs"]]
    return Coverage(
        planned=planned,
        missing=tuple(missing),
        varying=varying_parameters([*parameters, *(one.parameters for one in missing)]),
    )


def note(coverage: Coverage) -> dict[str, Any]:
    """The entries of ``runs.json`` that :func:`noted_coverage` reads."""
    missing = []
    for one in coverage.missing:
        absence = Absence.NEVER_RUN if one.absence is Absence.PLANNED_SINCE else one.absence
        entry = {"id": one.id, "parameters": dict(one.parameters), "why": absence.value}
        missing.append(entry | ({"reason": one.reason} if one.reason else {}))
    return {"planned": coverage.planned, "missing": missing}


def varying_parameters(runs: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The parameters in which runs differ, in the order of their first appearance."""
    names = dict.fromkeys(name for parameters in runs for name in parameters)
    return tuple(name for name in names if len({repr(parameters.get(name)) for parameters in runs}) > 1)


_ABSENCES = {"interrupted": Absence.STOPPED, "damaged": Absence.DAMAGED}


def _missing_run(
    paths: ProjectPaths, run: Run, stored: Collection[str], earlier: Mapping[str, MissingRun], noted: Coverage | None
) -> MissingRun:
    absence, reason = Absence.NEVER_RUN, ""
    if run.id in stored:
        absence = Absence.NOT_GATHERED
    elif (record := _failure_record(paths, run.id)) is not None:
        absence = _ABSENCES.get(str(record.get("status")), Absence.FAILED)
        reason = " ".join(str(record.get("reason") or "").split())[:_REASON_LENGTH]
    elif run.id in earlier:
        absence, reason = earlier[run.id].absence, earlier[run.id].reason
    elif noted is not None:
        absence = Absence.PLANNED_SINCE
    return MissingRun(id=run.id, parameters=dict(run.parameters), absence=absence, reason=reason)


def _failure_record(paths: ProjectPaths, run_id: str) -> Mapping[str, Any] | None:
    """The record of a run's last failure; an empty one where it cannot be read."""
    folder = paths.failed / run_id
    if not folder.is_dir():
        return None
    with suppress(StoreError):
        record = read_json(RunPaths(folder=folder).record)
        if isinstance(record, dict):
            return record
    return {}


def _runs(count: int) -> str:
    return "run" if count == 1 else "runs"
