"""Files that users write become values, and every problem is reported at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.check import load
from blogkit.config import choose_projects, front_matter, load_site, load_sweep, read_value, read_yaml
from blogkit.errors import ConfigError, ProjectError
from blogkit.render.metadata import load_yaml_file, split_front_matter
from tests.files import site_tree, write_tree


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "sweep.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_sweep(path)
    return [str(problem).replace(str(tmp_path) + "/", "") for problem in caught.value.problems]


def test_an_empty_sweep_is_one_run(tmp_path: Path) -> None:
    (tmp_path / "sweep.yml").write_text("")
    assert load_sweep(tmp_path / "sweep.yml").seeds == 1


def test_every_problem_of_a_sweep_is_reported_at_once(tmp_path: Path) -> None:
    reported = problems(tmp_path, "gird:\n  width: [1]\nbudget:\n  minuts: 3\nthreads: two\n")
    assert reported == [
        "sweep.yml:1: 'gird' is not a key that is known here.\n    Did you mean 'grid'?",
        "sweep.yml:4: 'budget.minuts' is not a key that is known here.\n    Did you mean 'minutes'?",
        "sweep.yml:5: 'threads': input should be a valid integer, unable to parse string as an integer, not 'two'.",
    ]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("grid:\n  width: []\n", "sweep.yml:2: the grid of 'width' is empty"),
        ("grid: {w: [1]}\nparameters: {w: 1}\n", "sweep.yml:1: 'w' stands in the grid and in the parameters."),
        ("seeds: 0\n", "sweep.yml:1: there must be at least one seed."),
        ("seeds: [1, 1]\n", "sweep.yml:1: a seed stands in the list twice."),
        ("scale: big\n", "sweep.yml:1: there is no scale 'big'."),
        ("threads: 1\nruns_per_gpu: 0\n", "sweep.yml:2: 'runs_per_gpu' must be 1 or more."),
        ("seeds: 1\ntime_limit: 0\n", "sweep.yml:2: 'time_limit' is 0, and must be a number above 0."),
        ("budget:\n  minutes: -1\n", "sweep.yml:2: 'minutes' is -1, and must be a number above 0."),
        ("budget:\n  runs: 0\n", "sweep.yml:2: 'runs' is 0, and must be a number above 0."),
        ("time_limit: .inf\n", "sweep.yml:1: 'time_limit' is inf, and must be a number above 0."),
        ("budget: {minutes: .nan}\n", "sweep.yml:1: 'minutes' is nan, and must be a number above 0."),
        ("a: 1\na: 2\n", "sweep.yml:2: says 'a' twice."),
        ("grid: {width: [1\n", "sweep.yml:2: is not valid YAML"),
        ("- a\n- b\n", "sweep.yml:1: the file must be a list of `key: value` lines."),
        ("x: !!python/object/apply:os.system [id]\n", "sweep.yml:1: is not valid YAML"),
        ("scales:\n  full:\n    gird: {}\n", "sweep.yml:3: 'scales.full.gird' is not a key"),
    ],
)
def test_an_impossible_sweep_is_an_error_message_with_its_line(tmp_path: Path, text: str, reported: str) -> None:
    (first, *_) = problems(tmp_path, text)
    assert first.startswith(reported), first


def test_a_site_is_found_from_below_with_its_projects(tmp_path: Path) -> None:
    write_tree(tmp_path, site_tree({"b": {}, "a": {"sweep.yml": "seeds: 2"}}))
    (tmp_path / "projects" / "no-post").mkdir()
    site = load_site(tmp_path / "projects" / "a")
    assert [project.name for project in site.projects] == ["a", "b"]
    assert site.output == tmp_path.resolve() / "_site"
    assert site.projects[0].sweep is not None
    assert site.projects[1].sweep is None


def test_problems_of_several_files_are_reported_together(tmp_path: Path) -> None:
    tree = site_tree({"a": {"sweep.yml": "x: 1"}, "b": {"sweep.yml": "y: 1"}}, quarto="blogkit:\n  profil: x\n")
    write_tree(tmp_path, tree)
    with pytest.raises(ConfigError) as caught:
        load_site(tmp_path)
    assert len(caught.value.problems) == 3


def test_a_folder_without_a_site_is_an_error_message(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="blogkit init"):
        load_site(tmp_path)


def test_an_unknown_project_is_an_error_message_with_the_nearest_name(tmp_path: Path) -> None:
    site = load_site(write_tree(tmp_path, site_tree({"dead-relu": {}})))
    assert [project.name for project in choose_projects(site, ["projects/dead-relu/"])] == ["dead-relu"]
    with pytest.raises(ProjectError, match="Did you mean 'dead-relu'"):
        choose_projects(site, ["dead-rleu"])


def test_front_matter_knows_the_lines_of_the_file(tmp_path: Path) -> None:
    post = write_tree(tmp_path, {"index.qmd": "---\ntitle: T\nauthor:\n  - name: A\n---\n\nx\n"}) / "index.qmd"
    head = front_matter(post)
    assert head.data == {"title": "T", "author": [{"name": "A"}]}
    assert head.line(("author", 0, "name")) == 4
    post.write_text("---\ntitle: T\n")
    with pytest.raises(ConfigError, match="not closed"):
        front_matter(post)


SAME = """
title: No
on: yes
switch: off
octal: 010
hex: 0x1F
small: 1e-3
big: 1_000
time: 1:30
day: 2026-03-01
nothing: ~
truth: true
end: .inf
base: &base {a: 1}
more: {<<: *base, b: 2}
"""


def test_every_reader_of_yaml_gives_the_same_values_those_of_yaml_1_2(tmp_path: Path) -> None:
    post = write_tree(tmp_path, {"index.qmd": f"---{SAME}---\n\nx\n", "sweep.yml": SAME})
    expected = {
        "title": "No",
        "on": "yes",
        "switch": "off",
        "octal": 10,
        "hex": 31,
        "small": 0.001,
        "big": "1_000",
        "time": "1:30",
        "day": "2026-03-01",
        "nothing": None,
        "truth": True,
        "end": float("inf"),
        "base": {"a": 1},
        "more": {"a": 1, "b": 2},
    }
    source = post / "index.qmd"
    assert front_matter(source).data == expected
    assert split_front_matter(source.read_text(), source)[0] == expected
    assert read_yaml(post / "sweep.yml").data == load_yaml_file(post / "sweep.yml") == expected
    assert [read_value(word) for word in ("No", "off", "010", "1e-3", "true")] == ["No", "off", 10, 0.001, True]


@pytest.mark.parametrize("word", ["off", "no", "false", "Off", "'off'"])
def test_a_rule_is_off_by_any_word_that_says_so(word: str, tmp_path: Path) -> None:
    text = f"name: own\ntitle: Own\nextends: mit-6.7960\nrules:\n  limitations: {word}\n"
    chosen = load(str(write_tree(tmp_path, {"own.yml": text}) / "own.yml"))
    assert chosen.level("limitations") is None
    assert load("mit-6.7960").level("limitations") is not None


def test_a_number_of_thousands_of_digits_stays_text(tmp_path: Path) -> None:
    digits = "9" * 6000
    assert read_yaml(write_tree(tmp_path, {"a.yml": f"n: {digits}\n"}) / "a.yml").data == {"n": digits}
