"""How fast a blog is rendered: `python benchmarks/render.py [--posts 1 10 50 200] [--engine pandoc quarto]`.

Each post has about 2,500 words, 5 figures, 20 citations and 10 equations. Prints one row a size: seconds, pages a
second, the processor time of all processes, their peak memory, how long a change in one post takes, and how long until
the preview serves a saved change. Each row has a process of its own, so that one blog's memory is not counted with
another's.

The figures are five drawings that all posts share, so that the picture that stands for a post where somebody shares it
is drawn once for all of them; ``--own-drawings`` gives each post its own first figure, and so a picture of its own,
which is drawn once in the life of the figure.

``--beside-pandoc`` gives ratios instead, which hold while the machine's speed changes: the processor time of a blog,
Python's start included, over that of one ``pandoc --citeproc --mathml`` process for each post, whose halves run before
and after.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil

from blogkit.config import load_site
from blogkit.render import render_site
from blogkit.render.preview import Preview
from blogkit.tools import quarto
from blogkit.tools.pandoc import find_pandoc

TEXT = """network width depth loss gradient training data model error test seed curve noise label layer descent peak
we find that the of a in with for is as by on and this under each over when more less than between during"""
WORDS = TEXT.split()
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">'
    '<path d="M0 90 L50 60 L100 {} L200 10" stroke="#0e7862" fill="none"/></svg>'
)


def sentence(rng: random.Random, length: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(length)).capitalize()


def post(number: int) -> str:
    """A post's text, another for each number."""
    rng = random.Random(number)
    parts = [
        f"---\ntitle: 'Post {number}: {sentence(rng, 5)}'\n"
        "author:\n  - name: Ada Example\n    affiliations: [Institute]\n"
        f"date: 2026-{1 + number % 12:02}-{1 + number % 28:02}\ncategories: [c{number % 7}, c{number % 3}]\n"
        "bibliography: ../../refs.bib\ncitation: true\n---\n"
    ]
    for section in range(5):
        parts.append(f"\n## {sentence(rng, 3)} {{#sec-{section}}}\n")
        for paragraph in range(5):
            key = (number + section * 5 + paragraph) % 60
            cite = f" [@key{key}]" if paragraph < 4 else f", see @fig-{section} and @sec-{(section + 1) % 5}"
            parts.append("\n" + ". ".join(sentence(rng, 16) for _ in range(6)) + f"{cite}.\n")
        formula = f"\\mathcal{{L}}_{section}(\\theta) = \\frac{{1}}{{n}}\\sum_{{i=1}}^n \\ell(f_\\theta(x_i), y_i)"
        parts.append(f"\n$$\n{formula}\n$$ {{#eq-{section}}}\n")
        parts.append(f"\nBy @eq-{section}, $\\theta_{{t+1}} = \\theta_t - \\eta \\nabla \\mathcal{{L}}$ holds.\n")
        parts.append(f'\n![{sentence(rng, 8)}.](figure{section}.svg){{#fig-{section} fig-alt="{sentence(rng, 6)}"}}\n')
    return "".join(parts)


def make_blog(root: Path, posts: int, *, own_drawings: bool = False) -> None:
    """A site with so many posts."""
    (root / "projects").mkdir(parents=True)
    (root / "_quarto.yml").write_text(
        'project: {type: website, output-dir: _site, render: [index.qmd, "projects/*/index.qmd"]}\n'
        "website: {title: Benchmark, site-url: 'https://example.org'}\n"
        "format: {html: {toc: true, html-math-method: mathml, theme: cosmo}}\nexecute: {enabled: false}\n"
    )
    (root / "index.qmd").write_text(
        "---\ntitle: Posts\nlisting: {contents: projects, sort: 'date desc', type: grid, categories: true}\n---\n"
    )
    (root / "refs.bib").write_text(
        "\n".join(
            f"@article{{key{n}, title={{Title {n}}}, author={{Author{n}, Ann and Other, Bob}}, journal={{Journal}}, "
            f"year={{{1960 + n}}}, volume={{{n}}}, pages={{1--9}}}}"
            for n in range(60)
        )
    )
    for number in range(posts):
        folder = root / "projects" / f"post-{number:03}"
        folder.mkdir()
        (folder / "index.qmd").write_text(post(number))
        for figure in range(5):
            (folder / f"figure{figure}.svg").write_text(
                SVG.format(10 + figure * 5 + (number / 1000 if own_drawings else 0))
            )


