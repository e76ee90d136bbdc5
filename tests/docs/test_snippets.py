"""What the documentation shows is run: shell, Python and YAML, in the order of the page, in an empty folder."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from blogkit import check
from blogkit.check.profile import load_profile
from blogkit.config import load_sweep, parse_yaml, read_as
from blogkit.model import SiteConfig
from blogkit.store import RUN_FOLDER_VARIABLE, RunPaths
from tests.docs.pages import PAGES, Block, blocks
from tests.sites import NewcomersSite

_MARK = "@@docs@@"
_MERGE = """python -c '
import sys, pathlib, yaml
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(parents=True, exist_ok=True)
new = sys.stdin.read()
if path.is_file():
    new = yaml.safe_dump({**yaml.safe_load(path.read_text()), **yaml.safe_load(new)}, sort_keys=False)
path.write_text(new)
' """
"""Writes a YAML file; where it exists, the keys that a page shows replace those that are there."""


def steps(page: Path) -> tuple[Block, ...]:
    """What a reader of a page does in a terminal and an editor, in order."""
    return tuple(
        block
        for block in blocks(page)
        if "not run" not in block.marks
        and (block.language == "sh" or (block.file and " " not in block.file and block.language in {"yaml", "csv"}))
    )


def expected_outputs(page: Path) -> dict[int, Block]:
    """The outputs that a page shows, by the line of the block that prints them."""
    found, before = {}, None
    for block in blocks(page):
        shown = block.language == "text" and block.follows and not {"not run", "not output"} & set(block.marks)
        if shown and before is not None and before.language == "sh":
            found[before.line] = block
        before = block
    return found


_STORED = """blogkit() {
  command blogkit "$@" || return
  [ "$1" != new ] || cp -r STORED "projects/$2/"
}"""
"""After `blogkit new`, the runs of the same starter that another project of this test run has."""


def script(page: Path, stored: Path | None = None) -> str:
    """A page's steps as one shell script that says where it is; ``stored`` are runs that a new project has already."""
    lines = ["set -euo pipefail", "exec 2>&1"]
    if stored is not None:
        lines.append(_STORED.replace("STORED", shlex.quote(str(stored))))
    for step in steps(page):
        lines.append(f'echo "{_MARK} 0"')
        if "before" in step.marks:
            lines.append(step.marks["before"])
        lines.append(f'echo "{_MARK} {step.line}"')
        if step.language == "csv":
            lines.append(f"cat > {step.file} <<'END_OF_FILE'\n{step.text}END_OF_FILE")
        elif step.language == "yaml":
            lines.append(f"{_MERGE} {step.file} <<'END_OF_FILE'\n{step.text}END_OF_FILE")
        elif "fails" in step.marks:
            lines.append(f"if (\n{step.text}); then echo 'this should have failed'; exit 9; fi")
        else:
            lines.append(step.text)
    return "\n".join([*lines, f'echo "{_MARK} end"', ""])


def pattern(shown: str) -> re.Pattern[str]:
    """An output as a page shows it, where … stands for anything, and a line of … for any number of lines."""
    parts = [
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line.rstrip()).replace("…", ".*") + r"[ \t]*\n"
        for line in shown.splitlines()
    ]
    return re.compile("".join(parts))


