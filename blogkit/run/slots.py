"""The places where runs may go on at the same time on one machine, leased and given back.

A GPU is one place, or as many as ``runs_per_gpu`` says; without GPUs, a place is as many cores as a run has threads.
A run hears of its place by its environment alone, before it can touch the device.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from blogkit.tools.gpu import Gpu

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One place for one run."""

    number: int
    gpu: Gpu | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def thread_environment(threads: int) -> dict[str, str]:
    """What keeps a run to its number of CPU threads, whichever library it computes with."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def cores() -> int:
    """The cores that this process may use, as ``taskset``, a container or Slurm leave them."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return os.cpu_count() or 1


def make_slots(
    *, gpus: Sequence[Gpu] = (), runs_per_gpu: int = 1, workers: int | None = None, threads: int = 1
) -> tuple[Slot, ...]:
    """As many slots as fit on the machine, or ``workers`` where that is given.

    More workers than GPUs share them in turn; fewer leave the last ones idle.
    """
    if not gpus:
        count = workers or max(1, cores() // threads)
        return tuple(Slot(number=number) for number in range(count))
    count = workers or len(gpus) * runs_per_gpu
    chosen = [gpus[number % len(gpus)] for number in range(count)]
    # NVML counts by bus, CUDA by speed unless set; where the user chose the devices, their own order is kept.
    order = {} if "CUDA_VISIBLE_DEVICES" in os.environ else {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return tuple(
        Slot(number=number, gpu=gpu, environment={"CUDA_VISIBLE_DEVICES": gpu.index, **order})
        for number, gpu in enumerate(chosen)
    )


class Lease:
    """Hands slots out, and takes them back whatever happens."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._free = list(slots)
        self._changed = threading.Condition()

    @contextmanager
    def take(self) -> Iterator[Slot]:
        """A slot for as long as the block runs; waits while all are taken."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._free))
            slot = self._free.pop(0)
        try:
            yield slot
        finally:
            with self._changed:
                self._free.append(slot)
                self._free.sort(key=lambda one: one.number)
                self._changed.notify()
