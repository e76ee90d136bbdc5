"""Pandoc, kept running: one ``pandoc lua`` process a core answers JSON requests, one line each.

Starting pandoc and reading its data costs more than rendering a post, so that a process per page is several times
slower. The program is called, never linked.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from blogkit.errors import ToolFailed, ToolMissing

PANDOC_VARIABLE = "BLOGKIT_PANDOC"
"""Names another pandoc than blogkit installs."""

_ROOM = ("+RTS", "-A24m", "-M1500m", "-RTS")
"""A nursery that holds what one post allocates between two collections: a tenth of the time for 20 MB a process.

And the most that a process may take: a post takes some 50 MB.
"""

_SECONDS = 8.0
"""The longest that one answer may take; a post of 20 pages takes a tenth of a second."""

_BYTES_A_SECOND = 200_000
"""Of a long request, for which there is more time."""


def find_pandoc() -> Path:
    """The pandoc program: as named, else of ``pypandoc-binary``, else on PATH."""
    named = os.environ.get(PANDOC_VARIABLE)
    if named:
        return Path(named)
    package = importlib.util.find_spec("pypandoc")
    for folder in (package.submodule_search_locations or []) if package else []:
        for name in ("pandoc", "pandoc.exe"):
            program = Path(folder) / "files" / name
            if program.is_file():
                return program
    found = shutil.which("pandoc")
    if found:
        return Path(found)
    raise ToolMissing("pandoc is not installed.", hint="`pip install pypandoc-binary` brings it.")


class PandocWorker:
    """One running pandoc with a Lua program; not to be used by two threads at once."""

    def __init__(self, program: Path) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._asked = False
        self._process = subprocess.Popen(
            [str(find_pandoc()), *_ROOM, "lua", str(program), str(program.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The program's answer. Raises ToolFailed when the process is gone, or takes too long: it is ended then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked = True
        line = json.dumps(request, ensure_ascii=False).encode("utf-8")
        seconds = _SECONDS + len(line) / _BYTES_A_SECOND
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = b""
        finally:
            timer.cancel()
        if late.is_set():
            hint = "Look for blocks that are nested hundreds deep, or for what a program wrote into the post."
            raise ToolFailed(f"pandoc did not end within {seconds:.0f} seconds.", hint=hint)
        if not answer:
            raise ToolFailed(f"pandoc stopped. It said: {self.said() or 'nothing'}")
        result: dict[str, Any] = json.loads(answer)
        if "failure" in result:
            raise ToolFailed(f"pandoc's Lua program failed: {result['failure']}")
        return result

    def said(self) -> str:
        """The end of what it printed on stderr."""
        self._log.seek(0)
        return self._log.read()[-2000:].decode("utf-8", errors="replace").strip()

    def close(self) -> None:
        """Ends the process; one that was never asked has nothing to finish."""
        if not self._asked:
            self._process.kill()
        if self._process.stdin is not None:
            stdin = self._process.stdin
            with contextlib.suppress(OSError):
                stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


class PandocPool:
    """Workers for as many threads as ask; each is started when it is first needed."""

    def __init__(self, program: Path, size: int) -> None:
        self.size = max(1, size)
        self._program = program
        self._idle: queue.LifoQueue[PandocWorker | None] = queue.LifoQueue()
        self._all: list[PandocWorker] = []
        for _ in range(self.size):
            self._idle.put(None)

    def warm(self, workers: int) -> None:
        """Starts so many workers that none is running of, so that they are ready when the first question comes."""
        for _ in range(min(workers, self.size) - len(self._all)):
            worker = self._idle.get()
            if worker is None:
                worker = PandocWorker(self._program)
                self._all.append(worker)
            self._idle.put(worker)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """An answer from the first worker that is free. A worker that died is replaced at the next request."""
        worker = self._idle.get()
        try:
            if worker is None:
                worker = PandocWorker(self._program)
                self._all.append(worker)
            return worker.ask(request)
        except ToolFailed:
            if worker is not None and worker in self._all:
                self._all.remove(worker)
                worker.close()
            worker = None
            raise
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Ends every worker."""
        for worker in self._all:
            worker.close()
        self._all.clear()

    def __enter__(self) -> PandocPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
