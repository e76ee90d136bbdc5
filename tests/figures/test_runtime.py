"""The committed runtime is what its sources and its lock file give, and small."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import vl_convert

import blogkit.render

RENDER = Path(blogkit.render.__file__).parent
SCRIPTS = (
    "figures.js",
    "figures-steps.js",
    "figures-table.js",
    "figures-runtime.js",
    "figures-live.js",
    "figures-held.js",
)


@pytest.mark.slow
def test_building_the_runtime_again_gives_the_committed_bytes(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on PATH: the runtime cannot be built")
    source = tmp_path / "runtime"
    shutil.copytree(RENDER / "runtime", source, ignore=shutil.ignore_patterns("node_modules"))
    fetched = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=source, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"npm reaches no registry: {fetched.stderr[-200:]}")
    subprocess.run(["node", "build.mjs", str(tmp_path / "built")], cwd=source, check=True, capture_output=True)
    for name in SCRIPTS:
        assert (tmp_path / "built" / name).read_bytes() == (RENDER / "assets" / name).read_bytes(), name


def test_the_engine_of_live_figures_carries_its_licence_and_is_at_most_4_megabytes() -> None:
    for name, most in (("figures-live.js", 40_000), ("figures-live-wasm.js", 4_000_000)):
        text = (RENDER / "assets" / name).read_text()
        assert "ONNX Runtime Web 1.30.0" in text and "Copyright (c) Microsoft Corporation" in text
        assert len(gzip.compress(text.encode(), 6)) <= most


def test_the_runtime_is_at_most_160_kilobytes_and_the_eager_script_at_most_2() -> None:
    assert len(gzip.compress((RENDER / "assets" / "figures-runtime.js").read_bytes(), 9)) <= 160_000
    assert len(gzip.compress((RENDER / "assets" / "figures.js").read_bytes(), 9)) <= 2_000


def test_the_runtime_carries_the_licences_of_what_is_inside() -> None:
    text = (RENDER / "assets" / "figures-runtime.js").read_text()
    for words in ("vega-view 6.1.2", "d3-array", "Redistribution and use in source and binary forms"):
        assert words in text


def test_a_figure_wakes_by_the_vega_that_drew_it() -> None:
    asked = json.loads((RENDER / "runtime" / "package.json").read_text())["devDependencies"]
    assert asked["vega"] == vl_convert.get_vega_version()


def test_the_runtime_compiles_no_code_and_puts_nothing_on_the_window() -> None:
    text = (RENDER / "assets" / "figures-runtime.js").read_text().partition("/*!")[0]
    assert "eval(" not in text
    assert "window.vega" not in text and "globalThis.vega" not in text
