"""What the execution of a notebook is given, and what it gives: how its kernel starts, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blogkit.model import RunStatus


@dataclass(frozen=True, kw_only=True)
class KernelStart:
    """How a kernel's process comes to be: by one of Jupyter's kernel provisioners, named as its entry point."""

    provisioner: str = "local-provisioner"
    config: Mapping[str, Any] = field(default_factory=dict)
    """What the provisioner is given, by trait."""
    batch: bool = True
    """Whether a new process of this Python is one without a debugger that leaves at once when it is done."""


ORDINARY = KernelStart()
"""A new Python process, but for what a batch run has no use for."""
PLAIN = KernelStart(batch=False)
"""A new Python process, exactly as Jupyter starts it."""


@dataclass(frozen=True, kw_only=True)
class NotebookOutcome:
    """How an execution ended. What it left is in the output notebook, also when it did not succeed."""

    status: RunStatus
    seconds: float
    """Wall-clock time, from asking for a kernel until it was gone."""
    reason: str = ""
    """One line; empty when done."""
    cell: int | None = None
    """The cell it ended in, counted from 1 in the notebook that was given; None outside of a cell."""
    traceback: str = ""
    """Of the exception, without colours; empty when there is none."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the kernel said of itself at the end: ``python``, ``versions`` of the notebook's imports, ``cuda`` device
    names, ``memory_mb`` and ``gpu_memory_mb`` at their peaks. Empty where it could not be asked."""

    @property
    def done(self) -> bool:
        return self.status is RunStatus.DONE
