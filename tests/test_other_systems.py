"""What other systems do not have is not needed: each refusal of Windows is simulated here."""

from __future__ import annotations

import ast
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from blogkit.errors import StoreError
from blogkit.store import sync_folder
from tests.files import write_tree

_WITHOUT = """
import importlib, os, pkgutil, signal, socket, sys
import blogkit

def names():
    return ["blogkit", *(one.name for one in pkgutil.walk_packages(blogkit.__path__, "blogkit.")
            if one.name not in LEFT_OUT)]

LEFT_OUT = {"blogkit.__main__", "blogkit.review.server.migrations.env"}
for name in names():
    importlib.import_module(name)  # what they need of others is there by now
for name in [name for name in sys.modules if name.partition(".")[0] == "blogkit"]:
    del sys.modules[name]
for name in ("resource", "fcntl", "termios", "pwd", "grp"):
    sys.modules[name] = None
for module, wanting in (
    (signal, "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGALRM pthread_sigmask setitimer ITIMER_REAL"),
    (os, "fork setsid killpg getuid geteuid sched_getaffinity O_NOFOLLOW O_CLOEXEC O_DIRECTORY WNOHANG"),
    (socket, "AF_UNIX"),
):
    for name in wanting.split():
        if hasattr(module, name):
            delattr(module, name)
import blogkit
sys.platform = "win32"
failed = []
for name in names():
    try:
        importlib.import_module(name)
    except Exception as error:
        failed.append(f"{name}: {type(error).__name__}: {error}")
print("\\n".join(failed))
"""


def test_every_module_is_imported_where_no_module_or_signal_of_unix_is_there() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr[-2000:]


def test_a_run_is_stored_where_no_folder_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tree(tmp_path / "run", {"run.json": "{}", "outputs/a.txt": "x"})
    opened, synced = os.open, os.fsync
    writable: set[int] = set()
    done: list[int] = []

    def as_windows(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        descriptor = opened(path, flags, mode)
        (writable.add if flags & (os.O_RDWR | os.O_WRONLY) else writable.discard)(descriptor)
        return descriptor

    def only_writable(descriptor: int) -> None:
        if descriptor not in writable:
            raise OSError(errno.EBADF, "Bad file descriptor")
        synced(descriptor)
        done.append(descriptor)

    monkeypatch.setattr(os, "open", as_windows)
    monkeypatch.setattr(os, "fsync", only_writable)
    sync_folder(folder)
    assert len(done) == 2


def test_a_disk_that_takes_nothing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        sync_folder(write_tree(tmp_path / "run", {"run.json": "{}"}))


def test_a_file_that_may_only_be_read_is_synced(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "run", {"data.csv": "1"})
    (folder / "data.csv").chmod(0o444)
    sync_folder(folder)


UNIX_ONLY = {
    "signal": "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGALRM pthread_sigmask setitimer alarm SIG_BLOCK",
    "os": "fork setsid killpg getuid geteuid getpgid sched_getaffinity WNOHANG mkfifo statvfs sysconf O_DIRECTORY",
    "socket": "AF_UNIX recv_fds send_fds",
}
UNIX_MODULES = {"resource", "fcntl", "termios", "pwd", "grp", "pty"}
RUN_ON_UNIX_ALONE = {
    "kernel/fork.py", "kernel/server.py", "run/kernels/__init__.py", "run/kernels/provisioner.py",  # the warm start
    "run/jobs.py", "tools/slurm.py",  # a cluster
}  # fmt: skip
GUARDS = (
    "hasattr(",
    "except AttributeError",
    "sys.platform",
    "except ImportError",
    "except (ImportError",
    "ModuleNotFoundError",
)


def unguarded_names(text: str) -> list[str]:
    """What only Unix has and a module names outside a function, or a ``try``, that asks first whether it is there."""
    found: list[str] = []

    def visit(node: ast.AST, around: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try | ast.If):
            around += ast.unparse(node)
        name = ""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.attr if node.attr in UNIX_ONLY.get(node.value.id, "").split() else ""
        elif isinstance(node, ast.Import):
            name = next((one.name for one in node.names if one.name in UNIX_MODULES), "")
        elif isinstance(node, ast.ImportFrom):
            name = node.module if node.module in UNIX_MODULES else ""
        if name and not any(guard in around for guard in GUARDS):
            found.append(name)
        for child in ast.iter_child_nodes(node):
            visit(child, around)

    visit(ast.parse(text), "")
    return found


def test_what_only_unix_has_is_asked_for_before_it_is_used() -> None:
    package = Path(__file__).parents[1] / "blogkit"
    paths = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    assert paths.keys() >= RUN_ON_UNIX_ALONE
    found = {name: unguarded_names(paths[name].read_text("utf-8")) for name in paths.keys() - RUN_ON_UNIX_ALONE}
    assert {name: names for name, names in found.items() if names} == {}


def test_a_use_without_a_question_is_noticed() -> None:
    assert unguarded_names("import signal\ndef end(): signal.raise_signal(signal.SIGHUP)\n") == ["SIGHUP"]
    assert unguarded_names("import os\ndef end():\n    if hasattr(os, 'killpg'): os.killpg(1, 9)\n") == []
    assert unguarded_names("import fcntl\n") == ["fcntl"]
    assert unguarded_names("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None\n") == []


def test_folders_are_synced_in_one_place_alone() -> None:
    """A folder cannot be opened on Windows: whoever syncs a file has the open file, never a path."""
    package = Path(__file__).parents[1] / "blogkit"
    texts = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in package.rglob("*.py")}
    calls = {name: re.findall(r"os\.fsync\(([^()]*(?:\(\))?)\)", text) for name, text in texts.items()}
    by_path = {name for name, given in calls.items() if any(not one.endswith(".fileno()") for one in given)}
    assert by_path == {"store.py"}
