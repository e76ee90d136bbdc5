"""A review record is a set of immutable events: any records merge, in any order, to the same bytes."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from blogkit.errors import ConfigError
from blogkit.review.collect import collect, without_times
from blogkit.review.record import (
    SCHEMA,
    Event,
    EventType,
    NotAnEvent,
    merge,
    new_event,
    parse_event,
    person_key,
    read_record,
    to_lines,
)
from blogkit.review.state import fold

QUOTE = {"type": "TextQuoteSelector", "exact": "the loss falls", "prefix": "where ", "suffix": " twice"}

ABOUT = f"urn:uuid:{uuid.UUID(int=7)}"
KEYS = [*sorted(json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]), "blogkit:extra"]
MARK = {"type": "blogkit:MarkSelector", "part": "mark", "fields": {"a": []}}
VALUES: list[Any] = [
    None, 1, -1, 0.5, True, "", "x", "question", "98b85a5", "0123456789ab", [], {}, {"a": 1}, {"a": "b"}, {"a": -1},
    ABOUT, "commenting", "replying", {"source": ABOUT}, {"source": "urn:blogkit:post:x"}, {"state": "done"},
    {"source": "urn:blogkit:post:x", "selector": [QUOTE, {"type": "TextPositionSelector", "start": 1, "end": 2.5}]},
    {"source": "urn:blogkit:post:x", "selector": [MARK]},
    {"type": "TextualBody", "format": "text/markdown", "value": "Why?"}, "urn:blogkit:person:ab12",
]  # fmt: skip


def comment(number: int = 0, **more: Any) -> Event:
    facts: dict[str, Any] = {
        "creator": "ab12",
        "post": "double-descent",
        "revision": "0123456789ab",
        "kind": "question",
        "text": "Why twice?",
        "selector": [QUOTE],
        "created": f"2026-11-23T10:00:{number % 60:02d}.000Z",
        "event_id": f"urn:uuid:{uuid.UUID(int=number)}",
    }
    return new_event(EventType.ANNOTATION, **(facts | more))


def test_a_comment_is_a_w3c_annotation() -> None:
    document = comment().document
    assert document["@context"][0] == "http://www.w3.org/ns/anno.jsonld"
    assert document["type"] == "Annotation"
    assert document["target"] == {"source": "urn:blogkit:post:double-descent", "selector": [QUOTE]}
    assert document["body"]["format"] == "text/markdown"


def test_a_reply_is_about_the_comment_it_answers() -> None:
    reply = new_event(
        EventType.ANNOTATION,
        creator="cd34",
        post="double-descent",
        text="Done.",
        reply_to=comment().id,
        answer={"state": "done", "commit": "98b85a5"},
    )
    assert reply.is_reply and reply.about == comment().id and reply.text == "Done."


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": "1"}, "id"),
        ({"type": "blogkit:Boast"}, "type"),
        ({"created": "yesterday"}, "created"),
        ({"creator": "urn:blogkit:person:Ada Lovelace"}, "creator"),
        ({"blogkit:post": "../../etc"}, "blogkit:post"),
        ({"blogkit:kind": "rant"}, "blogkit:kind"),
        ({"body": {"type": "TextualBody", "format": "text/html", "value": "<b>"}}, "body"),
        ({"target": {"source": "https://example.org/"}}, "target"),
        ({"blogkit:extra": 1}, "blogkit:extra"),
    ],
)
def test_a_document_outside_the_schema_is_refused_with_its_place(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(NotAnEvent, match=complaint):
        parse_event({**comment().document, **change})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "half \ud800", "[" * 10], ids=["nan", "inf", "surrogate", "deep"]
)
def test_what_no_file_could_hold_is_no_event(value: Any) -> None:
    if value == "[" * 10:
        value = nested_lists(5000)
    with pytest.raises(NotAnEvent, match="it holds"):
        parse_event(comment_on_state(value))


def nested_lists(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def comment_on_state(value: Any) -> dict[str, Any]:
    mark = {"type": "blogkit:MarkSelector", "part": "state", "state": {"signals": {"x": value}}}
    return {**comment().document, "target": {"source": "urn:blogkit:post:double-descent", "selector": [mark]}}


def test_how_deep_an_event_may_be_nested_is_the_same_for_every_python() -> None:
    assert parse_event(comment_on_state(nested_lists(190))).document
    with pytest.raises(NotAnEvent, match="nested more than 200 deep"):
        parse_event(comment_on_state(nested_lists(200)))


@settings(deadline=None)
@given(st.sampled_from(sorted(EventType)), st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=6))
def test_the_quick_check_refuses_what_the_documented_schema_refuses(kind: str, change: dict[str, Any]) -> None:
    document = {**comment().document, "type": kind, **change}
    schema = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    try:
        parse_event(document)
    except NotAnEvent:
        assert not schema.is_valid(document)
    else:
        assert schema.is_valid(document)


RECORDS = st.lists(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["Why?", "How?", "Who?"]))), max_size=4)


@settings(deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_merging_is_a_union_in_any_order_and_any_number_of_times(
    numbers: list[list[tuple[int, str]]], random: Any
) -> None:
    """Also where two records hold different events under one id, which only a hand or a broken disk can do."""
    records = [[comment(number, text=text) for number, text in group] for group in numbers]
    merged = merge(*records)
    shuffled = [random.sample(group, len(group)) for group in random.sample(records, len(records))]
    assert merge(*shuffled, *records) == merged
    assert merge(merged.events, *records).events == merged.events
    half = random.randrange(len(records) + 1)
    paired = merge(merge(*records[half:]).events, merge(*records[:half]).events)
    assert to_lines(paired.events) == to_lines(merged.events)
    assert {event.id for event in merged.events} == {event.id for group in records for event in group}


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), min_size=7, max_size=7), st.permutations(range(7)))
def test_nothing_is_lost_when_the_clocks_of_two_machines_disagree(hours: list[int], order: list[int]) -> None:
    """A reviewer's laptop may be a day ahead of the server on which the authors answer."""
    one, scored = comment(1), f"urn:uuid:{uuid.UUID(int=2)}"
    facts = {"post": "double-descent", "creator": "ab12"}
    rubric: dict[str, Any] = {"rubric": "v", "scores": {"content": 7}, "notes": {}, "previous": None}
    when = [f"2026-11-23T{10 + hour}:00:00.000Z" for hour in hours]
    events = [
        comment(1, created=when[0]),
        new_event(EventType.ANNOTATION, **{**facts, "creator": "cd34"}, text="Done.", reply_to=one.id, created=when[1]),
        new_event(EventType.EDIT, **facts, about=one.id, text="Why thrice?", created=when[2]),
        new_event(EventType.CLOSE, **facts, about=one.id, created=when[3]),
        new_event(EventType.RUBRIC, **facts, **rubric, event_id=scored, created=when[4]),
        new_event(EventType.SUBMIT, **facts, about=scored, created=when[5]),
        new_event(EventType.SETTLE, **facts, about=one.id, revision="0123456789ab", selector=[], created=when[6]),
    ]
    state = fold([events[place] for place in order])["double-descent"]
    (thread,) = state.threads.values()
    assert (thread.text, thread.closed, [reply.text for reply in thread.replies]) == ("Why thrice?", True, ["Done."])
    assert thread.settled is not None
    assert state.reviews["ab12"].submitted == when[5] and state.reviews["ab12"].total == 7
    assert state.reviews["ab12"].started == min(when[0], when[4])


