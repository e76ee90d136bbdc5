"""A review server that really runs, in a process of its own, for browsers and load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blogkit.review.folder import ReviewFolder
from blogkit.review.server.access import make_link
from tests.review.databases import free_port
from tests.review.school import key


@dataclass
class Running:
    """A server, its address, and how to end it."""

    folder: ReviewFolder
    port: int
    database: str | None
    process: subprocess.Popen[bytes] | None = None

    @property
    def app(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, who: str) -> str:
        return f"{self.app}/sign-in/{make_link(self.folder.secret(), key(self.folder, who))}"

    def start(self) -> None:
        command = [sys.executable, "-m", "blogkit", "review", "serve", "--folder", str(self.folder.root)]
        command += ["--port", str(self.port)] + (["--database", self.database] if self.database else [])
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.app}/healthz", timeout=2):
                    return
            except OSError:
                assert self.process.poll() is None, "the server ended at once"
                time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            os.kill(self.process.pid, how)
            self.process.wait(20)
            self.process = None


@contextmanager
def running(folder: ReviewFolder, *, database: str | None = None) -> Iterator[Running]:
    """A server over a class's folder; the posts' origin is the next port."""
    for again in (True, True, False):  # a test beside this one may have taken the port, or the next one, since
        server = Running(folder=folder, port=free_port(), database=database)
        try:
            server.start()
            break
        except AssertionError:
            if not again:
                raise
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.end()


def chromium() -> Path | None:
    """The system's Chromium."""
    found = [Path(name) for name in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")]
    return next((path for path in found if path.is_file()), None)