def play(page: Path, folder: Path, stored: Path | None = None) -> None:
    """Does what a page says, and compares what it shows with what came out."""
    environment = {
        **{name: value for name, value in os.environ.items() if name not in {"BLOGKIT_QUARTO", "COLUMNS"}},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "200",
        "PYTHONWARNINGS": "",
    }
    done = subprocess.run(
        ["bash", "-c", script(page, stored)], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
    outputs = {
        int(line): said for line, said in re.findall(rf"{_MARK} (\d+)\n(.*?)(?={_MARK})", done.stdout, re.DOTALL)
    }
    assert done.returncode == 0, f"{page.name}: {done.stdout[-3000:]}{done.stderr}"
    assert f"{_MARK} end" in done.stdout
    for line, shown in expected_outputs(page).items():
        if line not in outputs:
            continue
        said = outputs[line]
        assert pattern(shown.text).fullmatch(said), f"{shown}:\n{shown.text}\nis not what came out:\n{said}"


def _is_slow(page: Path) -> bool:
    return any("slow" in block.marks for block in blocks(page))


def _stories() -> Iterator[object]:
    for page in PAGES:
        if any(step.language == "sh" for step in steps(page)):
            marks = [pytest.mark.slow, pytest.mark.xdist_group("end-to-end")] if _is_slow(page) else []
            yield pytest.param(page, id=page.name, marks=marks)


@pytest.mark.parametrize("page", list(_stories()))
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The tutorial trains what it says; README's commands find the runs of the same starter, which are trained once."""
    if page.name != "README.md":
        play(page, tmp_path)
        return
    made: NewcomersSite = request.getfixturevalue("newcomers_site")
    play(page, tmp_path, made.project / "runs")
    ids = {run.name for run in (made.project / "runs").iterdir()}
    (project,) = (tmp_path / "myclass" / "projects").iterdir()
    assert {run.name for run in (project / "runs").iterdir()} == ids, (
        "another project of this starter has the same runs"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_output_that_a_page_shows_belongs_to_a_command(page: Path) -> None:
    """Otherwise it would be compared with nothing, unless it says that it is no output."""
    compared = {block.line for block in expected_outputs(page).values()}
    for block in blocks(page):
        if block.language == "text" and page.name != "reference.qmd":
            assert block.line in compared or {"not run", "not output"} & set(block.marks), block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_shell_of_a_page_is_valid_also_where_it_is_not_run(page: Path) -> None:
    for block in blocks(page):
        if block.language == "sh":
            done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
            assert done.returncode == 0, f"{block}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = "".join(block.text for block in blocks(page) if block.language == "python" and "not run" not in block.marks)
    if "import torch" in shown and importlib.util.find_spec("torch") is None:
        pytest.skip("the page's code needs torch, which the starters' extra brings")
    monkeypatch.chdir(tmp_path)
    run = RunPaths(folder=tmp_path / "run")
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(run.folder))
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "python" and "not run" not in block.marks:
            exec(compile(block.marks.get("before", ""), f"{block} before", "exec"), names)
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
            if "record.metric(" in block.text:
                assert run.metrics.read_text()
            if "record.chart(" in block.text:
                assert list(run.charts.iterdir())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_yaml_of_a_page_is_what_blogkit_reads(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language != "yaml":
            continue
        document = parse_yaml(block.text, block.page, first_line=block.line + 1)
        path = tmp_path / "file.yml"
        path.write_text(block.text, encoding="utf-8")
        if block.file.endswith("sweep.yml"):
            load_sweep(path)
        elif block.file.endswith("_quarto.yml"):
            read_as(document, SiteConfig, ("blogkit",))
        elif block.file.startswith("front matter"):
            assert set(document.data["blogkit"]) == {"waive"}
            assert set(document.data["blogkit"]["waive"]) <= set(check.all_rules())
        elif "extends" in document.data:
            load_profile(str(path), known_rules=frozenset(check.all_rules()))
        else:
            pytest.fail(f"{block} does not say which file it belongs to")


# --- that these tests can fail ---------------------------------------------------------------------------------------


def page_of(folder: Path, text: str) -> Path:
    path = folder / "page.qmd"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_output_that_is_not_what_comes_out_is_noticed(tmp_path: Path) -> None:
    page = page_of(tmp_path, "```sh\necho one; echo two\n```\n\n<!-- nothing -->\n```text\n…\nthree\n```\n")
    with pytest.raises(AssertionError, match="is not what came out"):
        play(page, tmp_path)


def test_a_command_that_fails_is_noticed_and_one_that_should_fail_and_does_not(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="page"):
        play(page_of(tmp_path, "```sh\nfalse\n```\n"), tmp_path)
    with pytest.raises(AssertionError, match="should have failed"):
        play(page_of(tmp_path, "<!-- fails: it must -->\n```sh\ntrue\n```\n"), tmp_path)


def test_steps_follow_each_other_in_one_folder_and_hidden_ones_come_first(tmp_path: Path) -> None:
    text = """
    <!-- before: mkdir sub -->
    ```sh
    cd sub
    ```

    ```{.yaml filename="a.yml"}
    x: 1
    ```

    ```{.yaml filename="a.yml"}
    y: 2
    ```

    ```sh
    cat a.yml
    pwd
    ```

    ```text
    x: 1
    y: 2
    …/sub
    ```

    <!-- not run: an example -->
    ```sh
    exit 3
    ```
    """
    page = page_of(tmp_path, re.sub(r"^    ", "", text, flags=re.MULTILINE))
    play(page, tmp_path)
    assert yaml.safe_load((tmp_path / "sub" / "a.yml").read_text()) == {"x": 1, "y": 2}