def test_an_event_that_was_changed_by_hand_is_reported_and_resolved_the_same_way_round() -> None:
    one, other = comment(1), comment(1, text="Why thrice?")
    first, second = merge([one], [other]), merge([other], [one])
    assert first.altered == second.altered == (one.id,)
    assert to_lines(first.events) == to_lines(second.events)


def test_collecting_twice_leaves_the_same_bytes(tmp_path: Path) -> None:
    a, b, into = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "record.jsonl"
    a.write_text(to_lines([comment(2), comment(1)]))
    b.write_text(to_lines([comment(3), comment(1)]))
    first = collect([a, b], into)
    written = into.read_bytes()
    again = collect([b, a, into], into)
    assert (first.events, first.new, again.events, again.new) == (3, 3, 3, 0)
    assert into.read_bytes() == written


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(to_lines([comment(1), comment(2)])[:-20])
    assert [event.id for event in read_record(file)] == [comment(1).id]


def test_every_wrong_line_of_a_record_is_reported_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(comment(1).line + "\nnot json\n" + json.dumps({"type": "Annotation"}) + "\n")
    with pytest.raises(ConfigError) as caught:
        read_record(file)
    assert [problem.line for problem in caught.value.problems] == [2, 3]


def test_an_export_tells_the_day_and_the_order_but_not_the_hour() -> None:
    events = without_times([comment(59), comment(3)])
    assert [event.created for event in events] == ["2026-11-23T00:00:00.000Z", "2026-11-23T00:00:00.001Z"]
    assert [event.id for event in events] == [comment(3).id, comment(59).id]


def test_an_export_does_not_tell_by_its_order_who_wrote_on_two_posts_in_a_row() -> None:
    """On alpha and beta by turns, or first on one and then on the other: the export is the same but for the ids."""

    def exported(*posts: str) -> list[tuple[str, str]]:
        events = [comment(number, post=post) for number, post in enumerate(posts)]
        return [(event.post, event.created) for event in without_times(events)]

    assert exported("beta", "alpha", "beta", "alpha") == exported("alpha", "alpha", "beta", "beta")


def test_a_persons_key_needs_the_secret_and_ignores_letter_case() -> None:
    assert person_key(b"s", "Ada@Example.edu ") == person_key(b"s", "ada@example.edu")
    assert person_key(b"s", "ada@example.edu") != person_key(b"t", "ada@example.edu")
