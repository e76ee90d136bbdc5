"""What a kernel knows of its run when it has ended: versions, memory, devices.

Its source is sent to the kernel, whatever environment that has, so it imports the standard library alone, and asks
torch only where the notebook has imported it.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import types
from contextlib import suppress
from typing import Any


def tell_facts(
    names: list[str], scope: dict[str, Any], imported: list[str] | None = None, read: list[str] | None = None
) -> str:
    """A JSON object about this process. ``names`` are the notebook's imports, ``scope`` its variables.

    ``imported`` and ``read`` are what else it imported, and read; by default what the kernel's startup noted of them.
    """
    noted = sys.modules.get("blogkit.kernel.imports")
    if noted is not None:
        imported = noted.imported_names() if imported is None else imported
        read = noted.read_files() if read is None else read
    named = [*names, *_modules_in(scope)]
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": _module_versions([*named, *filter(_is_installed, imported or ())]),
        "read": read or [],
        "warm": "blogkit.kernel.fork" in sys.modules,
    }
    memory = _peak_memory()
    if memory is not None:
        found["memory_mb"] = round(memory / 1024**2, 1)
    torch = sys.modules.get("torch")
    if torch is not None:
        try:
            found.update(_torch_facts(torch))
        except Exception as error:
            found["cuda_error"] = str(error)
    return json.dumps(found)


def _modules_in(scope: dict[str, Any]) -> list[str]:
    """The top-level modules that a notebook's variables come from: what another notebook brought along, by ``%run``."""
    names: list[str] = []
    for key, value in list(scope.items()):
        if not key.startswith("_") and key not in {"In", "Out", "open"}:
            of_a_module = isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType))
            home = value.__name__ if isinstance(value, types.ModuleType) else of_a_module and value.__module__
            names += [home.split(".")[0]] if isinstance(home, str) else []
    return names


def _is_installed(name: str) -> bool:
    """Whether a module that nobody named is an installed package: a project's own are no versions of anything."""
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return not name.startswith("_") and ("site-packages" in file or "dist-packages" in file)


def _module_versions(names: list[str]) -> dict[str, str]:
    """The versions of those modules that are imported and not Python's own."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        module = sys.modules.get(name)
        if module is None or name in sys.stdlib_module_names:
            continue
        version = getattr(module, "__version__", None)
        if version is None:
            with suppress(Exception):
                version = importlib.metadata.version(name)
        if version is not None:
            found[name] = str(version)
    return found


def _peak_memory() -> float | None:
    """Bytes at this process's peak; None on a system that does not say."""
    with suppress(OSError), open("/proc/self/status") as stream:
        for line in stream:
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def _torch_facts(torch: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"threads": torch.get_num_threads()}
    if torch.cuda.is_initialized():
        devices = range(torch.cuda.device_count())
        found["cuda"] = [torch.cuda.get_device_name(index) for index in devices]
        found["gpu_memory_mb"] = round(sum(torch.cuda.max_memory_allocated(index) for index in devices) / 1e6, 1)
        found["cuda_version"] = torch.version.cuda
    return found
