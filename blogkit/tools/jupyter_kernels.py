"""Which Python a notebook's kernel is, without starting it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from blogkit.tools.python import is_own_kernel


def is_own_kernelspec(notebook: Path) -> bool:
    """Whether a notebook runs in this very Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        metadata = json.loads(notebook.read_text(encoding="utf-8-sig")).get("metadata") or {}
        name = str((metadata.get("kernelspec") or {}).get("name") or "python3")
        command = KernelSpecManager().get_kernel_spec(name).argv
        if command and re.fullmatch(r"python(3(\.\d+)?)?", command[0]):
            command = [sys.executable, *command[1:]]  # as jupyter_client reads it when it starts one
        return is_own_kernel(command)
    except (OSError, ValueError, AttributeError, NoSuchKernel):
        return False
