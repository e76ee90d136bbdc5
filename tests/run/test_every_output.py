"""A notebook's outputs are the same whichever way its kernel starts: warm, cold, or by Papermill's own command."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from blogkit.run.kernels import warm_start
from blogkit.tools.execution import ORDINARY, KernelStart
from blogkit.tools.papermill import execute_notebook
from tests.files import notebook, write_tree

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("warm"),
    pytest.mark.skipif(sys.platform != "linux", reason="a warm start needs Linux"),
]

LIBRARIES = ["matplotlib", "matplotlib.pyplot", "altair", "plotly.graph_objects", "pandas", "tqdm", "tqdm.auto"]
CELLS = {
    "a figure that is shown": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "a figure that the cell's end shows": "plt.plot([2, 1])",
    "a figure as an object": "figure, axes = plt.subplots()\naxes.bar([1, 2], [3, 4])\nfigure",
    "a closed figure": "plt.plot([1, 3])\nplt.close()",
    "two figures and text between": "plt.figure(); plt.plot([1]); plt.show()\nprint('between')\n"
    "plt.plot([2]); plt.show()",
    "a figure in another format": "%config InlineBackend.figure_formats = ['svg']\nplt.rcParams['svg.hashsalt'] = 'x'\n"
    "plt.plot([1, 2])\nplt.show()",
    "figure settings": "%matplotlib inline\n"
    "plt.rcParams['figure.dpi'], plt.rcParams['figure.figsize'], plt.isinteractive()",
    "an Altair chart": "import altair as alt\nimport pandas as pd\nalt.renderers.enable('mimetype')\n"
    "alt.Chart(pd.DataFrame({'x': [1, 2], 'y': [3, 4]})).mark_line().encode(x='x', y='y').to_dict()",
    "a Plotly figure": "import plotly.graph_objects as go\nimport plotly.io\n"
    "plotly.io.renderers.default = 'plotly_mimetype'\n"
    "go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))",
    "a frame": "pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
    "rich displays": "from IPython.display import HTML, JSON, Latex, Markdown, Math, SVG, display\n"
    "display(HTML('<b>bold</b>'), Markdown('*words*'), Latex('$x$'), Math('y'), JSON({'a': [1]}), "
    "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))",
    "an object's own bundle": "class Own:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
    "        return {'text/plain': 'own', 'text/html': '<i>own</i>', 'application/x-own+json': {'k': 1}}\nOwn()",
    "a widget's bundle": "display({'text/plain': 'IntSlider(value=3)', 'application/vnd.jupyter.widget-view+json': "
    "{'model_id': 'abc', 'version_major': 2, 'version_minor': 0}}, raw=True)",
    "a progress bar": "from tqdm import tqdm\nimport sys\n"
    "for _ in tqdm(range(3), bar_format='{n_fmt}/{total_fmt}', file=sys.stdout, mininterval=0): pass",
    "a carriage return": "import time\nfor n in range(3):\n    print(f'\\r{n}', end='', flush=True)\nprint()",
    "a warning": "import warnings\nwarnings.warn('careful')",
    "a deprecation": "warnings.warn('old', DeprecationWarning)",
    "logging": "import logging\nlogging.getLogger('here').warning('logged')\nlogging.getLogger('here').info('not')",
    "both streams in order": "for n in range(3):\n    print('out', n, flush=True)\n"
    "    print('err', n, file=sys.stderr, flush=True)",
    "print without a flush": "print('first')\nprint('second', file=sys.stderr)\nprint('third')",
    "a display that is updated": "handle = display('before', display_id='mine')\nprint('meanwhile')\n"
    "handle.update('after')",
    "an update from another cell": "handle.update('later')",
    "a cleared output": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('stays')",
    "%run": "%run helper.py 3",
    "a module": "import helper_module\nhelper_module.say()",
    "!": "!echo shell; echo problem >&2\nlines = !echo one; echo two\nlines",
    "%%bash": "%%bash\necho from bash",
    "%%capture": "%%capture got\nprint('kept')",
    "what was captured": "got.stdout",
    "a subprocess": "import subprocess\nsubprocess.run([sys.executable, '-c', 'print(\"a child\")'], check=True)",
    "a subprocess that is read": "subprocess.run(['echo', 'read'], capture_output=True, text=True).stdout",
    "%env and magics": "%env\n%precision 3\n3.14159",
    "the last value and the one before": "_, __, Out[max(Out)] is _",
    "a value with a semicolon": "5;",
    "random numbers": "import random, numpy\nrandom.seed(1); numpy.random.seed(1)\n"
    "random.random(), numpy.random.rand()",
    "the names that are there": "[name for name in sorted(globals()) if not name.startswith('_')]",
    "a set and its order": "{'a', 'b'} == {'b', 'a'}, sys.flags.hash_randomization",
    "hooks": "sys.displayhook.__class__.__name__, sys.excepthook.__class__.__name__, __name__, get_ipython().colors",
    "an error": "def inner():\n    raise ValueError('wrong\\nin two lines')\ninner()",
}


def outputs(path: Path) -> list[list[Any]]:
    """Each cell's outputs, without what differs from run to run whatever starts the kernel."""
    return [
        [_normalise(output) for output in _joined_streams(json.loads(json.dumps(cell.get("outputs", []))))]
        for cell in nbformat.read(path, as_version=4).cells
        if not cell["metadata"].get("tags") or "papermill-error-cell-tag" not in cell["metadata"]["tags"]
    ]