def seconds_to_screen(root: Path, source: Path, engine: str) -> float:
    """From saving a change in a post to the preview's serving it."""
    shown = Preview(root, engine=engine, say=lambda words: None)
    thread = threading.Thread(target=shown.run)
    thread.start()
    address = shown.address + source.relative_to(root).with_suffix(".html").as_posix()
    while shown.version == 0:
        time.sleep(0.05)
    source.write_text(source.read_text().replace("## ", "## Previewed ", 1))
    start = time.perf_counter()
    while True:
        with urllib.request.urlopen(address, timeout=20) as answer:
            if b"Previewed" in answer.read():
                break
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    shown.stop()
    thread.join()
    return seconds


class Memory:
    """The peak of this process and its children, in MB, sampled while it is open."""

    def __enter__(self) -> Memory:
        self.peak = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._stop.wait(0.1):
            total = 0.0
            for process in [own, *own.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss / 1e6
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def processor_seconds(command: list[str], folder: Path) -> float:
    """The processor time of a program and all that it starts."""
    before = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before


RENDER = (
    "import sys, pathlib as p; from blogkit.config import load_site as l; from blogkit.render import render_site as r\n"
)
RENDER += "r(l(p.Path(sys.argv[1])), engine='pandoc')"


def beside_pandoc(posts: int, *, own_drawings: bool) -> tuple[float, float]:
    """The processor time of a blog, and that of a pandoc process for each of its posts."""
    root = Path(tempfile.mkdtemp(prefix="blogkit-render-"))
    try:
        make_blog(root / "site", posts, own_drawings=own_drawings)
        folders = sorted((root / "site/projects").iterdir())
        command = [str(find_pandoc()), "--citeproc", "--mathml", "--standalone", "-o", "/dev/null", "index.qmd"]
        half = len(folders) // 2
        theirs = sum(processor_seconds(command, folder) for folder in folders[:half])
        ours = processor_seconds([sys.executable, "-c", RENDER, str(root / "site")], Path(__file__).parent.parent)
        theirs += sum(processor_seconds(command, folder) for folder in folders[half:])
        return ours, theirs
    finally:
        shutil.rmtree(root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--engine", nargs="+", default=["pandoc", *(["quarto"] if quarto.find_quarto() else [])])
    parser.add_argument("--own-drawings", action="store_true", help="a first figure of its own for each post")
    parser.add_argument("--beside-pandoc", action="store_true", help="ratios to one pandoc process for each post")
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.beside_pandoc:
        print("posts  drawings  CPU s  pandoc's CPU s  ratio", flush=True)
        for posts in arguments.posts:
            for own_drawings in (False, True):
                ours, theirs = beside_pandoc(posts, own_drawings=own_drawings)
                kind = "own" if own_drawings else "shared"
                print(f"{posts:5}  {kind:8} {ours:6.1f} {theirs:15.1f} {ours / theirs:6.2f}", flush=True)
        return
    if not arguments.row:
        print("engine  posts  seconds  pages/s  CPU s  peak MB  one change s  nothing changed s  preview s", flush=True)
        own = ["--own-drawings"] if arguments.own_drawings else []
        for engine in arguments.engine:
            for posts in arguments.posts:
                row = ["--row", "--engine", engine, "--posts", str(posts), *own]
                subprocess.run([sys.executable, __file__, *row], check=True)
        return
    for engine in arguments.engine:
        for posts in arguments.posts:
            root = Path(tempfile.mkdtemp(prefix="blogkit-render-"))
            try:
                make_blog(root / "site", posts, own_drawings=arguments.own_drawings)
                site = load_site(root / "site")
                before = time.process_time()
                with Memory() as memory:
                    start = time.perf_counter()
                    pages = len(render_site(site, engine=engine).pages)
                    full = time.perf_counter() - start
                    used = sum(
                        sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
                    )
                    used -= before
                changed = site.projects[posts // 2].post
                changed.write_text(changed.read_text().replace("## ", "## Changed ", 1))
                start = time.perf_counter()
                render_site(load_site(site.root), engine=engine)
                one = time.perf_counter() - start
                start = time.perf_counter()
                render_site(load_site(site.root), engine=engine)
                none = time.perf_counter() - start
                seen = seconds_to_screen(site.root, changed, engine)
                print(
                    f"{engine:7} {posts:5} {full:8.2f} {pages / full:8.1f} {used:6.1f}"
                    f" {memory.peak:8.0f} {one:13.2f} {none:18.2f} {seen:10.2f}",
                    flush=True,
                )
            finally:
                shutil.rmtree(root)


if __name__ == "__main__":
    main()
