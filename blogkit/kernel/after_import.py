"""Does something once a module has been imported, without importing it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

ImportAction = Callable[[ModuleType], None]


def after_import(name: str, action: ImportAction) -> None:
    """Calls ``action`` with a module: at once where it is imported already, else when it is."""
    module = sys.modules.get(name)
    if module is not None:
        action(module)
    else:
        sys.meta_path.insert(0, _ImportFinder(name, action))


class _ImportFinder(importlib.abc.MetaPathFinder):
    """Lets one module be imported as ever, once, and adds a step."""

    def __init__(self, name: str, action: ImportAction) -> None:
        self.name, self.action = name, action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _ActingLoader(spec.loader, self.action)
        return spec


class _ActingLoader(importlib.abc.Loader):
    """A module's own loader, with a step after it."""

    def __init__(self, own: Any, action: ImportAction) -> None:
        self._own, self._action = own, action

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._own.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._own.exec_module(module)
        self._action(module)
