"""The values that stages hand to each other.

All are frozen and keyword-only. Those that a user writes in a file (``Sweep``, ``Budget``, ``SiteConfig``) are read and
checked by :mod:`blogkit.config`; the others are made by one stage and taken by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from blogkit.errors import Problem

Parameters = Mapping[str, Any]
"""A run's parameters by name: JSON values, since they cross from YAML through Papermill into the notebook."""

_STRICT: dict[str, str] = {"extra": "forbid"}


# --- what the user writes -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a sweep may cost before blogkit asks or stops."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    minutes: float | None = None
    """Wall-clock minutes that the sweep's runs may take in all, also over several commands."""
    runs: int | None = None
    """How many runs the sweep may make in all."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A named size of the same sweep; what it gives replaces what the sweep says, key by key."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that differ at this scale."""
    grid: Mapping[str, list[Any]] = field(default_factory=dict)
    """Axes of the grid that differ at this scale."""
    runs: list[dict[str, Any]] | None = None
    """The list of runs at this scale; the sweep's own when left out."""
    exclude: list[dict[str, Any]] | None = None
    """What is left out at this scale; the sweep's own when left out."""
    seeds: int | list[int] | None = None
    """The seeds at this scale; the sweep's own when left out."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """``sweep.yml``: which runs the evidence needs. Every key has a default, so an empty file is one run."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    notebook: str = "experiment.ipynb"
    """The notebook of one run, beside the post; it has a cell tagged ``parameters``."""
    figures: str = "figures.ipynb"
    """The notebook that draws over the gathered table; left out where there is no such file."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The same for every run."""
    grid: Mapping[str, list[Any]] = field(default_factory=dict)
    """Every combination of these is run, for every seed."""
    runs: list[dict[str, Any]] = field(default_factory=list)
    """Sets of parameters, one by one, where a grid would be too much; each is run with every combination of the grid,
    if there is one, for every seed."""
    exclude: list[dict[str, Any]] = field(default_factory=list)
    """Combinations that are left out: those that have every value an entry names. A value may be a list, or a
    comparison in quotes, such as ``"> 64"``."""
    seeds: int | list[int] = 1
    """How many seeds (0, 1, 2, …), or the seeds themselves."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """Named sizes of the sweep, such as ``small`` and ``full``."""
    scale: str | None = None
    """The scale that is run when the command names none."""
    inputs: list[str] = field(default_factory=list)
    """Files that a run reads, as globs from the project folder, also `../` within the repository: a change in one makes
    new runs."""
    shared: list[str] = field(default_factory=list)
    """Folders in the project that all runs share, such as ``data`` where a library downloads to. Each run works in a
    folder of its own, with copies of the project's files; what it writes elsewhere than here stays with the run."""
    threads: int = 1
    """CPU threads of a run. Part of the run's id: another number can give other bits."""
    runs_per_gpu: int = 1
    """How many runs share a GPU."""
    time_limit: float | None = None
    """Minutes after which a run is stopped and counts as failed."""
    budget: Budget = field(default_factory=Budget)
    """How much the sweep may cost."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A profile under ``blogkit: clusters:`` of ``_quarto.yml``, or in ``~/.config/blogkit/clusters.toml``."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    engine: str
    """``slurm``, or ``dask`` for the address of a scheduler."""
    name: str = ""
    """The profile's own name, which the key gives."""
    partition: str | None = None
    """Where jobs are queued."""
    account: str | None = None
    """Who is charged."""
    qos: str | None = None
    """The quality of service, where the cluster has several."""
    minutes: int = 60
    """The time limit of one job, which is one run."""
    gres: str | None = None
    """Such as ``gpu:1``."""
    cpus: int | None = None
    """Cores of one job; what the cluster gives by itself, when left out."""
    memory: str | None = None
    """Such as ``8G``."""
    max_parallel: int | None = None
    """Runs at the same time."""
    max_queued: int | None = None
    """Jobs in the queue at the same time, where the cluster limits them; the rest is handed in as they end."""
    setup: list[str] = field(default_factory=list)
    """Shell lines before the run, such as ``module load cuda``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Any other option of sbatch, by its long name."""
    requeue: bool = True
    """Whether a preempted run is started again by Slurm."""
    address: str | None = None
    """Of a dask scheduler."""
    grace: float = 60.0
    """Seconds in which the result of a job that has ended may still arrive through the file system."""

    @property
    def warning(self) -> int:
        """Seconds before the end of its time at which a job is warned; Slurm may be a minute early."""
        return min(90, max(30, self.minutes * 60 // 10))


@dataclass(frozen=True, kw_only=True)
class SiteConfig:
    """The key ``blogkit:`` of ``_quarto.yml``."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    profile: str = "mit-6.7960"
    """A bundled profile's name, or a path to a file of your own."""
    theme: str = "course"
    """The look of the pages: ``course`` or ``journal``."""
    engine: str = "auto"
    """What renders: ``quarto``, ``pandoc`` (the embedded one), or ``auto``: Quarto where it is installed."""
    clusters: Mapping[str, Any] = field(default_factory=dict)
    """Machines that run sweeps, each by a name of yours."""
    env: list[str] = field(default_factory=list)
    """Environment variables that `{{< env NAME >}}` may show; a page shows no other."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A folder with a ``_quarto.yml``: where posts are, and where pages go."""

    root: Path
    """Absolute."""
    quarto: Mapping[str, Any]
    """The whole of ``_quarto.yml``, as Quarto reads it."""
    config: SiteConfig
    projects: tuple[Project, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files of its projects."""
        return tuple(problem for project in self.projects for problem in project.problems)

    @property
    def output(self) -> Path:
        """The folder of the rendered pages (Quarto's ``project.output-dir``, by default ``_site``)."""
        project = self.quarto.get("project") or {}
        return self.root / str(project.get("output-dir") or "_site")


@dataclass(frozen=True, kw_only=True)
class Project:
    """One post with its evidence: a folder of ``projects/``."""

    folder: Path
    """Absolute."""
    sweep: Sweep | None
    """None when the folder has no ``sweep.yml``: a post without runs of its own."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with its ``sweep.yml``, which then cannot be used."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def post(self) -> Path:
        """The post's source: ``index.qmd``, or a notebook as a post."""
        notebook = self.folder / "index.ipynb"
        return notebook if notebook.exists() and not (self.folder / "index.qmd").exists() else self.folder / "index.qmd"


# --- run ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of a notebook: known before it happens, and named after what it depends on."""

    id: str
    """12 hexadecimal digits: a hash of the notebook's code, the parameters, what it imports, and the inputs."""
    project: str
    notebook: Path
    parameters: Parameters
    seed: int | None
    threads: int = 1
    time_limit: float | None = None
    """Seconds."""


class RunStatus(StrEnum):
    """How a run ended; a run that never started is not the same as one that raised."""

    DONE = "done"
    FAILED = "failed"
    """A cell raised."""
    DIED = "died"
    """The kernel died: out of memory, a signal, a crash."""
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"
    NOT_STARTED = "not started"
    """No kernel, or no place to put the results."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What came of a run, for every run of a sweep: an expected failure is a value."""

    run: Run
    status: RunStatus
    seconds: float
    reason: str = ""
    """One line: the exception, or what killed the kernel; empty when done."""
    cell: int | None = None
    """The failing code cell, counted from 1 among all cells as Jupyter shows them."""
    folder: Path | None = None
    """Where its notebook, log and records are kept."""


# --- render ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RenderedPage:
    """A file of the rendered site, and the source it was rendered from."""

    source: Path
    """Absolute; a ``.qmd`` or ``.ipynb``."""
    output: Path
    """Absolute; the ``.html``."""
    title: str = ""
    project: str | None = None
    """The project whose post it is; None for the site's own pages."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a rendering made."""

    engine: str
    root: Path
    """The output folder, absolute."""
    pages: tuple[RenderedPage, ...]
    warnings: tuple[str, ...] = ()
    files: frozenset[str] | None = None
    """The names, from the root on, of all files that the site holds; None where that is not known, and all there are
    count."""


# --- check ----------------------------------------------------------------------------------------------------------


class Level(StrEnum):
    """How much a finding weighs: rejected, costs points, good practice."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One place where a post departs from the venue's format."""

    code: str
    """Stable, such as ``BK102``; `blogkit check --explain CODE` says more."""
    level: Level
    message: str
    """One line."""
    path: Path | None = None
    """The source that the author edits, wherever it is known; otherwise the rendered file."""
    line: int | None = None
    fix: str = ""
    """What to do, one sentence."""
    waived: str = ""
    """The author's reason, when the front matter waives the rule."""


# --- publish --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Release:
    """What was published, and where it lies."""

    project: str | None
    """None when the whole site was published."""
    target: str
    """``zip``, ``folder``, ``gh-pages`` or ``single-html``."""
    path: Path
    bytes: int
    files: int
    address: str = ""
    """Where readers will find it, where that is known."""
    notes: tuple[str, ...] = ()
    """What whoever publishes should know of it, one sentence each."""
