"""In a run, Altair shows what `gather` reads; in plain Jupyter, what it always shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import altair as alt
import pytest

from blogkit.kernel import STARTUP
from blogkit.kernel import altair as ours
from blogkit.tools.papermill import execute_notebook
from tests import files

ROWS = alt.InlineData(values=[{"a": 1}])


def test_the_entry_point_gives_the_renderer_and_lifts_the_row_limit() -> None:
    with alt.data_transformers.enable("default"), alt.renderers.enable("blogkit"):
        assert alt.data_transformers.options == {"max_rows": None}
        bundle = alt.Chart(ROWS).mark_bar()._repr_mimebundle_()
    assert ours.MIME in bundle


def test_plain_jupyter_still_shows_the_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLOGKIT_RUN_FOLDER", raising=False)
    assert "vegaEmbed" in ours.draw(alt.Chart(ROWS).mark_bar().to_dict())["text/html"]


def test_a_run_stores_no_html(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLOGKIT_RUN_FOLDER", str(tmp_path))
    assert set(ours.draw(alt.Chart(ROWS).mark_bar().to_dict())) == {ours.MIME, "text/plain"}


@pytest.mark.parametrize("first", ["", "import altair"])
def test_the_startup_switches_the_renderer_on_and_leaves_no_name(first: str) -> None:
    program = f"""
{first}
import json
before = set(globals())
exec(compile(open({str(STARTUP)!r}).read(), "startup", "exec"))
left = set(globals()) - before - {{"before"}}
import altair
left = sorted(name for name in left if name[0] != "_")
print(json.dumps([altair.renderers.active, altair.data_transformers.options, left]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["blogkit", {"max_rows": None}, []]


def test_another_renderer_or_transformer_changes_nothing_in_a_run(tmp_path: Path) -> None:
    """A shared notebook names what suits its author's screen; its charts are figures all the same."""
    program = f"""
import os
os.environ["BLOGKIT_RUN_FOLDER"] = {str(tmp_path)!r}
exec(compile(open({str(STARTUP)!r}).read(), "startup", "exec"))
import altair as alt, json
for name in ("mimetype", "jupyter", "browser", "html"):
    alt.renderers.enable(name)
for name in ("json", "csv", "vegafusion"):
    alt.data_transformers.enable(name)
with alt.data_transformers.enable("csv"):
    bundle = alt.Chart(alt.InlineData([{{"a": 1}}] * 6000)).mark_bar()._repr_mimebundle_()
print(json.dumps([sorted(bundle), alt.renderers.active, alt.data_transformers.active]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[ours.MIME, "text/plain"], "blogkit", "default"]


@pytest.mark.slow
def test_a_run_is_a_valid_notebook_that_holds_the_chart_whole(tmp_path: Path) -> None:
    import nbformat

    chart = "import altair as alt\nalt.Chart(alt.InlineData([{'a': 1}] * 6000)).mark_point().encode(x='a:Q')"
    source, output = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    source.write_text(files.notebook(("parameters", "a = 1"), chart, "[name for name in dir() if 'switch' in name]"))
    env = {"BLOGKIT_RUN_FOLDER": str(tmp_path)}
    assert execute_notebook(source, output, {}, cwd=tmp_path, env=env).done
    document = json.loads(output.read_text())
    nbformat.validate(document)
    drawn, names = document["cells"][-2:]
    assert len(drawn["outputs"][0]["data"][ours.MIME]["datasets"].popitem()[1]) == 6000
    assert names["outputs"][0]["data"]["text/plain"] in ("[]", ["[]"])
