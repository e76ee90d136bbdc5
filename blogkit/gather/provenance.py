"""Where the evidence comes from, and what it cost: ``runs.json`` and ``compute.md``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SOFTWARE = {
    "python": "Python",
    "torch": "PyTorch",
    "jax": "JAX",
    "tensorflow": "TensorFlow",
    "sklearn": "scikit-learn",
}
"""What a reader asks for first, by the name that is imported."""


def compute_statement(runs: Sequence[Mapping[str, Any]]) -> str:
    """One paragraph on the cost of the evidence, for the post: runs, time, devices, memory, energy, software."""
    if not runs:
        return "No run has been gathered yet.\n"
    seconds = sum(float(run.get("seconds") or 0) for run in runs)
    longest = max(float(run.get("seconds") or 0) for run in runs)
    seeds = {run["seed"] for run in runs if run.get("seed") is not None}
    count = f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}"
    sentences = [
        f"The evidence stands on {count}"
        + (f" over {len(seeds)} seeds" if len(seeds) > 1 else "")
        + f", which took {duration(seconds)} in all; the longest took {duration(longest)}."
    ]
    devices = Counter(_words(run["device"]) for run in runs if run.get("device"))
    if devices:
        named = _listed(
            f"{device}" + (f" ({n} runs)" if len(devices) > 1 else "") for device, n in devices.most_common()
        )
        sentences.append(f"Device: {named}.")
    memory = [float(run["peak_memory"]) for run in runs if run.get("peak_memory")]
    gpu_memory = [float(run["peak_gpu_memory"]) for run in runs if run.get("peak_gpu_memory")]
    if memory:
        extra = f", and {_gigabytes(max(gpu_memory))} on the GPU" if gpu_memory else ""
        sentences.append(f"A run needed at most {_gigabytes(max(memory))} of memory{extra}.")
    energy = [float(run["energy"]) for run in runs if run.get("energy")]
    if energy:
        sentences.append(f"The GPU used {sum(energy) / 3.6e6:.3g} kWh.")
    versions = _versions(runs)
    if versions:
        sentences.append(f"Software: {_listed(versions)}.")
    return " ".join(sentences) + "\n"


def _words(text: object) -> str:
    """A name from a record, which may come from anybody, without what a post's Markdown would act upon."""
    return " ".join(re.sub(r"[<>{}`$\[\]|\\]", "", str(text)).split())[:100]


def duration(seconds: float) -> str:
    """Seconds as a reader wants them: 8 seconds, 3.5 minutes, 2.1 hours."""
    if seconds < 90:
        return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.1f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _versions(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Python and the packages that a reader asks for first, where all runs agree on them."""
    found: dict[str, set[str]] = {}
    for run in runs:
        versions = run.get("versions")
        for name, version in (versions if isinstance(versions, Mapping) else {}).items():
            found.setdefault(str(name), set()).add(_words(version))
    return [f"{shown} {', '.join(sorted(found[name]))}" for name, shown in _SOFTWARE.items() if name in found]


def _listed(words: Iterable[str]) -> str:
    """Words as a sentence lists them."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
