"""NVIDIA's management library: which GPUs there are, how much memory they use, and how much energy they took.

Spoken to directly, since the library comes with the driver and its Python binding is one more thing to install. A
machine without it has no GPUs, as far as sweeps are concerned.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU that this process may use."""

    index: str
    """What ``CUDA_VISIBLE_DEVICES`` calls it: a number, or a UUID where the user's environment says so."""
    name: str
    uuid: str = ""


class Meter(Protocol):
    """What a sweep asks of the GPUs."""

    def devices(self) -> tuple[Gpu, ...]:
        """The GPUs that may be used, in the order of ``CUDA_VISIBLE_DEVICES``."""
        ...

    def energy(self, gpu: Gpu) -> float | None:
        """Joules since the driver was loaded; None where the GPU does not count."""
        ...

    def memory(self, gpu: Gpu, processes: Sequence[int]) -> int | None:
        """Bytes that these processes hold on a GPU now; None where it is not known."""
        ...


class NoGpu:
    """A machine without GPUs."""

    def devices(self) -> tuple[Gpu, ...]:
        return ()

    def energy(self, gpu: Gpu) -> float | None:
        return None

    def memory(self, gpu: Gpu, processes: Sequence[int]) -> int | None:
        return None


class _Process(ctypes.Structure):
    """``nvmlProcessInfo_v2_t``."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class Nvml:
    """The GPUs of this machine, by NVML."""

    def __init__(self, library: Any) -> None:
        self._library = library
        if library.nvmlInit_v2() != 0:
            raise OSError("NVML could not be initialised")
        count = ctypes.c_uint()
        library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        self._handles: dict[str, ctypes.c_void_p] = {}
        found: list[Gpu] = []
        for number in range(count.value):
            handle = ctypes.c_void_p()
            if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(handle)) != 0:
                continue
            name, uuid = ctypes.create_string_buffer(96), ctypes.create_string_buffer(96)
            library.nvmlDeviceGetName(handle, name, ctypes.c_uint(96))
            library.nvmlDeviceGetUUID(handle, uuid, ctypes.c_uint(96))
            gpu = Gpu(index=str(number), name=name.value.decode(), uuid=uuid.value.decode())
            self._handles[gpu.uuid] = handle
            found.append(gpu)
        self._found = tuple(found)

    def devices(self) -> tuple[Gpu, ...]:
        return visible(self._found, os.environ.get("CUDA_VISIBLE_DEVICES"))

    def energy(self, gpu: Gpu) -> float | None:
        value = ctypes.c_ulonglong()
        handle = self._handles.get(gpu.uuid)
        if handle is None or self._library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(value)) != 0:
            return None
        return value.value / 1000  # NVML counts millijoules

    def memory(self, gpu: Gpu, processes: Sequence[int]) -> int | None:
        handle = self._handles.get(gpu.uuid)
        ask = getattr(self._library, "nvmlDeviceGetComputeRunningProcesses_v3", None)
        if handle is None or ask is None:
            return None
        count = ctypes.c_uint(256)
        table = (_Process * 256)()
        if ask(handle, ctypes.byref(count), table) != 0:
            return None
        wanted = set(processes)
        return sum(int(entry.used) for entry in table[: count.value] if entry.pid in wanted and entry.used < 1 << 60)


def visible(gpus: Sequence[Gpu], variable: str | None) -> tuple[Gpu, ...]:
    """The GPUs that ``CUDA_VISIBLE_DEVICES`` leaves, under its own names; like CUDA, it ends at the first unknown."""
    if variable is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for word in (part.strip() for part in variable.split(",")):
        found = [gpu for gpu in gpus if word and (gpu.index == word or gpu.uuid.startswith(word))]
        if not found or any(gpu.uuid == found[0].uuid for gpu in chosen):
            break
        chosen.append(Gpu(index=word, name=found[0].name, uuid=found[0].uuid))
    return tuple(chosen)


def find_meter() -> Meter:
    """NVML where the driver brought it, otherwise a machine without GPUs."""
    try:
        return Nvml(ctypes.CDLL("libnvidia-ml.so.1"))
    except (OSError, AttributeError):
        return NoGpu()
