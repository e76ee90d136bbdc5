"""What a notebook imports, runs or reads is found by reading its code, anywhere in the repository and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.sources import match_files, project_modules, repository_root, sources_of
from tests.files import notebook, write_tree

TREE = {
    ".git/HEAD": "x",
    "src/model.py": "import layers\n",
    "src/layers.py": "",
    "src/unused.py": "",
    "lib/pkg/__init__.py": "from . import base\n",
    "lib/pkg/base.py": "",
    "lib/pkg/deep/__init__.py": "",
    "lib/pkg/deep/net.py": "from ..base import x\nfrom .side import *\n",
    "lib/pkg/deep/side.py": "",
    "lib/pkg/__main__.py": "from pkg.deep import net\n",
    "site/projects/p/helper.py": "import other\n",
    "site/projects/p/other.py": "",
    "site/projects/p/plots.py": "",
    "site/projects/p/train.py": "import helper\n",
    "site/projects/p/more.ipynb": notebook("import plots"),
    "site/projects/p/data/a.csv": "1",
    "site/projects/p/notes.txt": "1",
    "site/projects/p/runs/abc/old.py": "",
    "site/projects/p/out/copied.py": "",
    "site/projects/p/.ipynb_checkpoints/helper-checkpoint.py": "",
    "site/projects/p/.venv/lib/x.py": "",
    "site/projects/p/venv/lib/x.py": "",
    "site/projects/p/own-env/pyvenv.cfg": "",
    "site/projects/p/own-env/x.py": "",
    "site/projects/p/__pycache__/x.py": "",
    "site/projects/p/node_modules/x.py": "",
    "site/projects/p/folder.py/readme": "",
}
ALL = ["helper.py", "other.py", "plots.py", "train.py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tree(tmp_path, TREE)
    return tmp_path / "site" / "projects" / "p"


def modules(folder: Path, *cells: str, kernel: str = "python3") -> list[str]:
    path = folder / "experiment.ipynb"
    path.write_text(notebook(*cells, kernel=kernel))
    root = repository_root(folder)
    return [
        (path.relative_to(folder) if path.is_relative_to(folder) else path.relative_to(root)).as_posix()
        for path in sources_of(path, folder).modules
    ]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("x = 1", []),
        ("import helper", ["helper.py", "other.py"]),
        ("import helper as h, json, torch", ["helper.py", "other.py"]),
        ("from helper import thing", ["helper.py", "other.py"]),
        ("def later():\n    import plots", ["plots.py"]),
        ("%run helper.py --fast", ["helper.py", "other.py"]),
        ("%run -i helper", ["helper.py", "other.py"]),
        ("%run more.ipynb", ["more.ipynb", "plots.py"]),
        ("!python train.py --lr 0.1", ["helper.py", "other.py", "train.py"]),
        ("x = 1\nif x:\n    !python plots.py \\\n      --fast", ["plots.py"]),
        ("%%bash\npython train.py", ["helper.py", "other.py", "train.py"]),
        ("%%time\nimport plots", ["plots.py"]),
        ("import subprocess, sys\nsubprocess.run([sys.executable, 'plots.py', '--x'])", ["plots.py"]),
        ("import subprocess\nsubprocess.run('python plots.py', shell=True)", ["plots.py"]),
        ("import os\nos.system('python3 ./plots.py > log')", ["plots.py"]),
        ("from importlib import import_module\nimport_module('plots')", ["plots.py"]),
        ("import runpy\nrunpy.run_path('plots.py')", ["plots.py"]),
        ("exec(open('plots.py').read())", ["plots.py"]),
        ("text = ('%s'\n  % 1)\nimport plots", ["plots.py"]),
        ("import sys\nsys.path.insert(0, '../../../src')\nimport model", ["src/layers.py", "src/model.py"]),
        (
            "import sys, pathlib\nup = pathlib.Path('..')\nsys.path.append(str(up / '../../src'))\nimport model",
            ["src/layers.py", "src/model.py"],
        ),
        ("import sys\nsys.path.append(ROOT)\nimport model", ["src/layers.py", "src/model.py"]),
        ("!python ../../../src/model.py", ["src/layers.py", "src/model.py"]),
        ("script = f'{ROOT}/src/model.py'", ["src/layers.py", "src/model.py"]),
        (
            "from pkg.deep import net",
            ["lib/pkg/__init__.py", "lib/pkg/base.py", "lib/pkg/deep/__init__.py", "lib/pkg/deep/net.py",
             "lib/pkg/deep/side.py"],
        ),
        (
            "!python -m pkg --x",
            ["lib/pkg/__init__.py", "lib/pkg/__main__.py", "lib/pkg/base.py", "lib/pkg/deep/__init__.py",
             "lib/pkg/deep/net.py", "lib/pkg/deep/side.py"],
        ),
        (
            "import subprocess\nsubprocess.run(['python', '-m', 'pkg.base'])",
            ["lib/pkg/__init__.py", "lib/pkg/base.py"],
        ),
        ("import folder", []),
        ("%%writefile plots.py\nx = 1", []),
        ("import blogkit", []),
    ],
)  # fmt: skip
def test_what_is_imported_or_run_is_found_at_any_remove(folder: Path, code: str, found: list[str]) -> None:
    assert sorted(modules(folder, code)) == sorted(found)


@pytest.mark.parametrize(
    "code",
    [
        "name = 'plots'\nimport importlib\nimportlib.import_module(name)",
        "__import__(f'{kind}_model')",
        "!python {script}",
        "%run $script",
        "this is (no Python",
    ],
)
def test_where_an_import_cannot_be_read_every_module_of_the_project_counts(folder: Path, code: str) -> None:
    assert modules(folder, code) == ALL
    assert sources_of(folder / "experiment.ipynb", folder).guessed


def test_a_notebook_of_another_language_takes_every_module(folder: Path) -> None:
    path = folder / "experiment.ipynb"
    path.write_text(notebook("source('x.R')").replace('"language": "python"', '"language": "R"'))
    assert [one.name for one in sources_of(path, folder).modules] == ALL


def test_what_is_hidden_cached_installed_or_written_is_no_module(folder: Path) -> None:
    assert [path.name for path in project_modules(folder)] == ALL


def test_a_file_that_the_notebook_writes_is_no_source_also_when_it_is_imported(folder: Path) -> None:
    assert modules(folder, "%%writefile plots.py\nx = 1", "import plots") == []


def test_files_that_are_named_are_data(folder: Path) -> None:
    path = folder / "figures.ipynb"
    path.write_text(
        notebook("from pathlib import Path", "x = Path('data') / 'a.csv'", "y = open('notes.txt')", "z = 'runs/abc'")
    )
    assert [one.name for one in sources_of(path, folder).data] == ["a.csv", "notes.txt"]
    path.write_text(notebook("import glob\nglob.glob('data/*.csv')"))
    assert [one.name for one in sources_of(path, folder).data] == ["a.csv"]
    write_tree(
        repository_root(folder),
        {"logs/a/m.csv": "1", "configs/base.yaml": "x", "src/train.py": "c = 'configs/base.yaml'\n"},
    )
    path.write_text(notebook("import glob\nglob.glob('../../../logs/*/m.csv')"))
    assert [one.name for one in sources_of(path, folder).data] == ["m.csv"]
    path.write_text(notebook("%run ../../../src/train.py"))
    assert [one.name for one in sources_of(path, folder).data] == ["base.yaml"]
    path.write_text(notebook("x = '../../../../outside.txt'", "y = '/etc/hostname'", "z = '.'", "w = '*'"))
    (folder.parents[2].parent / "outside.txt").write_text("1")
    assert sources_of(path, folder).data == ()


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("data/*.csv", ["a.csv"]),
        ("../../../src/*.py", ["layers.py", "model.py", "unused.py"]),
        ("../../../lib/**/side.py", ["side.py"]),
        ("**/x.py", []),
        (".venv/lib/x.py", []),
        ("*.py", ["helper.py", "other.py", "plots.py", "train.py"]),
        ("../../../../*.txt", []),
        ("data/../../../../../outside.txt", []),
        ("/etc/hostname", []),
    ],
)
def test_an_input_is_a_file_of_the_repository(folder: Path, pattern: str, found: list[str]) -> None:
    (folder.parents[2].parent / "outside.txt").write_text("1")
    (folder / "linked.txt").symlink_to(folder.parents[2].parent / "outside.txt")
    assert [path.name for path in match_files(folder, pattern)] == found
    assert match_files(folder, "linked.txt") == []


def test_modules_that_import_each_other_are_read_once(folder: Path) -> None:
    (folder / "helper.py").write_text("import other")
    (folder / "other.py").write_text("import helper")
    assert modules(folder, "import helper") == ["helper.py", "other.py"]


def test_a_linked_folder_of_the_repository_is_followed(folder: Path) -> None:
    (folder / "shared").symlink_to(folder.parents[2] / "src")
    assert modules(folder, "import sys\nsys.path.append('shared')\nimport model") == ["src/layers.py", "src/model.py"]
