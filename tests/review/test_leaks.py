"""What tells who wrote a post is found and reported with its place; prose is never rewritten, metadata is taken out."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from PIL import Image

from blogkit.review.folder import ReviewFolder
from blogkit.review.images import strip
from blogkit.review.leaks import Leak, identity_of, leaks_in_text
from blogkit.review.posts import Prepared, add_revision, prepare_post, revisions
from tests.review.leak_corpus import ROSTER, innocent_posts, picture, seeded_posts
from tests.review.posts import invent_post


def prepared(tmp_path: Path, source: str, post: str = "width") -> Prepared:
    page = tmp_path / "index.html"
    page.write_text(source, encoding="utf-8")
    return prepare_post(post, page, tmp_path, ROSTER)


def test_seeded_leaks_are_found_and_innocent_posts_are_left_alone(tmp_path: Path) -> None:
    missed = []
    corpus = seeded_posts()
    for seeded in corpus:
        leaks = prepared(tmp_path, seeded.html).leaks
        if not any(seeded.words in leak.what or seeded.words.split("://")[-1] in leak.what for leak in leaks):
            missed.append(seeded.words)
    assert len(corpus) >= 150
    assert len(missed) <= 0.01 * len(corpus), missed
    alarms = [prepared(tmp_path, page).open_leaks for page in innocent_posts()]
    assert max(len(leaks) for leaks in alarms) <= 1, alarms


def test_the_build_that_reviewers_get_holds_none_of_the_leaks_it_calls_fixed(tmp_path: Path) -> None:
    head = (
        '<meta name="author" content="Ada Lovelace"><meta name="citation_author" content="Ada Lovelace">'
        '<script type="application/ld+json">{"author": "Ada Lovelace"}</script>'
    )
    page = prepared(tmp_path, invent_post(1, author="Ada Lovelace", head=head, extra="<!-- by Ada Lovelace -->"))
    assert page.open_leaks == ()
    assert any(leak.fixed and leak.what == "Ada Lovelace" for leak in page.leaks)
    assert "Lovelace" not in page.html
    assert "Anonymous" in page.html


def test_people_whom_only_the_page_names_as_its_authors_are_sought_too(tmp_path: Path) -> None:
    extra = "<p>Grace Hopper ran the sweep; G. Hopper wrote.</p><p>The authors thank the blogkit authors.</p>"
    for name, reported in (("Grace Hopper", {"Grace Hopper", "G. Hopper"}), ("The blogkit authors", set())):
        page = prepared(
            tmp_path, invent_post(1, author=name, head=f'<meta name="author" content="{name}">', extra=extra)
        )
        assert {leak.what for leak in page.open_leaks} == reported


def test_prose_is_reported_with_its_place_and_never_rewritten(tmp_path: Path) -> None:
    source = tmp_path / "index.qmd"
    source.write_text("---\ntitle: x\n---\n\n## Methods\n\nAda Lovelace ran it.\n")
    page = tmp_path / "index.html"
    page.write_text(
        "<html><body><main><section id='m'><h2>Methods</h2><p>Ada Lovelace ran it.</p></section></main></body></html>"
    )
    made = prepare_post("width", page, tmp_path, ROSTER, source=source)
    (leak,) = made.open_leaks
    assert (leak.kind, leak.what, leak.path, leak.line) == ("name", "Ada Lovelace", source, 7)
    assert leak.place == "text, section “Methods”"
    assert "Ada Lovelace ran it." in made.html
    waived = prepare_post("width", page, tmp_path, ROSTER, source=source, waivers={leak.id: "a public figure"})
    assert waived.open_leaks == () and waived.leaks[0].waived == "a public figure"


@pytest.mark.parametrize("kind", ["png", "png-compressed", "jpeg", "webp"])
def test_a_picture_without_its_notes_has_the_same_pixels(kind: str) -> None:
    data = picture(kind, "Ada Lovelace")
    clean = strip(data)
    assert any("Ada Lovelace" in note for note in clean.notes)
    assert b"Lovelace" not in clean.data
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(clean.data))
    assert before.tobytes() == after.tobytes()
    assert strip(clean.data).notes == ()


@pytest.mark.parametrize("progressive", [False, True])
def test_what_lies_behind_a_jpeg_is_taken_off_and_the_picture_stays(progressive: bool) -> None:
    """A camera's second picture, or a film, with notes of its own; a picture of several scans has markers inside."""
    out = io.BytesIO()
    Image.effect_noise((120, 90), 80).convert("RGB").save(out, "JPEG", progressive=progressive, quality=90)
    plain = strip(out.getvalue())
    clean = strip(out.getvalue() + picture("jpeg", "Ada Lovelace"))
    assert clean.data == plain.data and b"Lovelace" not in clean.data
    assert any("Ada Lovelace" in note for note in clean.notes) and not any("behind" in note for note in plain.notes)
    assert Image.open(io.BytesIO(out.getvalue())).tobytes() == Image.open(io.BytesIO(clean.data)).tobytes()


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF1234WEBPVP8X", b"<svg", b"GIF89a"])
def test_a_damaged_picture_stops_nothing(data: bytes) -> None:
    assert isinstance(strip(data).data, bytes)


