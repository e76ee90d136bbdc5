"""A comment stays where it belongs, or asks, or says that its place is gone; it never jumps."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blogkit.page.places import PageText, read_page
from blogkit.review.anchor import AnchorState, anchor, describe, follow, fragment
from blogkit.review.anchor import _same_value as _same_value
from blogkit.review.approximate import search
from blogkit.review.record import Document
from tests.review.posts import invent_post

BEFORE = invent_post(3)


def place_of(text: str, words: str) -> tuple[int, int]:
    start = text.index(words)
    return start, start + len(words)


def test_the_text_of_a_page_is_what_is_visible_with_white_space_collapsed() -> None:
    page = read_page(
        "<main><section id='sec-a'><h2>Hello<a class='anchorjs-link'>#</a></h2><p>The  quick\n brown <b>fox</b>"
        " jumps, <i>over</i>it 😀 x.</p><script>no</script>"
        "<math><mi>L</mi><annotation>TeX</annotation></math></section></main>"
    )
    assert page.text == "Hello\nThe quick brown fox jumps, overit \ud83d\ude00 x.\nL"
    assert [(block.id, block.start, block.end) for block in page.blocks] == [("sec-a", 0, len(page.text))]
    assert [equation.text for equation in page.equations] == ["L"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a wider network exceeds", "a wider netwrok exceeds"),
        ("exceeds the noise floor", "exceeds  the\nnoise floor"),
        ("<p>", "<p>A new first sentence. "),
        ("0.", "7."),
    ],
    ids=["typo", "reflow", "added text", "changed numbers"],
)
def test_a_passage_is_attached_after_a_small_edit(old: str, new: str) -> None:
    source = BEFORE.replace("Surprisingly, ", "Here a wider network exceeds the noise floor by 0.2, and ", 1)
    page = read_page(source)
    start, end = place_of(page.text, "wider network exceeds the noise floor by 0.2")
    found = anchor(read_page(source.replace(old, new)), describe(page, start, end))
    assert found.state is AnchorState.ATTACHED
    assert found.block == describe(page, start, end)[2]["value"]


def test_a_deleted_passage_is_not_attached_to_something_similar() -> None:
    page = read_page(BEFORE)
    section = next(block for block in page.blocks if block.id == "sec-ablation")
    gone = re.sub(r'<section id="sec-ablation".*?</section>', "", BEFORE, flags=re.S)
    words = list(re.finditer(r"\S+(?: \S+){6}", page.text[section.start : section.end]))[2:12]
    for match in words:
        selectors = describe(page, section.start + match.start(), section.start + match.end())
        assert anchor(read_page(gone), selectors).state is not AnchorState.ATTACHED


def test_two_equally_good_places_are_a_question_and_not_a_guess() -> None:
    words = "<p>The loss falls when the width doubles, and stays there.</p>"
    page = read_page(f"<main>{words}</main>")
    selectors = describe(page, *place_of(page.text, "falls when the width"))
    assert anchor(page, selectors).state is AnchorState.ATTACHED
    assert anchor(read_page(f"<main>{words}{words}</main>"), selectors).state is AnchorState.CHECK


def test_many_small_edits_are_followed_step_by_step() -> None:
    sentence = "the validation error of the small model falls slowly with width while its training loss stays near zero"
    steps = [sentence]
    for old, new in (
        ("small", "smallest"), ("validation", "test"), ("slowly", "steeply"), ("its training", "the train"),
        ("model", "network"), ("width", "depth"), ("near zero", "at 0.01"), ("while", "whereas"), ("stays", "remains"),
    ):  # fmt: skip
        steps.append(steps[-1].replace(old, new))
    pages = [
        read_page(f"<main><section id='s'><p>We begin here: {words}. And so on.</p></section></main>")
        for words in steps
    ]
    selectors = describe(pages[0], *place_of(pages[0].text, sentence))
    assert follow(pages, selectors).state is AnchorState.ATTACHED
    assert anchor(pages[-1], selectors).state is not AnchorState.ATTACHED, (
        "one leap is too far: the test would prove nothing"
    )


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(min_size=1, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_every_comment_has_one_of_three_states_whatever_the_page(
    text: str, exact: str, prefix: str, suffix: str
) -> None:
    clean = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff<&]", "", text)
    quote = {"type": "TextQuoteSelector", "exact": exact, "prefix": prefix, "suffix": suffix}
    found = anchor(read_page(f"<main><p>{clean}</p></main>"), [quote, fragment("nowhere")])
    assert found.state in AnchorState
    assert (found.start is None) == (found.state is AnchorState.UNANCHORED)


def test_a_chart_comment_is_found_by_its_values_and_says_what_changed() -> None:
    page = read_page(BEFORE)
    chart = page.charts[0]
    row = chart.rows[5]
    mark = {
        "type": "blogkit:MarkSelector",
        "part": "mark",
        "fields": {"step": row["step"], "optimizer": row["optimizer"]},
        "value": {"loss": row["loss"]},
    }
    selectors = [fragment(chart.block), mark]
    assert anchor(page, selectors).state is AnchorState.ATTACHED and anchor(page, selectors).change == ""
    rerun = BEFORE.replace(f'"loss": {row["loss"]}', '"loss": 0.336')
    again = anchor(read_page(rerun), selectors)
    assert again.state is AnchorState.ATTACHED
    assert again.change == f"was {row['loss']:.4g}, now 0.336"
    first = '"data": {"values": ['
    inserted = BEFORE.replace(first, first + '{"step": -10, "optimizer": "adam", "loss": 9}, ')
    assert anchor(read_page(inserted), selectors).change == ""
    renamed = BEFORE.replace('"adam"', '"adamw"')
    assert anchor(read_page(renamed), selectors).state is AnchorState.UNANCHORED


def test_a_series_and_a_state_of_a_chart_are_found_by_name() -> None:
    chart = read_page(BEFORE).charts[0]
    series = {"type": "blogkit:MarkSelector", "part": "series", "fields": {"optimizer": "sgd"}}
    state = {"type": "blogkit:MarkSelector", "part": "state", "state": {"signals": {"zoom": [0, 10]}}}
    gone = BEFORE.replace('"sgd"', '"plain sgd"')
    assert anchor(read_page(BEFORE), [fragment(chart.block), series]).state is AnchorState.ATTACHED
    assert anchor(read_page(gone), [fragment(chart.block), series]).state is AnchorState.UNANCHORED
    assert anchor(read_page(gone), [fragment(chart.block), state]).state is AnchorState.ATTACHED
    assert anchor(read_page(gone), [fragment("fig-none"), state]).state is AnchorState.UNANCHORED


def test_a_table_cell_is_found_by_its_row_and_column() -> None:
    page = read_page(BEFORE)
    value = page.tables[0].rows[2][2]
    cell = {"type": "blogkit:CellSelector", "row": "weight decay", "column": "test error", "value": value, "table": 0}
    selectors = [fragment("tbl-errors"), cell]
    assert anchor(page, selectors).state is AnchorState.ATTACHED
    rerun = read_page(BEFORE.replace(f"<td>{value}</td>", "<td>0.5 ± 0.1</td>"))
    assert anchor(rerun, selectors).change == f"was {value}, now 0.5 ± 0.1"
    shifted = read_page(
        BEFORE.replace("<tr><td>weight decay", "<tr><td>new</td><td>1</td><td>2</td></tr><tr><td>weight decay")
    )
    assert anchor(shifted, selectors).change == ""
    renamed = read_page(BEFORE.replace("<td>weight decay", "<td>L2 penalty"))
    assert anchor(renamed, selectors).state is AnchorState.UNANCHORED


def test_a_cell_of_rows_that_begin_alike_is_reported_by_as_many_cells_as_it_takes() -> None:
    def page(*rows: tuple[str, ...]) -> str:
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        return f"<main><div id='tbl-u'><table><tr><th>method</th><th>rate</th><th>error</th></tr>{body}</table></div>"

    adam, other, sgd = ("adam", "0.1", "0.65"), ("adam", "0.01", "0.2"), ("sgd", "0.1", "0.4")
    before = read_page(page(adam, other, sgd))
    assert before.tables[0].key_of(1) == ("adam", "0.1") and before.tables[0].key_of(3) == ("sgd",)
    cell = {"type": "blogkit:CellSelector", "row": "adam", "column": "error", "value": "0.65", "table": 0}
    selectors = [fragment("tbl-u"), {**cell, "cells": list(before.tables[0].key_of(1))}]
    assert anchor(before, selectors).state is AnchorState.ATTACHED
    found = anchor(read_page(page(other, sgd, ("adam", "0.1", "0.7"))), selectors)
    assert (found.state, found.change) == (AnchorState.ATTACHED, "was 0.65, now 0.7")
    assert anchor(read_page(page(other, sgd)), selectors).state is AnchorState.CHECK
    assert anchor(read_page(page(sgd)), selectors).state is AnchorState.UNANCHORED
    heading = [fragment("tbl-u"), {**cell, "row": "method", "value": "error", "cells": ["method"]}]
    assert anchor(before, heading).state is AnchorState.ATTACHED


def test_a_short_passage_whose_one_side_is_gone_stays_when_the_other_speaks_for_it() -> None:
    before = "<p>The optimiser is started anew at every width, as the first study did.</p>"
    page = read_page(f"<main>{before}<p>Nothing else was changed between the two halves of the sweep.</p></main>")
    selectors = describe(page, *place_of(page.text, "as the first study did"))
    moved = read_page(f"<main><p>An introduction.</p>{before}<h2>Results</h2><p>A wide network wins here.</p></main>")
    assert anchor(moved, selectors).state is AnchorState.ATTACHED
    twice = read_page(f"<main>{before}<h2>Results</h2>{before}</main>")
    assert anchor(twice, selectors).state is not AnchorState.ATTACHED


def test_selectors_hold_whole_characters_wherever_a_passage_is_cut() -> None:
    page = read_page(f"<main><p>{'𝔼 risk 😀 ' * 30}</p></main>")
    for start in range(0, 200, 7):
        json.dumps(describe(page, start + 1, start + 9), ensure_ascii=False).encode()
    found = anchor(read_page(f"<main><p>{'𝔼 risk 😀 ' * 28}</p></main>"), describe(page, 60, 120))
    json.dumps(asdict(found), ensure_ascii=False).encode()


def test_an_equation_is_found_by_its_label_and_a_changed_one_says_so() -> None:
    page = read_page(BEFORE)
    equation = page.equations[[e.block for e in page.equations].index("eq-loss")]
    selectors = [fragment("eq-loss"), {"type": "blogkit:EquationSelector", "tex": equation.text, "index": 0}]
    assert anchor(page, selectors).state is AnchorState.ATTACHED
    other = read_page(BEFORE.replace("<mi>λ</mi><mi>l</mi>", "<mi>β</mi>"))
    found = anchor(other, selectors)
    assert found.state in {AnchorState.ATTACHED, AnchorState.CHECK} and found.change.startswith("was “L=w")
    gone = read_page(re.sub(r"<math.*?</math>", "", BEFORE, flags=re.S))
    assert anchor(gone, selectors).state is AnchorState.UNANCHORED


def test_a_picture_drawn_anew_is_a_question_and_one_that_is_gone_is_unanchored() -> None:
    def page(source: str) -> str:
        return f"<main><div id='fig-a'><img src='{source}'></div><div id='fig-b'><p>b</p></div></main>"

    before = read_page(page("one.png"))
    region = [
        fragment("fig-a"),
        {"type": "blogkit:ImageSelector", "source": before.images[0].source, "index": 0},
        {
            "type": "FragmentSelector",
            "conformsTo": "http://www.w3.org/TR/media-frags/",
            "value": "xywh=percent:1,2,3,4",
        },
    ]
    assert anchor(before, region).state is AnchorState.ATTACHED
    assert anchor(read_page(page("two.png")), region).state is AnchorState.CHECK
    assert anchor(read_page("<main><p>none</p></main>"), region).state is AnchorState.UNANCHORED


def test_a_comment_on_the_whole_post_is_always_attached() -> None:
    assert anchor(read_page("<main></main>"), []).state is AnchorState.ATTACHED


def slow_search(text: str, pattern: str, most: int) -> list[tuple[int, int]]:
    """(end, errors) of the best matches, by the textbook's table."""
    column = list(range(len(pattern) + 1))
    found: list[tuple[int, int]] = []
    for place, character in enumerate(text, start=1):
        last, column[0] = column[0], 0
        for row, other in enumerate(pattern, start=1):
            cost = min(last + (character != other), column[row] + 1, column[row - 1] + 1)
            last, column[row] = column[row], cost
        found.append((place, column[-1]))
    best = min((errors for _, errors in found), default=len(pattern) + 1)
    return [(end, errors) for end, errors in found if errors == best <= min(most, len(pattern))]


