"""A site while it is written: rendered when a file is saved, served on this machine, shown anew in the browser."""

from __future__ import annotations

import functools
import http.server
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from blogkit.config import open_site
from blogkit.errors import BlogkitError
from blogkit.model import Manifest, Site
from blogkit.render.engines import engine_named
from blogkit.render.made import FOLDER
from blogkit.render.renderer import SiteRenderer

_EVENTS = "/__blogkit/events"
_SCRIPT = "/__blogkit/preview.js"
_WATCHED = {
    ".py",
    ".csv",
    ".qmd",
    ".md",
    ".ipynb",
    ".yml",
    ".yaml",
    ".bib",
    ".csl",
    ".css",
    ".svg",
    ".png",
    ".jpg",
    ".json",
    ".html",
}
_IDLE = 0.15
"""Seconds between two looks at the files."""

_CLIENT = """
(function () {
  var events = new EventSource("/__blogkit/events"), note = null;
  events.onmessage = function (event) {
    var said = JSON.parse(event.data);
    if (said.reload) { location.reload(); return; }
    if (note) note.remove();
    note = document.createElement("pre");
    note.setAttribute("role", "alert");
    note.textContent = said.error;
    note.style.cssText = "position:fixed;left:1rem;right:1rem;bottom:1rem;z-index:99;background:#fff;color:#8a1c12;"
      + "border:2px solid #b3261e;padding:1rem;white-space:pre-wrap;max-height:50vh;overflow:auto";
    document.body.appendChild(note);
  };
})();
"""


class Preview:
    """Renders and serves a site until it is stopped."""

    def __init__(
        self,
        root: Path,
        *,
        port: int = 0,
        engine: str = "auto",
        say: Callable[[str], None] = print,
        find_stale: Callable[[Site], Iterable[str]] = lambda site: (),
        follow: Callable[[Site, frozenset[Path]], Iterable[str]] = lambda site, changed: (),
    ) -> None:
        """``find_stale`` gives a sentence for each thing of a site that a rendering does not make anew.

        ``follow`` is given the files that changed before a rendering, makes what the pages show of them, and names the
        projects for which it did.
        """
        self._root = root
        self._engine = engine
        self._say = say
        self._find_stale = find_stale
        self._follow = follow
        self._stale: tuple[str, ...] = ()
        self._version = 0
        self._error = ""
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._renderers: dict[str, SiteRenderer] = {}
        handler = functools.partial(_Handler, preview=self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.output = open_site(root).output

    @property
    def address(self) -> str:
        """Where the browser finds the site."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def run(self) -> None:
        """Serves, and renders after each change, until :meth:`stop`."""
        serving = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        seen = dict(self._files())
        self.render()
        serving.start()
        try:
            while not self._stop.wait(_IDLE):
                now = dict(self._files())
                if now != seen:
                    changed = frozenset(Path(name) for name, _ in now.items() ^ seen.items())
                    self.render(changed)
                    # What following made is rendered already; what was saved meanwhile is seen next.
                    seen = {**now, **{name: at for name, at in self._files() if f"{os.sep}results{os.sep}" in name}}
        finally:
            self._server.shutdown()
            self._server.server_close()
            for renderer in self._renderers.values():
                renderer.close()

    def stop(self) -> None:
        """Ends the preview."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def render(self, changed: frozenset[Path] = frozenset()) -> None:
        """Renders what changed and tells the browsers; an error is shown instead."""
        start = time.perf_counter()
        try:
            site = open_site(self._root)
            for name in self._follow(site, changed) if changed else ():
                self._say(f"{name}: figures gathered anew ({time.perf_counter() - start:.2f} s)")
            manifest = self._render(site)
            self._error = "\n".join(str(problem) for problem in site.problems)
            self._say(f"{len(manifest.pages)} pages ({time.perf_counter() - start:.2f} s)")
        except BlogkitError as error:
            self._error = str(error)
            self._say(self._error)
        with self._changed:
            self._version += 1
            self._changed.notify_all()
        self._say_stale()

    def _say_stale(self) -> None:
        """Says what else is stale, once."""
        try:
            found = tuple(self._find_stale(open_site(self._root)))
        except BlogkitError:
            return  # it is said above
        for sentence in found if found != self._stale else ():
            self._say(sentence)
        self._stale = found

    def _render(self, site: Site) -> Manifest:
        """Renders with Quarto where it is named; else with the embedded engine, in a hundredth of the time."""
        named = self._engine if self._engine != "auto" else site.config.engine
        name = "quarto" if named == "quarto" else "pandoc"
        if name not in self._renderers:
            self._renderers[name] = SiteRenderer(engine_named(name), drafts="visible")
        return self._renderers[name].render(site)

    def _files(self) -> Iterator[tuple[str, int]]:
        """Every file that may matter, with its time."""
        output = self.output.resolve()
        pending = [self._root.resolve()]
        while pending:
            folder = pending.pop()
            try:
                entries = list(folder.iterdir())
            except OSError:
                continue
            for entry in entries:
                if entry.name.startswith(".") or entry.name in {FOLDER, "runs", "node_modules", "__pycache__"}:
                    continue
                if entry.is_dir():
                    if entry.resolve() != output:
                        pending.append(entry)
                elif entry.suffix in _WATCHED:
                    try:
                        yield str(entry), entry.stat().st_mtime_ns
                    except OSError:
                        continue

    def wait(self, version: int) -> tuple[int, str]:
        """The next state after a version: its number, and what went wrong in it."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self._stop.is_set(), timeout=20)
            return self._version, self._error

    @property
    def version(self) -> int:
        """How many times the site was rendered."""
        return self._version


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the output folder; pages get a script that loads them anew after a change."""

    def __init__(self, *arguments: Any, preview: Preview, **more: Any) -> None:
        self._preview = preview
        super().__init__(*arguments, directory=str(preview.output), **more)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == _EVENTS:
            self._events()
        elif path == _SCRIPT:
            self._send(_CLIENT.encode(), "text/javascript")
        else:
            file = Path(self.translate_path(self.path))
            file = file / "index.html" if file.is_dir() else file
            if file.suffix == ".html" and file.is_file() and (path.endswith(("/", ".html"))):
                page = file.read_bytes()
                script = f'<script src="{_SCRIPT}"></script></body>'.encode()
                self._send(page.replace(b"</body>", script, 1), "text/html; charset=utf-8")
            else:
                super().do_GET()

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        version = self._preview.version
        try:
            while not self._preview._stop.is_set():
                now, error = self._preview.wait(version)
                if now == version:
                    self.wfile.write(b": still here\n\n")
                else:
                    said = {"error": error} if error else {"reload": True}
                    self.wfile.write(f"data: {json.dumps(said)}\n\n".encode())
                self.wfile.flush()
                version = now
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
        """Says nothing: the terminal is for what the author must know."""