def _joined_streams(cell_outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a kernel sent of one stream in two messages, as one: when it flushes is a matter of milliseconds."""
    joined: list[dict[str, Any]] = []
    for output in cell_outputs:
        if joined and output["output_type"] == "stream" and output.get("name") == joined[-1].get("name"):
            joined[-1]["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def _normalise(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normalise(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_normalise(one) for one in value]
    if isinstance(value, str):
        value = re.sub(r"0x[0-9a-f]{6,}", "0x", value)
        value = re.sub(r"(ipykernel_|/tmp/)[\w/]+", r"\1", value)
        value = re.sub(r"<dc:date>.*?</dc:date>", "", value)
        return "\n".join(line for line in value.splitlines() if not re.search(r"'(JPY_|PYDEVD|PYTHONSTARTUP)", line))
    return value


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[Any]]]:
    """The outputs of the one notebook by each way."""
    folder = tmp_path_factory.mktemp("outputs")
    tree = {
        "helper.py": "import sys\nsys.stdout.write(f'run with {sys.argv[1:]} {__name__}\\n')\n"
        "sys.stdout.flush()\nleft = 4\n",
        "helper_module.py": "def say():\n    print('a module of the project')\n",
        "in.ipynb": notebook(*CELLS.values()),
    }
    write_tree(folder, tree)
    found: dict[str, list[list[Any]]] = {}

    def by(start: KernelStart) -> Callable[[Path], None]:
        return lambda path: print(execute_notebook(folder / "in.ipynb", path, {}, cwd=folder, start=start))

    def by_papermill(path: Path) -> None:
        with pytest.raises(papermill.PapermillExecutionError):
            papermill.execute_notebook(str(folder / "in.ipynb"), str(path), cwd=str(folder), progress_bar=False)

    notes: list[str] = []
    with warm_start(LIBRARIES, on_note=notes.append) as start:
        for name, way in {"warm": by(start), "cold": by(ORDINARY), "papermill": by_papermill}.items():
            way(folder / f"{name}.ipynb")
            found[name] = outputs(folder / f"{name}.ipynb")
    assert notes == []
    return found


@pytest.mark.parametrize(("number", "kind"), list(enumerate(CELLS)), ids=list(CELLS))
def test_warm_and_cold_kernels_leave_what_papermill_leaves(
    ways: dict[str, list[list[Any]]], number: int, kind: str
) -> None:
    assert ways["warm"][number] == ways["cold"][number], kind
    assert ways["cold"][number] == ways["papermill"][number], kind


def test_the_outputs_that_are_compared_are_there(ways: dict[str, list[list[Any]]]) -> None:
    of = dict(zip(CELLS, ways["warm"], strict=True))
    for kind in ("a figure that is shown", "a figure that the cell's end shows", "a figure as an object"):
        assert any("image/png" in output.get("data", {}) for output in of[kind]), kind
    assert "image/svg+xml" in of["a figure in another format"][0]["data"]
    assert of["an error"][0]["ename"] == "ValueError"
    assert of["a display that is updated"][0]["data"]["text/plain"] == "'later'"
    assert [len(of[kind]) for kind in ("both streams in order", "a closed figure", "%%capture")] == [6, 0, 0]


def test_figures_are_kept_after_a_library_that_draws_when_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1]); plt.close()\n"
    write_tree(
        tmp_path,
        {
            "site-packages/draws_early.py": code,
            "in.ipynb": notebook("import draws_early", CELLS["a figure that is shown"]),
        },
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site-packages"))
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    notes: list[str] = []
    with warm_start(["draws_early"], on_note=notes.append) as start:
        assert execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {}, cwd=tmp_path, start=start).done
    assert notes == []
    assert "image/png" in outputs(tmp_path / "out.ipynb")[1][0]["data"]