def test_the_page_is_one_file_without_the_authors_scripts(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@import 'b.css'; p { background: url(dot.png) }")
    (tmp_path / "b.css").write_text("h1 { color: red; background: url(https://evil.example/x) }")
    (tmp_path / "dot.png").write_bytes(picture("png", "Ada Lovelace"))
    (tmp_path / "evil.js").write_text("fetch('https://evil.example')")
    secret = tmp_path.parent / "secret.txt"
    secret.write_text("secret")
    head = '<link rel="stylesheet" href="a.css"><script src="evil.js"></script><base href="https://evil.example">'
    extra = (
        '<p onclick="alert(1)"><a href="java\nscript:alert(1)">x</a><img src="dot.png"><img src="../secret.txt">'
        '<iframe srcdoc="x"></iframe><script>alert(1)</script><object data="x"></object></p>'
        '<meta http-equiv="refresh" content="0;url=https://evil.example">'
    )
    made = prepared(tmp_path, invent_post(2, author="", head=head, extra=extra))
    for words in ("evil.example", "alert(1)", "<iframe", "<object", "<base", 'http-equiv="refresh', "onclick"):
        assert words not in made.html, words
    assert made.html.count("data:image/png;base64,") == 2
    assert "color: red" in made.html
    assert "c2VjcmV0" not in made.html, "a file outside the site must not be read"
    assert any("../secret.txt" in warning for warning in made.warnings)


def test_a_revision_is_new_only_when_the_page_differs(tmp_path: Path) -> None:
    folder = ReviewFolder(root=tmp_path / "review")
    first = add_revision(folder, prepared(tmp_path, invent_post(1)))
    assert add_revision(folder, prepared(tmp_path, invent_post(1))) == first
    second = add_revision(folder, prepared(tmp_path, invent_post(1, extra="<p>More.</p>")))
    assert [one.id for one in revisions(folder, "width")] == [first.id, second.id]


@pytest.mark.parametrize(
    "body",
    [
        '<img src="drawing.svg" alt="Two lines.">',
        "<details><summary>More</summary>Ada Lovelace</details>",
        "<p>Ada<br>Lovelace</p>",
        "<p>A<b>d</b>a Lovelace</p>",
        '<h2 id="notes-of-ada-lovelace">Notes</h2>',
    ],
    ids=["picture", "details", "break", "bold", "id"],
)
def test_a_name_is_found_wherever_a_reader_could_see_it(tmp_path: Path, body: str) -> None:
    words = "<title>A drawing</title><text>by Ada Lovelace</text>"
    (tmp_path / "drawing.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{words}</svg>')
    found = prepared(tmp_path, f"<html><head></head><body><main>{body}</main></body></html>").open_leaks
    assert [leak.kind for leak in found] == ["name"], found


@pytest.mark.parametrize(
    "unit", ["a.", "a1", "0000-", "ada.", "a at ", "/afs/", "a/", "ada ", "lovelace, ", "git@", "a [at] b dot "]
)
def test_a_text_twice_as_long_takes_about_twice_as_long_to_search(unit: str) -> None:
    """A comment may have 20,000 characters and a post a million: what grows with the square would stop the server."""
    identity = identity_of(ROSTER.people, ROSTER.people)

    def seconds(length: int) -> float:
        began = time.process_time()
        list(leaks_in_text((unit * length)[:length], identity, "the text"))
        return time.process_time() - began

    assert min(seconds(20_000) for _ in range(2)) < 20 * min(seconds(2_500) for _ in range(3)) + 0.05


def test_a_leak_keeps_its_id_over_revisions() -> None:
    one = Leak(kind="name", what="Ada Lovelace", place="text, here")
    assert one.id == Leak(kind="name", what="Ada Lovelace", place="text, there", line=7).id
