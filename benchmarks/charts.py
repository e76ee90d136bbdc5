"""What do interactive charts cost a reader, against Altair's default HTML with require.js? Prints a table, and fails
where a target is missed.

    python benchmarks/charts.py [--quick] [--charts 1 5 10 20] [--rows 200 1000 5000] [--live]

Both pages show the same training curves. The page to compare with is what a notebook's default output becomes on a
Quarto page: each chart as Altair's HTML, with require.js and jquery; its scripts come from npm and are served, like
everything, from this machine, so that no network's mood is measured. ``fast`` is a desktop, ``slow`` a mobile phone:
a processor 4 times slower and 1.6 Mbit/s. Bytes (as sent, gzip) and counts are exact, times good to about 30 %.

``--live`` measures live figures alone: a network of 91,000 weights over a grid of 576 points, opened from the disk, and
the same page when it loads its engine and asks its model as it opens.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import browser  # noqa: E402
from tests.figures.pages import curve_chart, curves, finished  # noqa: E402

PACKAGES = ("vega@6", "vega-lite@6.4.1", "vega-embed@7", "requirejs@2.3.7", "jquery@3.5.1")
SCRIPTS = {
    "/npm/vega@6": "vega/build/vega.min.js",
    "/npm/vega-lite@6.4.1": "vega-lite/build/vega-lite.min.js",
    "/npm/vega-embed@7": "vega-embed/build/vega-embed.min.js",
    "/npm/require.js": "requirejs/require.js",
    "/npm/jquery.js": "jquery/dist/jquery.min.js",
}
OURS, THEIRS = ".bk-drawing svg", ".vega-embed canvas, .vega-embed svg.marks"

WATCH = """
(selector, wanted) => {
  window.seen = {visible: null};
  const look = () => {
    const shown = [...document.querySelectorAll(selector)].filter(chart => chart.getBoundingClientRect().height > 50);
    if (shown.length >= wanted) requestAnimationFrame(() => { window.seen.visible = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
}
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One page, loaded once."""

    bytes: int
    """As sent, before any interaction."""
    requests: int
    visible: float
    """Milliseconds until every chart is painted; infinite when some never are."""
    blocking: float
    """Milliseconds of the page's own thread that tasks took beyond 50 ms each, from the first contentful paint on and
    before any interaction: total blocking time, by its usual definition (web.dev/articles/tbt)."""
    nodes: float
    """Elements a chart."""
    violations: int
    """Elements that axe-core complains of."""
    woken: int
    """Bytes, as sent, after every chart was woken."""


@dataclass
class Server:
    """Serves a folder and the scripts of npm, compressed, and counts what it sends."""

    root: Path
    scripts: Path | None
    sent: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.sent)

    def answer(self, path: str) -> tuple[bytes, str] | None:
        path = path.partition("?")[0]
        if path in SCRIPTS and self.scripts is not None:
            file = self.scripts / SCRIPTS[path]
        else:
            file = (self.root / path.lstrip("/")).resolve()
            if not file.is_relative_to(self.root.resolve()):
                return None
        if not file.is_file():
            return None
        kinds = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}
        return compressed(file), kinds.get(file.suffix, "application/octet-stream")


@cache
def compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), 6)


@contextmanager
def serving(root: Path, scripts: Path | None) -> Iterator[Server]:
    server = Server(root=root, scripts=scripts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name that http.server calls
            found = server.answer(self.path)
            body, kind = found if found is not None else (b"", "text/plain")
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if found is not None:
                self.send_header("Content-Encoding", "gzip")
                server.sent.append((self.path, len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


# --- the two pages --------------------------------------------------------------------------------------------------


def specifications(charts: int, rows: int, shared: bool) -> dict[str, Any]:
    return {f"c{n}": curve_chart(curves(rows, 0 if shared else n), title=f"Chart {n}") for n in range(charts)}


def altair_page(folder: Path, specs: dict[str, Any], scripts: str = "/npm/") -> Path:
    """What Altair's default output becomes on a Quarto page; the scripts' addresses lead to this machine."""
    from altair.vegalite.v6.display import html_renderer

    outputs = [html_renderer(spec)["text/html"] for spec in specs.values()]
    head = f'<script src="{scripts}require.js"></script><script src="{scripts}jquery.js"></script>'
    body = "".join(f"<figure><div>{output}</div><figcaption>Figure.</figcaption></figure>" for output in outputs)
    body = body.replace("https://cdn.jsdelivr.net/npm/", scripts)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    page.write_text(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Post</title>{head}</head>'
        f"<body><main><h1>Post</h1>{body}</main></body></html>",
        encoding="utf-8",
    )
    return page


def npm_scripts(folder: Path) -> Path:
    """The scripts of the page to compare with, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("benchmarks/charts.py needs npm for the scripts of the page that it compares with.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"npm could not install {', '.join(PACKAGES)}:\n{done.stderr[-500:]}")
    return folder / "node_modules"


# --- measuring ------------------------------------------------------------------------------------------------------


def measure(running: Any, server: Server, path: str, selector: str, charts: int, *, slow: bool) -> Measured:
    """Loads a page once in a fresh profile and looks at all of it; then wakes every chart."""
    with loaded(running, server, path, selector, charts, slow=slow, traced=True) as page:
        seen = page.evaluate("window.seen.visible")
        blocked = blocking(json.loads(running.stop_tracing())["traceEvents"])
        before, requests = server.bytes, len(server.sent)
        nodes = page.evaluate("document.querySelectorAll('figure *').length") / charts
        violations = axe(page)
        drawings = page.locator(".bk-drawing")
        for drawing in drawings.all():
            drawing.dispatch_event("pointerenter")
        if drawings.count():
            awake = "count => document.querySelectorAll('[data-state=awake]').length === count"
            page.wait_for_function(awake, arg=charts, timeout=120_000)
            violations += axe(page)
        return Measured(
            bytes=before,
            requests=requests,
            visible=seen or math.inf,
            blocking=blocked,
            nodes=nodes,
            violations=violations,
            woken=server.bytes,
        )


def visible(running: Any, server: Server, path: str, selector: str, charts: int, *, slow: bool) -> float:
    """Loads a page once in a fresh profile, with nothing else that looks on: milliseconds until all charts stand."""
    with loaded(running, server, path, selector, charts, slow=slow) as page:
        return page.evaluate("window.seen.visible") or math.inf


@contextmanager
def loaded(
    running: Any, server: Server, path: str, selector: str, charts: int, *, slow: bool, traced: bool = False
) -> Iterator[Any]:
    """A page whose charts all stand."""
    context = running.new_context(viewport={"width": 412, "height": 800} if slow else {"width": 1200, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(180_000)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        if slow:
            session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            speed = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 100_000}
            session.send("Network.emulateNetworkConditions", speed)
        server.sent.clear()
        page.add_init_script(f"({WATCH})({json.dumps(selector)}, {charts})")
        if traced:
            running.start_tracing(page=page, categories=["toplevel", "loading"])
        page.goto(f"http://127.0.0.1:{server.port}{path}", wait_until="load")
        try:
            page.wait_for_function("() => window.seen.visible !== null", timeout=90_000)
        except Exception:
            print(f"  not all charts of {path} were drawn", file=sys.stderr)
        page.wait_for_timeout(300)
        yield page
    finally:
        context.close()


def blocking(events: list[dict[str, Any]]) -> float:
    """What long tasks after the first contentful paint took beyond 50 ms each.

    In the thread's own time, so that what else the machine does is not counted. Before that paint there is nothing that
    could answer: taking down the page before and laying out the first frame are in the time until charts are visible.
    """
    painted = max((event["ts"] for event in events if event["name"] == "firstContentfulPaint"), default=0)
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    tasks = [
        e
        for e in events
        if e.get("ph") == "X" and e["name"].endswith("RunTask") and names.get((e["pid"], e["tid"])) == "CrRendererMain"
    ]
    total = 0.0
    ends: dict[int, float] = {}
    for task in sorted(tasks, key=lambda e: (e["ts"], -e.get("dur", 0))):
        if task["ts"] < ends.get(task["pid"], 0) or task["ts"] < painted:
            continue  # inside another task, or before there was anything to touch
        ends[task["pid"]] = task["ts"] + task.get("dur", 0)
        total += max(0.0, task.get("tdur", 0) / 1000 - 50)
    return total


def axe(page: Any) -> int:
    """How many elements axe-core complains of."""
    source = resources.files("blogkit.check").joinpath("vendor", "axe-core", "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)
    run = "axe.run(document, {resultTypes: ['violations'], preload: false})"
    return int(sum(page.evaluate(f"() => {run}.then(found => found.violations.map(one => one.nodes.length))")))


def drawn_without(running: Any, page: Path, selector: str, *, scripts: bool) -> int:
    """How many charts show when the page is opened as a file without the network, with or without JavaScript."""
    context = running.new_context(offline=True, java_script_enabled=scripts)
    try:
        tab = context.new_page()
        tab.goto(page.as_uri())
        tab.wait_for_timeout(1500)
        return sum(chart.is_visible() for chart in tab.locator(selector).all())
    finally:
        context.close()


def printed_pixels(running: Any, page: Path) -> int:
    """How many raster images the printed page holds."""
    context = running.new_context()
    try:
        tab = context.new_page()
        tab.goto(page.as_uri())
        return len(re.findall(rb"/Subtype\s*/Image", tab.pdf()))
    finally:
        context.close()


# --- live figures ---------------------------------------------------------------------------------------------------

FIRST_ANSWER = """
() => new Promise(done => {
  const figure = document.querySelector('.bk-figure'), began = performance.now();
  const look = () => {
    if (figure.dataset.answer === 'ready') requestAnimationFrame(() => done(performance.now() - began));
    else setTimeout(look, 1);
  };
  figure.querySelector('.bk-drawing').dispatchEvent(new PointerEvent('pointerenter'));
  look();
})
"""
SLIDER_TO_PICTURE = """
value => new Promise(done => {
  const input = document.querySelector('.bk-figure input[type=range]');
  const picture = document.querySelector('.bk-figure .bk-awake svg');
  const before = picture.innerHTML, began = performance.now();
  const watch = new MutationObserver(() => {
    if (picture.innerHTML === before) return;
    watch.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
  });
  watch.observe(picture, {subtree: true, attributes: true, childList: true});
  input.value = value;
  input.dispatchEvent(new Event('input', {bubbles: true}));
})
"""
EAGER = """
for (const one of document.querySelectorAll('.bk-drawing')) one.dispatchEvent(new PointerEvent('pointerenter'));
"""


def live_pages(root: Path) -> tuple[Path, Path]:
    """A post with a live figure, and the same post when it asks its model as it opens."""
    import os

    from blogkit import charts, record
    from blogkit.store import RunPaths
    from tests.figures.live import live_page, network

    run = RunPaths(folder=root / "run")
    run.charts.mkdir(parents=True)
    os.environ["BLOGKIT_RUN_FOLDER"] = str(run.folder)
    record.model("net", network(3, 300, 300, 1))
    plane = charts.features(x=charts.axis(-2, 2, 24), y=charts.axis(-2, 2, 24), noise=charts.slider(0, 1, 0.01))
    region = charts.live("net", plane, columns="inside", apply="sigmoid")
    page = live_page(root, run, {"region": region.mark_rect().encode(x="x:O", y="y:O", color="inside:Q")})
    eager = page.with_name("eager.html")
    page.with_name("eager.js").write_text(EAGER)
    eager.write_text(page.read_text().replace("</head>", '<script src="eager.js" defer></script></head>'))
    return page, eager


def live_figures(running: Any, folder: Path) -> list[str]:
    """Prints what a live figure costs a reader, at a desk and on a phone; the targets that are missed."""
    from blogkit.publish.archive import zip_bytes
    from blogkit.publish.package import pack

    page, eager = live_pages(folder)
    site = page.parents[2]
    size = len(zip_bytes(pack(page, site).files)) / 1e6
    rows: list[tuple[str, float, float]] = [("zip of a post with a live figure, MB", size, 7)]
    for where, slow, first, then in (("at a desk", False, 1500, 50), ("on a phone", True, 4000, 150)):
        answers, moves, before = [], [], 0.0
        for _ in range(5):  # the quickest counts, as for the time until charts are visible
            with opened_file(running, page, slow=slow) as (tab, loaded_bytes):
                before = loaded_bytes()
                answers.append(tab.evaluate(FIRST_ANSWER))
                took = [tab.evaluate(SLIDER_TO_PICTURE, str(0.02 * step)) for step in range(1, 16)]
                moves.append(sorted(took)[len(took) // 2])
        rows.append((f"first answer {where}, ms", min(answers), first))
        rows.append((f"slider to picture {where}, ms (median)", min(moves), then))
        with opened_file(running, eager, slow=slow) as (tab, loaded_bytes):
            tab.wait_for_selector("[data-answer=ready]", timeout=120_000)
            print(f"  {where}: {before / 1000:.1f} kB before a touch; eager, {loaded_bytes() / 1000:.0f} kB before one")
        rows.append((f"bytes of engine and models before a touch {where}", before_engine(running, page, slow), 0))
    missed = []
    for name, value, limit in rows:
        held = value <= limit
        print(f"  {'ok  ' if held else 'MISS'} {name}: {value:.3g} (at most {limit})")
        missed += [] if held else [name]
    return missed


def before_engine(running: Any, page: Path, slow: bool) -> float:
    """The bytes of what a live figure needs that a page loads before it is touched."""
    with opened_file(running, page, slow=slow, only=("figures-live.js", "figures-live-wasm.js", "net-")) as (_, loaded):
        return loaded()


@contextmanager
def opened_file(running: Any, page: Path, *, slow: bool, only: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """A page opened from the disk, and a function that says how many bytes, compressed, it has loaded."""
    context = running.new_context(viewport={"width": 412, "height": 800} if slow else {"width": 1200, "height": 900})
    files: list[Path] = []
    try:
        tab = context.new_page()
        tab.on("request", lambda request: files.append(Path(request.url.removeprefix("file://").partition("?")[0])))
        if slow:
            context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        tab.goto(page.as_uri(), wait_until="load")
        yield tab, lambda: sum(len(compressed(file)) for file in files if not only or file.name.startswith(only))
    finally:
        context.close()


def main() -> None:
    words = argparse.ArgumentParser(description="Charts on a page: bytes, requests, time, elements, axe.")
    words.add_argument("--charts", type=int, nargs="+", default=[1, 5, 10, 20])
    words.add_argument("--rows", type=int, nargs="+", default=[200, 1000, 5000])
    words.add_argument("--rounds", type=int, default=5, help="timed loads of each page; the quickest counts")
    words.add_argument("--quick", action="store_true", help="10 charts of 1,000 rows, where the targets are")
    words.add_argument("--live", action="store_true", help="live figures alone")
    asked = words.parse_args()
    if asked.live:
        with tempfile.TemporaryDirectory() as name, browser() as running:
            missed = live_figures(running, Path(name))
        if missed:
            sys.exit("Missed: " + "; ".join(missed))
        return
    sizes = [(10, 1000)] if asked.quick else [(charts, rows) for rows in asked.rows for charts in asked.charts]
    misses: list[str] = []
    with tempfile.TemporaryDirectory() as name, browser() as running:
        folder = Path(name)
        scripts = npm_scripts(folder / "npm")
        head = f"{'charts':>6} {'rows':>5} {'page':<22}{'kB':>7} {'woken':>7} {'requests':>9} {'visible ms':>16} "
        print(head + f"{'blocking ms':>16} {'nodes':>6} {'axe':>4}")
        for charts, rows in sizes:
            theirs = altair_page(folder / f"altair-{charts}-{rows}", specifications(charts, rows, False))
            pages = {"Altair + require.js": ("/index.html", theirs, THEIRS)}
            for shared in (False, True):
                root = folder / f"ours-{charts}-{rows}-{shared}"
                ours = finished(root, specifications(charts, rows, shared))
                pages["blogkit" + (", one table" if shared else "")] = ("/projects/post/index.html", ours, OURS)
            table: dict[str, tuple[Measured, Measured]] = {}
            found: dict[tuple[str, bool], Measured] = {}
            for number in range(asked.rounds + 1):  # in turn, so that the machine's mood meets every page alike
                for kind, (path, page, selector) in pages.items():
                    with serving(page.parent if kind.startswith("Altair") else page.parents[2], scripts) as server:
                        for slow in (False, True):
                            if number == 0:
                                found[kind, slow] = measure(running, server, path, selector, charts, slow=slow)
                                continue
                            took = visible(running, server, path, selector, charts, slow=slow)
                            found[kind, slow] = replace(found[kind, slow], visible=min(took, found[kind, slow].visible))
            for kind in pages:
                table[kind] = (found[kind, False], found[kind, True])
                fast, slow_one = table[kind]
                times = (
                    f"{fast.visible:>7.0f} /{slow_one.visible:>7.0f} {fast.blocking:>7.0f} /{slow_one.blocking:>7.0f}"
                )
                print(
                    f"{charts:>6} {rows:>5} {kind:<22}{fast.bytes / 1000:>7.1f} {fast.woken / 1000:>7.1f} "
                    f"{fast.requests:>9} {times} {fast.nodes:>6.0f} {fast.violations:>4}",
                    flush=True,
                )
            if (charts, rows) == (10, 1000):
                misses += targets(running, table, pages)
                misses += live_figures(running, folder / "live")
    if misses:
        sys.exit("Missed: " + "; ".join(misses))


def targets(running: Any, table: dict[str, tuple[Measured, Measured]], pages: dict[str, Any]) -> list[str]:
    """Prints each target with what was measured, on the page of 10 charts of 1,000 rows; those that are missed."""
    (theirs, theirs_slow), (ours, ours_slow) = table["Altair + require.js"], table["blogkit"]
    path, own, foreign = pages["blogkit"][0], pages["blogkit"][1], pages["Altair + require.js"][1]
    assert path
    runtime = len(gzip.compress((ROOT / "blogkit/render/assets/figures-runtime.js").read_bytes(), 9))
    rows = [
        ("bytes before interaction, ratio", ours.bytes / theirs.bytes, 0.2),
        ("bytes after waking all, with full precision, ratio", ours.woken / theirs.bytes, 0.55),
        ("kB a chart of 1,000 rows", len(gzip.compress(own.read_bytes(), 9)) / 10_000, 8),
        ("runtime, kB", runtime / 1000, 160),
        ("all charts visible, ratio", ours.visible / theirs.visible, 0.25),
        ("all charts visible on a phone, ratio", ours_slow.visible / theirs_slow.visible, 0.15),
        ("blocking before a touch, ms", ours.blocking, 0),
        ("blocking before a touch on a phone, ms", ours_slow.blocking, 0),
        ("elements a chart", ours.nodes, 130),
        ("axe violations, asleep and awake", ours.violations + ours_slow.violations, 0),
        ("charts missing offline", 10 - drawn_without(running, own, OURS, scripts=True), 0),
        ("charts missing without JavaScript", 10 - drawn_without(running, own, OURS, scripts=False), 0),
        ("raster images in print", printed_pixels(running, own), 0),
    ]
    missed = []
    for name, value, limit in rows:
        held = value <= limit
        print(f"  {'ok  ' if held else 'MISS'} {name}: {value:.3g} (at most {limit})")
        if not held:
            missed.append(name)
    offline = drawn_without(running, foreign, THEIRS, scripts=True)
    print(f"  Altair's page: {offline} of 10 charts offline, {theirs.violations} axe violations")
    return missed


if __name__ == "__main__":
    main()
