"""The engine of live figures travels with the posts that have some, and with no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from blogkit import charts, record
from blogkit.publish.archive import zip_bytes
from blogkit.publish.package import pack
from tests.figures.live import live_page, network, run_folder
from tests.figures.pages import curve_chart, curves, finished


def test_a_zip_carries_models_and_their_engine_only_where_a_post_has_live_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_folder(tmp_path, monkeypatch)
    for step in (1, 2):
        record.model("net", network(2, 3, 1, seed=step), step=step)
    parts = charts.features(x=charts.axis(-1, 1, 5), rate=charts.slider(0, 1))
    line = charts.live("net", parts, columns="y").mark_line().encode(x="x:Q", y="y:Q")
    live, site = live_page(tmp_path, run, {"line": line}), tmp_path / "site"
    other = finished(tmp_path / "other", {"loss": curve_chart(curves(100))})
    shutil.copytree(other.parent, site / "projects" / "other")  # of one site, whose scripts all its posts share

    carried = pack(live, site).files
    assert {"site_libs/blogkit/figures-live.js", "site_libs/blogkit/figures-live-wasm.js"} <= set(carried)
    assert len([name for name in carried if "/models/" in name]) == 1  # step 2: nobody can choose the other
    assert len(zip_bytes(carried)) < 7_000_000

    without = pack(site / "projects" / "other" / "index.html", site).files
    assert [name for name in without if "live" in name or "models" in name] == []
    assert len(zip_bytes(without)) < 1_000_000
