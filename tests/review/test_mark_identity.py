"""A comment on a mark is on that mark and no other, and what it says of the mark is true, now and after a re-run."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from blogkit.page.charts import DataSet
from blogkit.page.places import ChartPlace, PageText
from blogkit.review.anchor import Anchor, AnchorState, follow, fragment, marked_rows
from blogkit.review.record import Document
from tests.browser import browser
from tests.figures.pages import finished
from tests.review.clicking import Post, click_all, judge_again, judge_same, mark_of, part, review_copy

Rows = Sequence[Mapping[str, Any]]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.1.0.json"
ADAM, SGD = {"step": 10, "lr": 0.1, "error": 0.5}, {"step": 10, "lr": 0.2, "error": 0.25}


def page_of(*sets: Rows, panels: Sequence[str] = (), runs: Rows = ()) -> PageText:
    """A page with one chart of these data sets, each drawn in its panel."""
    named = [*panels, *([""] * (len(sets) - len(panels)))]
    made = tuple(DataSet(rows=tuple(rows), panels=frozenset([panel])) for rows, panel in zip(sets, named, strict=True))
    rows = tuple(row for one in sets for row in one)
    return PageText(text="", charts=(ChartPlace(block="fig-loss", rows=rows, sets=made, runs=tuple(runs)),))


def mark(fields: Mapping[str, Any], value: Mapping[str, Any], sets: int = 1, **more: Any) -> list[Document]:
    """The selectors of a mark that shows one row."""
    named = {"type": "blogkit:MarkSelector", "part": "mark", "of": "row", "data": 0, "sets": sets}
    return [fragment("fig-loss"), {**named, "fields": dict(fields), "value": dict(value), **more}]


def test_a_mark_stays_in_its_panel_when_the_panels_change_places() -> None:
    left, right = [{"step": 1, "error": 0.5}], [{"step": 1, "error": 0.9}]
    selectors = mark({"step": 1}, {"error": 0.5}, 2, panel="Adam")
    before = page_of(left, right, panels=("Adam", "SGD"))
    swapped = page_of(right, left, panels=("SGD", "Adam"))
    assert follow([before, swapped], selectors) == Anchor(state=AnchorState.ATTACHED, score=1.0, block="fig-loss")
    assert marked_rows(swapped, selectors) == left
    gone = page_of(right, panels=("SGD",))
    assert follow([before, gone], selectors).state is AnchorState.CHECK


def test_a_mark_is_asked_about_where_another_data_set_has_the_same_key() -> None:
    selectors = mark({"step": 10}, {"error": 0.5})
    more = page_of([SGD], [ADAM])
    assert follow([page_of([ADAM]), more], selectors) == Anchor(state=AnchorState.CHECK, score=0.7, block="fig-loss")


def test_a_mark_is_asked_about_where_its_key_names_several_rows_now() -> None:
    selectors = mark({"step": 10}, {"error": 0.5})
    place = follow([page_of([ADAM]), page_of([ADAM, SGD])], selectors)
    assert (place.state, place.change) == (AnchorState.CHECK, "")


def test_a_run_that_was_made_again_by_other_code_is_found_by_its_parameters_and_seed() -> None:
    made = {"lr": 0.1, "seed": 3}
    selectors = mark({"run": "aaa"}, {"error": 0.5}, made=made)
    before = page_of([{"run": "aaa", "error": 0.5}], runs=[{"id": "aaa", **made}])
    runs = [{"id": "bbb", **made}, {"id": "ccc", **made, "seed": 4}]
    after = page_of([{"run": "ccc", "error": 0.7}, {"run": "bbb", "error": 0.6}], runs=runs)
    assert follow([before, after], selectors).change == "was 0.5, now 0.6"
    other = page_of([{"run": "ccc", "error": 0.7}], runs=runs[1:])
    assert follow([before, other], selectors).state is AnchorState.UNANCHORED


def test_values_are_matched_as_the_rows_hold_them() -> None:
    rows: list[dict[str, Any]] = [{"k": True}, {"k": 1}, {"k": "1"}, {"k": 10_000}, {"k": 10_001}]
    page = page_of(rows)
    for row in rows:
        assert marked_rows(page, mark(row, {})) == [row]


def test_a_change_below_the_fourth_digit_is_not_told() -> None:
    before, after = page_of([{"step": 1, "error": 0.46351}]), page_of([{"step": 1, "error": 0.46352}])
    assert follow([before, after], mark({"step": 1}, {"error": 0.46351})).change == ""


def test_nothing_is_told_of_a_value_that_the_rows_do_not_show_on_the_commented_revision() -> None:
    before, after = page_of([{"step": 1, "error": 0.5}]), page_of([{"step": 1, "error": 0.6}])
    assert follow([before, after], mark({"step": 1}, {"error": 0.1})).change == ""
    assert follow([before], mark({"step": 1}, {"error": 0.1})).change == ""
    assert follow([before, after], mark({"step": 1}, {"error": 0.5})).change == "was 0.5, now 0.6"


def test_an_older_comment_whose_key_names_several_rows_asks_and_tells_no_value() -> None:
    selectors = mark({"step": 10}, {"error": 0.5})
    older = {name: value for name, value in selectors[1].items() if name not in {"of", "data", "sets"}}
    selectors = [selectors[0], older]
    place = follow([page_of([ADAM, SGD])], selectors)
    assert (place.state, place.change) == (AnchorState.CHECK, "")
    assert follow([page_of([ADAM])], selectors).state is AnchorState.ATTACHED


def test_a_bin_is_asked_about_once_the_rows_behind_it_changed() -> None:
    selectors = mark({}, {"__count": 2}, of="rows", computed={"bin_error": 0.4})
    page = page_of([ADAM, SGD])
    assert follow([page], selectors).state is AnchorState.ATTACHED
    assert follow([page, page_of([ADAM])], selectors).state is AnchorState.CHECK


# --- in a browser ---------------------------------------------------------------------------------------------------


def chart(rows: list[dict[str, Any]], kind: str, **encoding: Any) -> dict[str, Any]:
    more = encoding.pop("more", {})
    more |= {"title": encoding.pop("title")} if "title" in encoding else {}
    size = {} if "column" in encoding else {"width": 260, "height": 160}
    return {"$schema": SCHEMA, "data": {"values": rows}, "mark": kind, "encoding": encoding, **size, **more}


def quantity(name: str, **more: Any) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", **more}


def category(name: str, **more: Any) -> dict[str, Any]:
    return {"field": name, "type": "nominal", **more}


def charts() -> dict[str, Any]:
    """Charts of the kinds whose marks are easily taken for one another."""
    chance = random.Random(7)
    rows = [
        {"optimizer": name, "step": step, "noise": noise, "run": f"{name}-{noise}", **measure(chance)}
        for name in ("adam", "sgd")
        for noise in (0, 0.1, 0.2)
        for step in (0, 10, 20)
    ]
    last = [row for row in rows if row["step"] == 20]
    noise = {"name": "noise", "value": 0.1, "bind": {"input": "range", "min": 0, "max": 0.2, "step": 0.1}}
    chosen = {"params": [noise], "transform": [{"filter": "datum.noise == noise"}]}
    lines = {"x": quantity("step"), "color": category("optimizer")}
    across = {"x": quantity("step"), "y": quantity("error")}
    panels = [
        chart([row for row in rows if row["optimizer"] == name], "point", **across, color=category("run"), title=name)
        for name in ("adam", "sgd")
    ]
    count = {"aggregate": "count", "type": "quantitative"}
    fold = [{"fold": ["error", "loss"]}]
    by_kind = {"x": category("run"), "y": quantity("value"), "color": category("key")}
    return {
        "slider": chart(rows, "point", **lines, y=quantity("error"), more=chosen),
        "mean": chart(rows, "line", **lines, y=quantity("error", aggregate="mean")),
        "mean-of-choice": chart(rows, "point", **lines, y=quantity("error", aggregate="mean"), more=chosen),
        "measured": chart(last, "point", x=quantity("loss"), y=quantity("error")),
        "heat": chart(last, "rect", x=category("noise"), y=category("optimizer"), color=quantity("error")),
        "histogram": chart(rows, "bar", x=quantity("error", bin=True), y=count),
        "facet": chart(rows, "point", **lines, y=quantity("error"), column=category("noise")),
        "folded": chart(last, "point", **by_kind, more={"transform": fold}),
        "panels": {"$schema": SCHEMA, "hconcat": panels},
    }


def measure(chance: random.Random) -> dict[str, float]:
    return {"error": chance.random(), "loss": chance.random()}


@pytest.fixture(scope="module")
def clicked(tmp_path_factory: pytest.TempPathFactory) -> Post:
    """Every mark of those charts, clicked: with each figure as it opens, and with its slider set otherwise."""
    root = tmp_path_factory.mktemp("marks")
    copy = review_copy(finished(root, charts()), root / "site")
    with browser() as running:
        return click_all(running, "marks", copy, most=1000, views=3)


@pytest.mark.slow
def test_comments_on_marks_say_nothing_false_without_a_revision(clicked: Post) -> None:
    assert clicked.charts == len(charts()) and not clicked.without
    count = judge_same(clicked)
    assert count["marks"] > 100
    wrong = {name: number for name, number in count.items() if name not in {"marks", "seriess", "states"} and number}
    assert not wrong


@pytest.mark.slow
def test_a_mark_is_named_by_its_run_or_group_and_never_by_what_it_measures_where_these_suffice(clicked: Post) -> None:
    measured = {"error", "loss", "value"}
    for one in clicked.clicked:
        for choice in one.choices:
            if part(choice) == "mark":
                assert not measured & set(mark_of(choice["selectors"])["fields"]), choice


@pytest.mark.slow
def test_comments_on_marks_are_attached_to_their_rows_and_told_right_after_a_re_run(clicked: Post) -> None:
    count = sum(
        (judge_again(clicked, random.Random(seed)) for seed in (1, 2, 3)), judge_again(clicked, random.Random(0))
    )
    assert count["there"] > 200
    assert count["there, attached"] == count["there"] == count["said right"]
    assert count["attached to another"] == 0
