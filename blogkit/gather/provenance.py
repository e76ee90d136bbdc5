"""Where the evidence comes from, and what it cost: ``runs.json`` and ``compute.md``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from blogkit.coverage import Coverage, varying_parameters
from blogkit.gather.drawn import runs_drawn

_SOFTWARE = {
    "python": "Python",
    "torch": "PyTorch",
    "jax": "JAX",
    "tensorflow": "TensorFlow",
    "sklearn": "scikit-learn",
}
"""What a reader asks for first, by the name that is imported."""
_MOST_READ = 4
"""Files that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class GatheredTable:
    """The table that a project's figures are drawn from, and what is known of its runs."""

    project: str
    notebook: str | None
    """The name of the notebook that draws."""
    records: Sequence[Mapping[str, Any]]
    """The runs, as ``runs.json`` keeps them."""
    coverage: Coverage
    digest: str
    """Of the table's file."""

    def origin_of(self, spec: Mapping[str, Any], run: str | None = None) -> dict[str, Any]:
        """What a figure says of its making: the runs whose rows it draws, or, where no row says its run, the table.

        A chart that a ``run`` recorded is of that run. Facts of devices, time and commits are of those runs alone.
        """
        drawn = {run} if run else runs_drawn(spec, {str(record["id"]) for record in self.records})
        behind = [record for record in self.records if not drawn or record["id"] in drawn]
        origin = {"runs": [record["id"] for record in behind]} if drawn else {"table_runs": len(behind)}
        parameters = [record["parameters"] for record in behind]
        seeds = {record["seed"] for record in behind if record.get("seed") is not None}
        missing = {"planned": self.coverage.count()} if self.coverage.missing else {}
        return {
            "project": self.project,
            "notebook": self.notebook,
            **origin,
            **missing,
            "seeds": len(seeds),
            "varied": {
                name: list({repr(each.get(name)): each.get(name) for each in parameters}.values())
                for name in varying_parameters(parameters)
                if name != "seed"
            },
            "devices": sorted({str(record["device"]) for record in behind if record.get("device")}),
            **({"read": read} if (read := files_read(behind)) else {}),
            **({"mixed": mixed} if (mixed := mixed_versions(behind)) else {}),
            "seconds": round(sum(float(record.get("seconds") or 0) for record in behind), 1),
            **code_state(behind),
            "data": self.digest,
            "command": f"blogkit run {self.project} && blogkit gather {self.project}",
        }