@given(st.text(alphabet="abc", max_size=60), st.text(alphabet="abc", min_size=1, max_size=40), st.integers(0, 20))
def test_approximate_search_finds_what_the_textbook_finds(text: str, pattern: str, most: int) -> None:
    assert [(match.end, match.errors) for match in search(text, pattern, most)] == slow_search(text, pattern, most)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_browser_and_the_report_follow_the_same_rule(tmp_path: Path) -> None:
    generator = random.Random(5)
    pages = [read_page(invent_post(seed)) for seed in (1, 2)]
    pages.append(
        read_page(invent_post(1).replace("the ", "this ", 40).replace("0.4", "0.7").replace("</em>", " 😀</em>"))
    )
    cases, expected = [], []
    for _ in range(120):
        origin, target = pages[0], generator.choice(pages)
        start = generator.randrange(len(origin.text) - 200)
        selectors = describe(origin, start, start + generator.randrange(4, 160))
        found = anchor(target, selectors)
        cases.append(
            {
                "page": {"text": target.text, "blocks": [asdict(block) for block in target.blocks]},
                "selectors": selectors,
            }
        )
        expected.append(
            {"state": found.state, "start": found.start, "end": found.end, "block": found.block, "score": found.score}
        )
    assert {one["state"] for one in expected} == set(AnchorState), "the cases must show each state"
    data = tmp_path / "cases.json"
    data.write_text(json.dumps(cases))
    script = tmp_path / "run.mjs"
    module = (Path(__file__).parent / "compare.mjs").as_uri()
    script.write_text(
        f"import {{ compare }} from {json.dumps(module)}; import {{ readFileSync }} from 'node:fs';\n"
        f"console.log(JSON.stringify(compare(JSON.parse(readFileSync({json.dumps(str(data))}, 'utf8')))));\n"
    )
    answer = json.loads(subprocess.run(["node", script], capture_output=True, text=True, check=True).stdout)
    for mine, theirs in zip(expected, answer, strict=True):
        assert theirs["score"] == pytest.approx(mine.pop("score"), abs=1e-9)
        assert {name: theirs[name] for name in mine} == mine


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (0.12345, 0.12346, True),
        (0.1234, 0.1236, False),
        (0, 0.0, True),
        (math.inf, math.inf, True),
        (8, "8", False),
        ("8", "8", True),
        (True, 1.0001, False),
    ],
)
def test_a_marks_number_is_the_same_to_four_digits_and_a_text_only_letter_by_letter(
    one: Any, other: Any, same: bool
) -> None:
    assert _same_value(one, other) is same


