"""What blogkit writes as YAML, its own reader gives back as it was: text that looks like a number stays text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from blogkit.config import load_site, load_yaml, read_yaml, to_yaml, to_yaml_line
from blogkit.gather.changes import shown_values
from blogkit.gather.values import values_yaml
from blogkit.model import Site
from blogkit.new import init_site
from blogkit.pipeline import adopt_notebook
from tests.files import notebook

AMBIGUOUS = (
    "1e3", "1E-09", "1.", ".5", "010", "0o7", "0x1f", "1_000", "1:30", "yes", "No", "on", "y", "true", "null", "~", "",
    "2026-01-01", "2026-01-01 10:00:00", "<<", "=", "+.inf", ".NaN", " a", "a ", "a: b", "- a", "#", "{{< meta x >}}",
    "\x85", "\u2028 ", "a\nb", "\t", "\x7f", "\ufeff", "\U0001f600", "---", "...", "1" * 400,
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(AMBIGUOUS),
    st.text(max_size=20),
    st.text("0123456789.eE+-_:xobnyYtTfF ~=<!&*?|>%@`\n\t#'\"\\", max_size=8),
)
PLAIN = st.one_of(
    TEXTS, st.booleans(), st.none(), st.integers(-(10**200), 10**200), st.floats(allow_nan=False), st.just(1e22)
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
HERE = Path("written.yml")


def kinds(value: Any) -> Any:
    """A value with the kind of each of its parts, since 1 is 1.0 and True to Python."""
    if isinstance(value, dict):
        return [(key, kinds(entry)) for key, entry in value.items()]
    return [kinds(entry) for entry in value] if isinstance(value, list) else (type(value).__name__, value)


@given(VALUES)
def test_a_value_is_read_back_as_it_was_written(value: Any) -> None:
    assert kinds(load_yaml(to_yaml(value), HERE)) == kinds(value)


@given(VALUES, st.booleans())
def test_a_value_on_a_line_is_read_back_as_it_was_written(value: Any, quoted: bool) -> None:
    value = str(value) if quoted else value
    line = to_yaml_line(value, quoted=quoted)
    assert not set("\n\r\x85\u2028\u2029") & set(line)
    assert kinds(load_yaml(f"a: {line}\nb: 1\n", HERE)) == kinds({"a": value, "b": 1})


@given(st.dictionaries(TEXTS, TEXTS, max_size=5))
@example({"1e3": "1e3"})
def test_values_of_the_prose_are_read_back_as_they_were_recorded(values: dict[str, str]) -> None:
    text = values_yaml({"value": name, "text": said} for name, said in values.items())
    assert load_yaml(text, HERE)["values"] == dict(sorted(values.items()))


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_a_reader_of_the_older_yaml_takes_a_text_for_that_text_too(text: str) -> None:
    assert yaml.safe_load(to_yaml({"a": text})) == {"a": text}


def test_half_of_a_surrogate_pair_does_not_make_a_file_that_nobody_can_read() -> None:
    recorded = json.loads(r'{"value": "a", "text": "x\ud800y"}')
    text = values_yaml([recorded]).encode("utf-8").decode("utf-8")
    assert load_yaml(text, HERE)["values"] == {"a": "x?y"}


def test_a_change_of_a_value_is_reported_as_it_is_shown(tmp_path: Path) -> None:
    (tmp_path / "values.yml").write_text("values: {rate: 010, said: yes}")
    assert shown_values(tmp_path / "values.yml") == {"rate": "10", "said": "yes"}


def test_a_parameter_of_any_name_and_value_is_written_for_yaml(tmp_path: Path) -> None:
    init_site(tmp_path)
    mine = tmp_path / "mine.ipynb"
    mine.write_text(notebook("null = 1e300\non = '1e3'\nlr = 1e-05\nwide = -7", "print(null)"))
    site: Site = load_site(tmp_path)
    with pytest.raises(StopIteration):
        adopt_notebook(site, "p", mine, parameters=["null", "on", "lr", "wide"], execute=stop)
    written = read_yaml(tmp_path / "projects/p/sweep.yml").data["parameters"]
    assert kinds(written) == kinds({"null": 1e300, "on": "1e3", "lr": 1e-05, "wide": -7})
    assert "  lr: 1.0e-05\n" in (tmp_path / "projects/p/sweep.yml").read_text(), "no quotes where none are needed"


def stop(*_: Any, **__: Any) -> Any:
    raise StopIteration


@pytest.mark.parametrize("title", ["1e3", 'A "b"\x85', "\U0001f600: #1", "x\x7fy"])
def test_a_title_is_read_back_as_it_was_given(title: str, tmp_path: Path) -> None:
    init_site(tmp_path, title=title)
    assert read_yaml(tmp_path / "_quarto.yml").data["website"]["title"] == title