def code_state(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which commits hold the code of runs, and how many runs were of code that no commit holds as it was."""
    held = [run for run in runs if run.get("commit") and not run.get("untracked")]
    state: dict[str, Any] = {"commits": sorted({str(run["commit"]) for run in held})}
    for key, count in (
        ("dirty", sum(bool(run.get("dirty")) for run in held)),
        ("untracked", sum(bool(run.get("untracked")) for run in runs)),
    ):
        if count:
            state[key] = "all" if count == len(runs) else count
    return state


def compute_statement(runs: Sequence[Mapping[str, Any]], coverage: Coverage | None = None) -> str:
    """One paragraph on the cost of the evidence, for the post: runs, time, devices, memory, energy, software.

    Where planned runs are missing, it says how many, and why.
    """
    if not runs:
        return "No run has been gathered yet.\n"
    seconds = sum(float(run.get("seconds") or 0) for run in runs)
    longest = max(float(run.get("seconds") or 0) for run in runs)
    seeds = {run["seed"] for run in runs if run.get("seed") is not None}
    missing = coverage is not None and bool(coverage.missing)
    count = f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}"
    if missing and coverage is not None:
        count = coverage.count()
    sentences = [
        f"The evidence stands on {count}"
        + (f" over {len(seeds)} seeds" if len(seeds) > 1 else "")
        + f", which took {duration(seconds)} in all; the longest took {duration(longest)}."
    ]
    if missing and coverage is not None:
        sentences.append(f"Missing: {_plain_words(coverage.reasons(), 300)}.")
    devices = Counter(_plain_words(run["device"]) for run in runs if run.get("device"))
    if devices:
        named = _listed_words(
            f"{device}" + (f" ({n} runs)" if len(devices) > 1 else "") for device, n in devices.most_common()
        )
        sentences.append(f"Device: {named}.")
    memory = [float(run["peak_memory"]) for run in runs if run.get("peak_memory")]
    gpu_memory = [float(run["peak_gpu_memory"]) for run in runs if run.get("peak_gpu_memory")]
    if memory:
        extra = f", and {_size_in_words(max(gpu_memory))} on the GPU" if gpu_memory else ""
        sentences.append(f"A run needed at most {_size_in_words(max(memory))} of memory{extra}.")
    energy = [float(run["energy"]) for run in runs if run.get("energy")]
    if energy:
        sentences.append(f"The GPU used {sum(energy) / 3.6e6:.3g} kWh.")
    versions = _shown_versions(runs)
    if versions:
        sentences.append(f"Software: {'; '.join(versions) if '(' in ''.join(versions) else _listed_words(versions)}.")
    rest = [one for one in mixed_versions(runs) if one not in versions]
    if rest:
        sentences.append(f"Not all runs are of the same versions: {_plain_words('; '.join(rest), 500)}.")
    read = [f"`{_plain_words(name)}`" for name in files_read(runs)]
    if read:
        sentences.append(
            f"The runs read data that they did not make, and whose cost is not counted here: {', '.join(read)}."
        )
    return " ".join(sentences) + "\n"


def _plain_words(text: object, most: int = 100) -> str:
    """A name from a record, which may come from anybody, without what a post's Markdown would act upon."""
    return " ".join(re.sub(r"[<>{}`$\[\]|\\]", "", str(text)).split())[:most]


def duration(seconds: float) -> str:
    """Seconds as a reader wants them: 8 seconds, 3.5 minutes, 2.1 hours."""
    if seconds < 90:
        return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.1f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _size_in_words(size: float) -> str:
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _shown_versions(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Python and the packages that a reader asks for first; how many runs each is of, where they differ."""
    found = _runs_by_version(runs)
    return [f"{shown} {_version_words(found[name])}" for name, shown in _SOFTWARE.items() if name in found]


def mixed_versions(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What runs were made with in more than one version: ``numpy 2.1 (3 runs) and 2.2 (6 runs)``."""
    found = _runs_by_version(runs)
    return [
        f"{_SOFTWARE.get(name, _plain_words(name))} {_version_words(found[name])}"
        for name in sorted(found)
        if len(found[name]) > 1 and name != "blogkit"
    ]


def _runs_by_version(runs: Sequence[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for run in runs:
        versions = run.get("versions")
        for name, version in (versions if isinstance(versions, Mapping) else {}).items():
            found.setdefault(str(name), Counter())[_plain_words(version)] += 1
    return found


def _version_words(versions: Counter[str]) -> str:
    if len(versions) == 1:
        return next(iter(versions))
    return _listed_words(
        f"{version} ({count} {'run' if count == 1 else 'runs'})" for version, count in sorted(versions.items())
    )


def files_read(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The data that runs read and did not make; many of one folder as ``data/*.csv (12 files)``."""
    names = sorted({str(name) for run in runs if isinstance(run.get("read"), Mapping) for name in run["read"]})
    if len(names) <= _MOST_READ:
        return names
    groups = Counter(f"{PurePosixPath(name).parent / '*'}{PurePosixPath(name).suffix}" for name in names)
    if len(groups) > _MOST_READ:
        groups = Counter(f"{PurePosixPath(name).parts[0]}/…" for name in names)
    return [f"{name} ({count} files)" for name, count in sorted(groups.items())]


def _listed_words(words: Iterable[str]) -> str:
    """Words as a sentence lists them."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
