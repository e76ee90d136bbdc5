"""A sentence that is bound to a condition is judged by today's values; nothing but comparisons is understood."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blogkit.check import check_project
from blogkit.cli.runs import describe_gathered
from blogkit.conditions import ConditionError, bound_sentences, judge_condition
from blogkit.config import load_project, load_site
from blogkit.coverage import Coverage
from blogkit.gather import Gathered
from blogkit.gather.changes import broken_sentences
from blogkit.model import RenderedPage
from tests.files import write_project

RAW: dict[str, Any] = {
    "gap_64": {"value": 0.03, "error": 0.02},
    "gap-8": {"value": -0.01, "error": 0.02},
    "alone": {"value": 2},
    "lost": {"value": math.nan, "error": 0.1},
    "vague": {"value": 1.0, "error": math.nan},
}
TEXTS = {"best_norm": "layer", "gap_64": "0.03 ± 0.02"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("gap_64.low > 0", True),
        ("gap-8.low > 0", False),
        ("gap-8.low < 0 and gap-8.high > 0", True),
        ("not (gap-8.low < 0 and gap-8.high > 0)", False),
        ("gap_64 > gap-8 or gap_64 < -1e3", True),
        ("gap-8 < −0.005", True),
        ("0 < gap_64.value <= 3%", True),
        ("alone == 2", True),
        ("gap_64.error != 0.02", False),
        ("best_norm == 'layer'", True),
        ('best_norm != "layer"', False),
    ],
)
def test_a_condition_compares_values_with_their_intervals(condition: str, holds: bool) -> None:
    assert judge_condition(condition, RAW, TEXTS).holds is holds


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("gap_65.low > 0", "no value is called 'gap_65'"),
        ("alone.low > 0", "alone has no known uncertainty"),
        ("vague.high > 0", "vague has no known uncertainty"),
        ("lost > 0", "lost is not a number"),
        ("gap_64.lower > 0", "after the name stand .value, .low, .high or .error"),
        ("gap_64", "a comparison is missing"),
        ("gap_64 >", "ends where a value should stand"),
        ("(gap_64 > 0", "a parenthesis is not closed"),
        ("gap_64 > 0 gap-8", "stands where it should end"),
        ("best_norm > 0", "compares what cannot be compared"),
        ("__import__('os')", "is no name"),
        ("gap_64 > 0; x", "is no name"),
        ("(" * 100 + "1 > 0" + ")" * 100, "nested too deep"),
        ("1 > 0 or " * 100 + "1 > 0", "longer than 500"),
        ("gap_64 > 0 or gone > 0", "no value is called 'gone'"),
    ],
)
def test_what_cannot_be_judged_says_why(condition: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        judge_condition(condition, RAW, TEXTS)


@given(st.text(alphabet="gap_64.-()<>=!'\" andornot0123%", max_size=60))
def test_any_text_is_judged_or_refused(condition: str) -> None:
    with suppress(ConditionError):
        judge_condition(condition, RAW, TEXTS)


def test_the_verdict_names_the_values() -> None:
    verdict = judge_condition("gap-8.low > 0 and best_norm == 'layer'", RAW, TEXTS)
    assert verdict.shown_values_text() == "gap-8.low = -0.03, best_norm = 'layer'"


POST = """---
title: p
---

At 64 [the interval
excludes zero]{holds="gap_64.low > 0"}, and [it [also](x.qmd) does at 8]{.aside holds='gap-8.low > 0'}.

```markdown
[an example]{holds="gap-8.low > 0"}
```

::: {.callout-note holds="alone > 5"}
Words.
:::

[Of nothing]{holds="gone > 0"}.
"""
VALUES = """values:
  best_norm: layer
values-raw:
  gap_64: {value: 0.03, error: 0.02}
  gap-8: {value: -0.01, error: 0.02}
  alone: {value: 2}
"""


def test_bound_words_are_found_over_lines_and_with_links_in_them() -> None:
    rows = [(Path("index.qmd"), number, line) for number, line in enumerate(POST.splitlines(), start=1)]
    found = [(one.words, one.condition, one.line) for one in bound_sentences(rows)]
    assert found[:2] == [
        ("the interval excludes zero", "gap_64.low > 0", 5),
        ("it [also](x.qmd) does at 8", "gap-8.low > 0", 6),
    ]
    assert ("this block", "alone > 5", 12) in found


@pytest.mark.parametrize("profile", ["plain", "mit-6.7960", "iclr-blogposts"])
def test_the_check_names_what_no_longer_holds_with_values_file_and_line(tmp_path: Path, profile: str) -> None:
    folder = write_project(tmp_path, "seeds: 1\n", **{"results/values.yml": VALUES})
    (folder / "index.qmd").write_text(POST)
    page = tmp_path / "_site" / "index.html"
    page.parent.mkdir()
    page.write_text("<html><body><main><h1>p</h1></main></body></html>")
    project, site = load_project(folder), load_site(tmp_path)
    report = check_project(site, project, RenderedPage(source=project.post, output=page), profile=profile)
    found = [(one.line, one.message) for one in report.findings if one.code == "BK132"]
    assert found == [
        (6, '"it [also](x.qmd) does at 8" does not hold any more: `gap-8.low > 0`, with gap-8.low = -0.03.'),
        (12, '"this block" does not hold any more: `alone > 5`, with alone = 2.'),
        (16, "\"Of nothing\" is bound to `gone > 0`, which cannot be decided: no value is called 'gone'."),
    ]


def test_a_gathering_names_them_too(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "seeds: 1\n", **{"results/values.yml": VALUES})
    (folder / "index.qmd").write_text(POST)
    broken = broken_sentences(folder / "results" / "values.yml", folder)
    said = describe_gathered(Gathered(project="p", runs=1, coverage=Coverage(planned=1), changed=(), broken=broken))
    assert 'no longer holds: index.qmd:6 "it [also](x.qmd) does at 8": gap-8.low > 0, with gap-8.low = -0.03' in said
    assert said.count("no longer holds") == 2