def test_a_picture_that_moved_to_another_figure_is_a_question_there_and_no_other_picture_is_taken_for_it() -> None:
    def page(*pictures: tuple[str, str]) -> str:
        return f"<main>{''.join(f'<div id={name}><img src={source}></div>' for name, source in pictures)}</main>"

    before = read_page(page(("fig-a", "one.png"), ("fig-b", "two.png")))
    region = [fragment("fig-a"), {"type": "blogkit:ImageSelector", "source": before.images[0].source, "index": 0}]
    moved = anchor(read_page(page(("fig-b", "two.png"), ("fig-c", "one.png"))), region)
    assert (moved.state, moved.block, moved.start) == (AnchorState.CHECK, "fig-c", 1)
    assert anchor(read_page(page(("fig-b", "two.png"))), region).state is AnchorState.UNANCHORED
    assert anchor(read_page(page(("fig-b", "two.png"), ("fig-c", "x.png"))), region).state is AnchorState.UNANCHORED


def formulas(*lines: str) -> str:
    """A page whose lines have formulas between dollar signs."""
    made = [re.sub(r"\$(.+?)\$", r"<math><mi>\1</mi></math>", line) for line in lines]
    return "<main>" + "".join(f"<section id='s'><p>{line}</p></section>" for line in made) + "</main>"


