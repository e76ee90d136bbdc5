"""Slurm, through submitit: jobs are handed in, looked up and cancelled; the queue itself is Slurm's.

Nothing is asked of Slurm's accounting, which many clusters do not have: a job is where ``squeue`` says, and what came
of it is what the store says. A job's comment names its run, so that a job is recognised by whoever looks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from blogkit.errors import ToolFailed, ToolMissing
from blogkit.model import Cluster

_COMMENT = "blogkit:"
_OVER = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}
"""States of jobs that squeue still shows for a while after their end."""
_LIMITS = ("MaxSubmit", "AssocMaxJobs", "Job violates", "SubmitLimit")
"""Words of sbatch when a user may have no more jobs in the queue; it is tried again when some have ended."""


class QueueFull(Exception):
    """Slurm takes no more jobs of this user for now."""


class SlurmQueue:
    """One user's jobs on one cluster."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        if shutil.which("sbatch") is None:
            message = f"The cluster {cluster.name!r} needs Slurm's commands, and sbatch is not on this machine's PATH."
            raise ToolMissing(message, hint="Give the command on the cluster's login node.")
        try:
            import submitit
        except ImportError as error:
            raise ToolMissing("submitit is not installed.", hint="pip install 'blogkit[slurm]'") from error
        self.cluster, self.folder = cluster, folder
        self._submitit = submitit

    def submit(self, project: str, run_id: str, number: int, call: Callable[..., Any], *arguments: Any) -> str:
        """Hands one run in and gives the job's id. Raises QueueFull when it is refused for now, else ToolFailed.

        Of ``max_parallel`` runs at a time, each waits for the one before with its name (Slurm's *singleton*), so the
        limit holds without anything of ours staying alive.
        """
        cluster = self.cluster
        extra: dict[str, Any] = {"comment": f"{_COMMENT}{run_id}", "open-mode": "append", **dict(cluster.options)}
        name = f"{project}-{run_id}"
        if cluster.max_parallel:
            name = f"{project}-{number % cluster.max_parallel}"
            extra["dependency"] = "singleton"
        if cluster.requeue:
            extra["requeue"] = True
        executor = self._submitit.SlurmExecutor(folder=self.folder, max_num_timeout=0)
        wanted = {
            "job_name": name,
            "time": cluster.minutes,
            "partition": cluster.partition,
            "account": cluster.account,
            "qos": cluster.qos,
            "gres": cluster.gres,
            "mem": cluster.memory,
            "cpus_per_task": cluster.cpus,
            "setup": list(cluster.setup) or None,
            "signal_delay_s": cluster.warning,
            "additional_parameters": extra,
            "stderr_to_stdout": True,
        }
        executor.update_parameters(**{key: value for key, value in wanted.items() if value is not None})
        try:
            job = executor.submit(_job_class(self._submitit)(call), *arguments)
        except (RuntimeError, OSError, subprocess.SubprocessError, self._submitit.core.utils.FailedJobError) as error:
            text = str(error)
            if any(word in text for word in _LIMITS):
                raise QueueFull(text) from error
            hint = f"The profile is `clusters: {cluster.name}`; try its values with sbatch by hand."
            raise ToolFailed(f"sbatch did not take the job: {text.strip()[-600:]}", hint=hint) from error
        finally:
            for left in self.folder.glob(".submission_file_*"):  # the job's own copy is JOB_submission.sh
                left.unlink(missing_ok=True)
        return str(job.job_id)

    def jobs(self) -> dict[str, tuple[str, str]] | None:
        """Of each run that has a job in the queue, the job's id and state; None when Slurm does not answer now."""
        command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%T|%k"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode != 0:
            return None
        found: dict[str, tuple[str, str]] = {}
        for line in done.stdout.splitlines():
            job, _, rest = line.strip().partition("|")
            state, _, comment = rest.partition("|")
            if comment.startswith(_COMMENT) and state not in _OVER:
                found[comment.removeprefix(_COMMENT)] = (job, state.lower())
        return found

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Takes jobs out of the queue, or ends them."""
        if job_ids:
            done = subprocess.run(["scancel", *job_ids], capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise ToolFailed(f"scancel: {done.stderr.strip()}", hint="`squeue` shows what is still there.")

    def close(self) -> None:
        """Slurm's commands hold nothing open."""


def _job_class(submitit: Any) -> type[Any]:
    """A call that submitit may requeue as it stands, because what is done is in the store."""
    return _make_job_class(submitit.helpers.Checkpointable)


def _make_job_class(base: type[Any]) -> type[Any]:
    class Job(base):  # type: ignore[misc]
        """A call."""

        def __init__(self, call: Callable[..., Any]) -> None:
            self.call = call

        def __call__(self, *arguments: Any) -> Any:
            return self.call(*arguments)

    return Job
