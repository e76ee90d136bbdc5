"""Which files of a repository a notebook depends on: modules that it imports, scripts it runs, files it names.

Nothing is executed: the code is read. Where an import cannot be known by reading (``import_module(name)``, a cell that
is no Python), every module of the project counts, so that a run is made once too often and never once too few. What is
hidden, cached or installed is no source, and neither is what runs and gathering write.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from blogkit.config import SITE_FILE
from blogkit.errors import NotebookError
from blogkit.notebook import code_cells, read_notebook

_INSTALLED = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "env"})
_WRITTEN = frozenset({"runs", "results", "out", "outputs"})
"""Folders of a project that runs and gathering write."""
_OWN = "blogkit"
"""Not a source of any run: its version is in the run's record."""
_PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "pypy"})
"""Cell magics below which Python stands."""
_SCRIPT = re.compile(r"[\w./\\~-]*[\w-]\.(?:py|ipynb)\b")
_RUN_MODULE = re.compile(r"(?:^|\s)-m\s+([A-Za-z_][\w.]*)")
_COMPUTED_COMMAND = re.compile(r"\bpython[\d.]*\s+(?:-\w+\s+)*[{$]")
_SHELL_LINE = re.compile(r"^(\s*)(?:[\w, ]+=\s*)?[!%](.*)$")
_MOST_FILES = 1_000


def repository_root(folder: Path) -> Path:
    """The repository around a folder; the site around it where there is none, else the folder itself."""
    folder = folder.resolve()
    site = None
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
        if site is None and (above / SITE_FILE).is_file():
            site = above
    return site or folder


def is_source_place(path: Path, root: Path) -> bool:
    """Whether a file below ``root`` may be a source: nothing on its way is hidden, cached or installed."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return False
    if any(part.startswith(".") or part in _INSTALLED for part in parts):
        return False
    return not any(_is_environment(root.joinpath(*parts[:depth])) for depth in range(1, len(parts)))


def _is_environment(folder: Path) -> bool:
    """Whether a folder is a virtual environment, whatever it is called."""
    return (folder / "pyvenv.cfg").is_file()


def project_modules(folder: Path) -> list[Path]:
    """Every Python file of a project that is neither hidden, cached, installed nor written by runs."""
    return sorted(path for path in _files_below(folder, ".py") if path.relative_to(folder).parts[0] not in _WRITTEN)


def match_files(folder: Path, pattern: str) -> list[Path]:
    """The files that a pattern names from a folder: anywhere in the repository around it, never outside."""
    root = repository_root(folder)
    parts = Path(pattern).parts
    if Path(pattern).is_absolute() or not parts:
        return []
    base = folder.resolve()
    while parts and parts[0] in {"..", "."}:
        base = base.parent if parts[0] == ".." else base
        parts = parts[1:]
    if not parts or ".." in parts or not base.is_relative_to(root):
        return []
    found = base.glob(str(Path(*parts)))
    return sorted(
        path for path in found if path.is_file() and is_source_place(path, root) and path.resolve().is_relative_to(root)
    )


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a notebook depends on."""

    modules: tuple[Path, ...]
    """Python files and notebooks that it imports or runs, at any remove."""
    data: tuple[Path, ...]
    """Other files of the repository that its code, or theirs, names."""
    guessed: str = ""
    """Why every module of the project is among them; empty when the imports are known."""


def sources_of(notebook: Path, folder: Path) -> Sources:
    """The sources of a notebook that runs in a project's folder. Raises NotebookError when it cannot be read."""
    graph = _Graph(folder=folder.resolve(), root=repository_root(folder))
    graph.read_notebook_file(notebook)
    if graph.guessed:
        graph.modules.update(dict.fromkeys(project_modules(graph.folder)))
    own = notebook.resolve()
    modules = [path for path in graph.modules if path != own and path not in graph.written]
    data = [path for path in graph.data if path != own and path not in graph.modules and path not in graph.written]
    return Sources(modules=tuple(sorted(modules)), data=tuple(sorted(data)), guessed=graph.guessed)


def _files_below(folder: Path, suffix: str) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _INSTALLED and not _is_environment(here / name)
        )
        yield from (here / name for name in files if name.endswith(suffix) and not name.startswith("."))


