"""File trees for tests: a dict is a tree, and a list of cells is a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any


def write_tree(root: Path, tree: Mapping[str, str | bytes]) -> Path:
    """Writes each entry of ``tree`` (path to contents, dedented) below ``root``, and gives ``root`` back."""
    for name, contents in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(contents, bytes):
            path.write_bytes(contents)
        else:
            path.write_text(dedent(contents).lstrip("\n"), encoding="utf-8")
    return root


def notebook(*cells: str | tuple[str, str], kernel: str = "python3") -> str:
    """A notebook's JSON. A cell is code, ``("parameters", code)`` for a tagged cell, or ``("markdown", text)``."""
    made: list[dict[str, Any]] = []
    for number, cell in enumerate(cells):
        kind, source = ("code", cell) if isinstance(cell, str) else cell
        entry: dict[str, Any] = {"id": f"cell-{number}", "metadata": {}, "source": dedent(source).strip("\n")}
        if kind == "markdown":
            entry["cell_type"] = "markdown"
        else:
            entry.update(cell_type="code", execution_count=None, outputs=[])
            if kind != "code":
                entry["metadata"] = {"tags": [kind]}
        made.append(entry)
    kernelspec = {"name": kernel, "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 5})


EXPERIMENT = (
    ("parameters", "width = 8\nlr = 0.1\nepochs = 2\nseed = 0"),
    "from blogkit import record",
    "for epoch in range(epochs):\n    record.metric('error', 1 / (width + epoch + seed), step=epoch)",
)
"""A run that takes no time and needs no framework."""


def site_tree(projects: Mapping[str, Mapping[str, str | bytes]], quarto: str = "") -> dict[str, str | bytes]:
    """The tree of a site with these projects, each a tree of its own."""
    tree: dict[str, str | bytes] = {"_quarto.yml": quarto or "project:\n  type: website\nwebsite:\n  title: Class\n"}
    for name, files in projects.items():
        tree[f"projects/{name}/index.qmd"] = f"---\ntitle: {name}\n---\n\nWords.\n"
        tree.update({f"projects/{name}/{path}": contents for path, contents in files.items()})
    return tree


def write_project(root: Path, sweep: str, *cells: Any, name: str = "p", **files: str) -> Path:
    """A site with one project made of a sweep and an experiment's cells; gives the project's folder."""
    contents: Sequence[Any] = cells or EXPERIMENT
    tree: dict[str, str | bytes] = {"sweep.yml": dedent(sweep), "experiment.ipynb": notebook(*contents), **files}
    write_tree(root, site_tree({name: tree}))
    return root / "projects" / name