def on_equation(page: PageText, number: int) -> list[Document]:
    """The selectors of a formula, as the browser makes them."""
    equation = page.equations[number]
    quote = describe(page, equation.start, equation.start + len(equation.text))[0]
    around = {"prefix": quote["prefix"], "suffix": quote["suffix"]}
    return [fragment("s"), {"type": "blogkit:EquationSelector", "tex": equation.text, "index": number, **around}]


LINES = (
    "The network is a function $f$ of its inputs, and the loss of $f$ is what we measure; we write $g$ for its limit.",
    "A second network shares the weights of $f$ in every layer but the last one, so that $f$ and it differ little.",
)


def test_equal_formulas_of_a_block_are_told_apart() -> None:
    page = read_page(formulas(*LINES))
    for number in range(len(page.equations)):
        place = anchor(page, on_equation(page, number))
        assert (place.state, place.start, place.change) == (AnchorState.ATTACHED, number, "")
    later = read_page(formulas("We begin with what $f$ was called before.", *LINES))
    for number in range(len(page.equations)):
        assert anchor(later, on_equation(page, number)).start == number + 1


def test_a_comment_on_a_renamed_symbol_asks_and_does_not_jump_to_an_equal_one() -> None:
    page = read_page(formulas(*LINES))
    renamed = read_page(formulas(LINES[0].replace("function $f$", "function $h$"), LINES[1]))
    place = anchor(renamed, on_equation(page, 0))
    assert (place.state, place.start) == (AnchorState.CHECK, 0)
    assert place.change == "was “f”, now “h”"
    for number in range(1, len(page.equations)):
        assert anchor(renamed, on_equation(page, number)).start == number


def test_a_formula_whose_sentence_is_gone_is_attached_to_no_equal_one() -> None:
    page = read_page(formulas(*LINES))
    assert anchor(read_page(formulas(LINES[1])), on_equation(page, 0)).state is not AnchorState.ATTACHED