@dataclass(kw_only=True)
class _Graph:
    """The walk from a notebook over what it imports and runs."""

    folder: Path
    root: Path
    modules: dict[Path, None] = field(default_factory=dict)
    data: dict[Path, None] = field(default_factory=dict)
    written: set[Path] = field(default_factory=set)
    """Files that the notebook writes itself (``%%writefile``)."""
    guessed: str = ""
    search: list[Path] = field(default_factory=list)
    """Folders that the code puts on ``sys.path``."""

    # -- reading

    def read_notebook_file(self, path: Path) -> None:
        """A notebook's code and all that follows from it."""
        document = read_notebook(path)
        kernel = document["metadata"]
        language = str(kernel["kernelspec"].get("language") or kernel["language_info"].get("name", ""))
        cells = code_cells(document)
        if language not in {"", "python"}:
            self._guess(f"{path.name} is no Python")
            for source in cells:
                self._read_text(source, path.parent)
            return
        trees = [
            tree for number, source in enumerate(cells, start=1) for tree in self._parse_cell(source, number, path)
        ]
        for tree in trees:
            self._read_paths(tree, path.parent)
        for tree in trees:
            self._read_tree(tree, path, roots=[path.parent])

    def _parse_cell(self, source: str, number: int, path: Path) -> Iterator[ast.Module]:
        """A cell as Python; what its magics run is read as text."""
        lines = source.splitlines()
        first = next((line for line in lines if line.strip()), "")
        if first.startswith("%%"):
            magic, *words = first[2:].split()[:2] or [""]
            if magic == "writefile" and words:
                self.written.add((path.parent / words[-1]).resolve())
                return
            if magic not in _PYTHON_CELLS:
                self._read_text(source, path.parent)
                return
            lines = ["" if line is first else line for line in lines]
        plain = "\n".join(lines)
        with suppress(SyntaxError, ValueError, RecursionError):
            yield ast.parse(plain)
            return
        try:
            yield ast.parse("\n".join(self._without_commands(lines, path.parent)))
        except (SyntaxError, ValueError, RecursionError):
            self._guess(f"cell {number} of {path.name} is no Python")
            self._read_text(source, path.parent)

    def _without_commands(self, lines: Sequence[str], here: Path) -> Iterator[str]:
        """A cell's lines with ``pass`` in place of magics and shell commands, which are read as text."""
        goes_on = False
        for line in lines:
            found = _SHELL_LINE.match(line)
            if goes_on or found:
                self._read_command(line if goes_on or not found else found[2], here)
                yield "" if goes_on or not found else f"{found[1]}pass"
                goes_on = line.rstrip().endswith("\\")
            else:
                yield "" if line.lstrip().startswith("?") or line.rstrip().endswith("?") else line

    def _read_command(self, command: str, here: Path) -> None:
        words = command.split()
        if words[:1] == ["run"]:  # %run helper, %run -i helper.py
            names = [word.strip("\"'") for word in words[1:] if not word.startswith("-")]
            if names and names[0].startswith(("{", "$")):
                self._guess(f"%run names its script by a variable: {names[0]}")
            elif names and not names[0].endswith((".py", ".ipynb")):
                command = f"{names[0]}.py"
        self._read_text(command, here)

    def _read_text(self, text: str, here: Path) -> None:
        """A shell's line, or a text that may be one."""
        if _COMPUTED_COMMAND.search(text):
            self._guess(f"a command names its script by a variable: {' '.join(text.split())[:60]}")
        for match in _SCRIPT.finditer(text):
            self._add_script(match.group(), here)
        for match in _RUN_MODULE.finditer(text):
            self._add_module(match.group(1), [here], main=True)

    def _read_file(self, path: Path, roots: Sequence[Path]) -> None:
        """A module's own imports; ``roots`` are the folders that its absolute imports are looked for in."""
        if path in self.modules:
            return
        self.modules[path] = None
        if path.suffix == ".ipynb":
            try:
                self.read_notebook_file(path)
            except NotebookError:
                self._guess(f"{path.name} is not readable")
            return
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError, OSError):
            self._guess(f"{path.name} is no Python")
            return
        self._read_paths(tree, path.parent)
        self._read_tree(tree, path, roots=roots)

    def _read_paths(self, tree: ast.Module, here: Path) -> None:
        """The folders that code puts on ``sys.path``, as far as they are written out."""
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in {"insert", "append", "extend"} or not ast.unparse(node.func.value).endswith(
                "path"
            ):
                continue
            for constant in _texts(node):
                for base in (self.folder, here):
                    place = (base / constant).resolve()
                    if place.is_dir() and place.is_relative_to(self.root) and place not in self.search:
                        self.search.append(place)

    def _read_tree(self, tree: ast.Module, path: Path, *, roots: Sequence[Path]) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._add_module(alias.name, roots)
            elif isinstance(node, ast.ImportFrom):
                self._add_from(node, path, roots)
            elif isinstance(node, ast.Call):
                self._read_call(node, path, roots)
            elif isinstance(node, ast.List | ast.Tuple):
                words = [one.value if isinstance(one, ast.Constant) else None for one in node.elts]
                for option, name in itertools.pairwise(words):
                    if option == "-m" and isinstance(name, str):
                        self._add_module(name, [path.parent, *roots], main=True)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 10_000:
                self._read_constant(node.value, path.parent)

    def _read_call(self, node: ast.Call, path: Path, roots: Sequence[Path]) -> None:
        name = str(getattr(node.func, "attr", getattr(node.func, "id", "")))
        if name not in {"import_module", "__import__", "run_module", "run_path", "reload"} or not node.args:
            return
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            if name != "run_path":
                self._add_module(first.value.lstrip("."), [path.parent, *roots], main=name == "run_module")
        elif name != "reload" and not list(_texts(first)):
            self._guess(f"{path.name}, line {node.lineno}: {name}({ast.unparse(first)[:40]}) is computed")
        elif name != "reload":
            self._guess(f"{path.name}: {name}({ast.unparse(first)[:40]}) is computed")

    def _read_constant(self, text: str, here: Path) -> None:
        if text.endswith((".py", ".ipynb")) and len(text.split()) == 1:
            self._add_script(text, here)
        elif "python" in text:
            self._read_text(text, here)
        elif text and len(text) < 300 and "\n" not in text:
            self._add_data(text, here)

    # -- finding

    def _add_from(self, node: ast.ImportFrom, path: Path, roots: Sequence[Path]) -> None:
        if node.level:
            base = path.parent
            for _ in range(node.level - 1):
                base = base.parent
            prefix = f"{node.module}." if node.module else ""
            names = [node.module] if node.module else []
            self._add_package(base, roots)
            names += [f"{prefix}{alias.name}" for alias in node.names if alias.name != "*"]
            for name in names:
                self._add_under(base, name, roots)
            if any(alias.name == "*" for alias in node.names):
                self._add_all(base / (node.module or "").replace(".", "/"), roots)
            return
        if node.module:
            places = self._add_module(node.module, roots)
            for alias in node.names:
                for place in places:
                    if alias.name == "*":
                        self._add_all(place / node.module.replace(".", "/"), roots)
                    else:
                        self._add_under(place, f"{node.module}.{alias.name}", roots)

    def _add_module(self, name: str, roots: Sequence[Path], *, main: bool = False) -> list[Path]:
        """A module by its full name; the folders in which it was found."""
        top = name.partition(".")[0]
        if not name or top == _OWN:
            return []
        for place in dict.fromkeys((*roots, self.folder, *self.search)):
            if self._add_under(place, name, roots, main=main):
                return [place]
        if top in sys.stdlib_module_names or _is_installed_outside(top, self.root):
            return []
        return [place for place in self._homes.get(top, ()) if self._add_under(place, name, [place], main=main)]

    @cached_property
    def _homes(self) -> dict[str, list[Path]]:
        """Where in the repository a module or package of each name lies: the folders that hold it."""
        homes: dict[str, list[Path]] = {}
        for path in _files_below(self.root, ".py"):
            if path.name != "__init__.py":
                homes.setdefault(path.stem, []).append(path.parent)
            package = path.parent.name
            if path.parent != self.root and path.parent.parent not in homes.setdefault(package, []):
                homes[package].append(path.parent.parent)
        return homes

    def _add_under(self, place: Path, name: str, roots: Sequence[Path], *, main: bool = False) -> bool:
        """A module below a folder, with the packages on the way to it."""
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return False
        stem = place.joinpath(*parts)
        file = stem.with_name(f"{stem.name}.py")
        found = self._is_source(file)
        package = stem.is_dir() and any(self._is_source(one) for one in stem.glob("*.py"))
        if not found and not package:
            return False
        below = place
        for part in parts[:-1]:
            below /= part
            self._add_package(below, [place, *roots])
        if found:
            self._read_file(file.resolve(), [place, *roots])
        else:
            self._add_package(stem, [place, *roots])
            if main and self._is_source(stem / "__main__.py"):
                self._read_file((stem / "__main__.py").resolve(), [place, *roots])
        return True

    def _add_package(self, folder: Path, roots: Sequence[Path]) -> None:
        if self._is_source(folder / "__init__.py"):
            self._read_file((folder / "__init__.py").resolve(), roots)

    def _add_all(self, folder: Path, roots: Sequence[Path]) -> None:
        """``from package import *``: which of its modules that means, its code decides."""
        if folder.is_dir():
            for path in sorted(folder.glob("*.py")):
                if self._is_source(path):
                    self._read_file(path.resolve(), roots)

    def _add_script(self, name: str, here: Path) -> None:
        """A script by its path; where that leads nowhere, all of the repository whose path ends so."""
        for base in (self.folder, here):
            path = base / name
            if self._is_source(path):
                self._read_file(path.resolve(), [path.resolve().parent])
                return
        tail = Path(name.replace("\\", "/")).parts
        tail = tuple(part for part in tail if part not in {"..", ".", "/", "~"})
        for place in self._homes.get(Path(name).stem, ()) if tail and name.endswith(".py") else ():
            path = place / tail[-1]
            if path.parts[-len(tail) :] == tail and self._is_source(path):
                self._read_file(path.resolve(), [path.resolve().parent])

    def _add_data(self, text: str, here: Path) -> None:
        for base in dict.fromkeys((self.folder, here)):
            if text in {".", "..", "/"} or text.startswith(("/", "~")):
                return
            try:
                found = list(self._data_files(base, text))
            except (OSError, ValueError, NotImplementedError, IndexError):
                continue
            if found:
                self.data.update(dict.fromkeys(found))
                return
        if not here.is_relative_to(self.folder) and "." in text:  # code beside the project, which knows its own root
            for base in (here.parent, self.root):
                with suppress(OSError, ValueError):
                    path = (base / text).resolve()
                    if path.is_file() and self._is_data(path) and path.is_relative_to(self.root):
                        self.data[path] = None
                        return

    def _data_files(self, base: Path, text: str) -> Iterator[Path]:
        place = base / text
        if place.is_file():
            paths: Iterable[Path] = [place]
        elif place.is_dir() and text.strip("./"):
            paths = [path for path in _files_below(place, "") if path.suffix != ".py"]
        elif any(sign in text for sign in "*?[") and not text.startswith("*"):
            paths = base.glob(text)
        else:
            return
        for number, path in enumerate(paths):
            if number >= _MOST_FILES:
                return
            real = path.resolve()
            if real.is_file() and self._is_data(path) and real.is_relative_to(self.root):
                yield real

    def _is_data(self, path: Path) -> bool:
        path = Path(os.path.normpath(path))
        own = path.relative_to(self.folder).parts if path.is_relative_to(self.folder) else ("",)
        return is_source_place(path, self.root) and own[0] not in _WRITTEN and len(own) > 0

    def _is_source(self, path: Path) -> bool:
        """Whether a path is a file of the repository that may be a source, wherever a link leads."""
        return (
            path.is_file()
            and is_source_place(Path(os.path.normpath(path)), self.root)
            and path.resolve().is_relative_to(self.root)
        )

    def _guess(self, why: str) -> None:
        self.guessed = self.guessed or why


def _texts(node: ast.AST) -> Iterator[str]:
    """The text constants in an expression; those that a division or join puts together also as one."""
    found = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    yield from found
    if len(found) > 1:
        yield "/".join(_in_order(node))


def _in_order(node: ast.AST) -> list[str]:
    """The same in the order in which they are written; a walk goes breadth first."""
    constants = [one for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [str(one.value) for one in sorted(constants, key=lambda one: (one.lineno, one.col_offset))]


def _is_installed_outside(name: str, root: Path) -> bool:
    """Whether a module of this environment has that name, and is none of the repository's own."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return not any(
        Path(place).resolve().is_relative_to(root) and is_source_place(Path(place).resolve(), root)
        for place in places
        if place
    )
