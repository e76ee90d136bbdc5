"""A dask.distributed scheduler that runs somewhere: several machines without Slurm, one shared folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from blogkit.errors import ToolFailed, ToolMissing
from blogkit.model import Cluster

_PREFIX = "blogkit-"


class DaskQueue:
    """The runs that a scheduler holds. They stay there when this process leaves."""

    def __init__(self, cluster: Cluster) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise ToolMissing("dask.distributed is not installed.", hint="pip install 'blogkit[dask]'") from error
        if not cluster.address:
            message = f"the cluster {cluster.name!r} has no address."
            raise ToolFailed(message, hint="Write `address: tcp://HOST:8786` in its profile.")
        try:
            self._client: Any = Client(cluster.address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
        except OSError as error:
            message = f"No scheduler answers at {cluster.address}."
            raise ToolFailed(message, hint="`dask scheduler` and `dask worker ADDRESS` start one.") from error

    def submit(self, project: str, run_id: str, number: int, call: Callable[..., Any], *arguments: Any) -> str:
        """Hands one run in and gives its key."""
        from distributed import fire_and_forget

        key = f"{_PREFIX}{run_id}"
        future = self._client.submit(call, *arguments, key=key, pure=False, retries=0)
        fire_and_forget(future)  # type: ignore[no-untyped-call]
        return key

    def jobs(self) -> dict[str, tuple[str, str]] | None:
        """Of each run that the scheduler holds, its key and state; None when it does not answer now."""
        try:
            states: dict[str, str] = self._client.run_on_scheduler(_states)
        except (OSError, TimeoutError):
            return None
        live = {"waiting": "pending", "queued": "pending", "no-worker": "pending", "processing": "running"}
        return {key.removeprefix(_PREFIX): (key, live[state]) for key, state in states.items() if state in live}

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Takes runs back that have not begun; one that runs is finished."""
        from distributed import Future

        self._client.cancel([Future(key, self._client) for key in job_ids], force=True)

    def close(self) -> None:
        """Leaves the scheduler, and what it holds."""
        self._client.close()


def _states(dask_scheduler: Any) -> dict[str, str]:
    """On the scheduler: every task of ours and where it stands."""
    return {str(key): task.state for key, task in dask_scheduler.tasks.items() if str(key).startswith(_PREFIX)}
