"""What the source knows: lines, the bibliography, results that moved on, a blog track's front matter."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from blogkit.check import Report, apply_fixes, check_path, check_project, load
from blogkit.check.bibliography import read_bibliography
from tests.check import by_hand, pages
from tests.check.pages import page, submission, zipped
from tests.check.sites import BIBLIOGRAPHY, FRONT, SOURCE, post_of, site
from tests.files import write_tree


def checked(tmp_path: Path, html: str | None = None, profile: str = "mit-6.7960", **given: object) -> Report:
    where = site(tmp_path, html, **given)  # type: ignore[arg-type]
    project, rendered = post_of(where, next(one.name for one in where.projects if one.name != "other"))
    return check_project(where, project, rendered, profile=load(profile))


def said(report: Report) -> list[str]:
    """Findings as ``line: message``; the file is the post's source unless it is named."""
    out = []
    for one in report.findings:
        name = "" if one.path is None or one.path.name == "index.qmd" else f"{one.path.name}:"
        out.append(f"{name}{one.line}: {one.message}")
    return out


# --- lines of the source


@pytest.mark.parametrize(
    ("html", "source", "line", "message"),
    [
        (page(end='<p><a href="#nowhere">x</a></p>'), "\nfirst\n\nSee [x](#nowhere).\n", 12, "#nowhere"),
        (page(end="<p>wrapped words that a TODO follows here</p>"), "\nthe first line\nwrapped words that\na TODO follows *here*\n", 12, "TODO"),
        (page(RESULTS=pages.RESULTS.replace(pages.figure(2), pages.figure(2, alt=""))), "\n![x](a.svg){#fig-2}\n", 10, "has no alt text"),
        (page(CONCLUSION=pages.CONCLUSION.replace("A limitation is that we only trained on one data set.", "")), "\n## Results\n\n## Conclusion {#sec-end}\n", 12, "limitations"),
        (page(end='<img src="https://h.edu/a.png" alt="" role="presentation" width="9">'), "\n\n![](https://h.edu/a.png)\n", 11, "from the network"),
        (page(end='<p><span class="citation" data-cites="no99">(<strong>no99?</strong>)</span></p>'), "\nAs said [@no99].\n", 10, "no99"),
    ],
)  # fmt: skip
def test_a_finding_names_its_line_in_the_source(
    html: str, source: str, line: int, message: str, tmp_path: Path
) -> None:
    report = checked(tmp_path, html, source=source)
    assert [one.line for one in report.findings if message in one.message] == [line], said(report)
    assert {one.path for one in report.findings if message in one.message} == {tmp_path / "projects/width/index.qmd"}


def test_a_finding_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    more: dict[str, str | bytes] = {"projects/width/_part.md": "One.\n\nThe TODO of the part.\n"}
    report = checked(
        tmp_path,
        page(end="<p>The TODO of the part.</p>"),
        source=f"{SOURCE}\n{{{{< include _part.md >}}}}\n",
        more=more,
    )
    assert said(report) == ['_part.md:3: "TODO" is a note to yourself.']


def test_the_title_and_the_authors_are_reported_where_the_front_matter_has_them(tmp_path: Path) -> None:
    html = page(
        TITLE=pages.TITLE.replace("<p>Ada Example </p>", "").replace(
            "Does width alone explain double descent?", "Untitled"
        )
    )
    assert [one for one in said(checked(tmp_path, html)) if one[0] in "23"] == [
        "3: no author is named below the title.",
        '2: the title is "Untitled".',
    ]


# --- the bibliography


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (BIBLIOGRAPHY, []),
        ('@book{a, title = "A {B} \\"{o} C", year = 2020 # "b" }\n% a comment\n@string{x = "y"}\n@comment{ @book{} }\n', []),
        ("@article{a, title = {A}}\n\n@article{a, title = {B}}\n", [(3, "the key a is used twice; it is also on line 1.")]),
        ("@article{a,\n  title = {A}\n  year = 2020\n}\n", [(3, "a comma is missing after the field title of a.")]),
        ("@article{a,\n  title = {A,\n}\n@article{b,\n  title = {B}}\n", [(1, "the entry a is not closed.")]),
        ("@article{a,\n  title = {A}}\n@article{b,\n  title = {B}\n", [(3, "the entry b is not closed.")]),
        ("@article{a,\n title {A}\n}", [(2, 'in a, "title" is no field: a comma or an equals sign is missing.')]),
        ("@article{a, title = {A}, title = {B}}", [(1, "a has the field title twice.")]),
        ("@article{ title = {A} }", [(1, "an entry @article has no key.")]),
        ("@article{a,\n title = ,\n}", [(2, "the field title of a has no value.")]),
    ],
)  # fmt: skip
def test_the_bibliography_is_read_with_its_lines(text: str, problems: list[tuple[int, str]]) -> None:
    assert list(read_bibliography(text).problems) == problems


def test_what_is_wrong_in_the_bibliography_is_reported_there(tmp_path: Path) -> None:
    more: dict[str, str | bytes] = {"projects/width/references.bib": BIBLIOGRAPHY + BIBLIOGRAPHY}
    assert said(checked(tmp_path, more=more)) == [
        "references.bib:6: the key belkin2019 is used twice; it is also on line 1."
    ]
    front = FRONT.replace("references.bib", "gone.bib")
    assert said(checked(tmp_path / "b", front=front)) == ["7: the bibliography gone.bib is not there."]


# --- results


def test_a_number_that_is_not_current_any_more_is_reported(tmp_path: Path) -> None:
    source = f"{SOURCE}\nThe error is {{{{< meta values.best >}}}}.\n"
    current: dict[str, str | bytes] = {"projects/width/results/values.yml": 'values:\n  best: "0.187 ± 0.004"\n'}
    html = page(end='<p>The error is <span data-value="values.best">0.187 ±&nbsp;0.004</span>.</p>')
    assert said(checked(tmp_path / "a", html, source=source, more=current)) == []
    moved: dict[str, str | bytes] = {"projects/width/results/values.yml": 'values:\n  best: "0.203 ± 0.004"\n'}
    line = len(f"---\n{FRONT}---\n{source}".splitlines())
    assert said(checked(tmp_path / "b", html, source=source, more=moved)) == [
        f"{line}: values.best is now 0.203 ± 0.004, which the page does not show."
    ]


def test_a_drawing_that_is_newer_than_the_page_is_reported(tmp_path: Path) -> None:
    where = site(tmp_path)
    project, rendered = post_of(where)
    drawing = project.folder / "results/charts/error.svg"
    drawing.write_text(pages.SVG.replace("10 10", "20 20"))
    os.utime(drawing, (4e9, 4e9))
    report = check_project(where, project, rendered)
    assert [one.message for one in report.findings] == ["the page shows an older drawing of error."]


# --- a conference blog track

DATED = "2026-04-27-width"
TRACK_FRONT = f"""title: "Does width alone explain double descent?"
description: "We test one claim. It does not hold."
date: 2026-04-27
authors:
  - name: Anonymous
bibliography: {DATED}.bib
toc:
  - name: Introduction
  - name: Methods
"""


def track(
    tmp_path: Path, html: str | None = None, *, front: str = TRACK_FRONT, source: str = SOURCE, name: str = DATED
) -> list[str]:
    anonymous = (html or page()).replace("Ada Example", "Anonymous")
    tree: dict[str, str | bytes] = {
        f"projects/{name}/index.qmd": f"---\n{front}---\n{source}",
        f"projects/{name}/{name}.bib": BIBLIOGRAPHY,
        f"projects/{name}/refs.bib": BIBLIOGRAPHY,
        f"_site/projects/{name}/index.html": anonymous,
        f"_site/projects/{name}/results/charts/error.svg": pages.SVG,
    }
    where = site(tmp_path, more=tree)
    project, rendered = post_of(where, name)
    return said(check_project(where, project, rendered, profile=load("iclr-blogposts")))


def test_a_sound_review_copy_is_clean(tmp_path: Path) -> None:
    assert track(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "My_Post", "front": TRACK_FRONT.replace(f"{DATED}.bib", "My_Post.bib")}, "None: the name \"My_Post\" is not of the form YYYY-MM-DD-name, lower case."),
        ({"name": "2026-02-31-x", "front": TRACK_FRONT.replace(f"{DATED}.bib", "2026-02-31-x.bib")}, 'None: the name "2026-02-31-x" begins with no day of the calendar.'),
        ({"front": TRACK_FRONT.replace(f"{DATED}.bib", "refs.bib")}, f"7: the bibliography is called refs.bib; it must be {DATED}.bib."),
        ({"front": TRACK_FRONT.replace("We test one claim. It", "It")}, "3: the description has 1 sentence; 2 or 3 are asked for."),
        ({"front": TRACK_FRONT.replace("one claim", "one $x$ claim")}, "3: the description holds mathematics."),
        ({"front": TRACK_FRONT.replace("one claim", "one [claim](https://x.edu)")}, "3: the description holds a link."),
        ({"front": TRACK_FRONT.replace("name: Methods", "name: Method")}, '10: the contents entry "Method" is no heading of the post.'),
        ({"html": page().replace("<p>Ada Example </p>", "<p>Bo Sample</p>")}, '5: the author "Bo Sample" is named.'),
        ({"html": page(end='<p>Our code is <a href="https://github.com/bo/x">here</a>.</p>')}, "https://github.com/bo/x tells whose work this is."),
        ({"html": page(end="<p>Write to bo@uni.edu.</p>")}, "the e-mail address bo@uni.edu is on the page."),
        ({"html": page(end="<p>Saved in /home/bo.</p>")}, "the user name in /home/bo is on the page."),
        ({"source": f"{SOURCE}\n<script>1</script>\n"}, "the post holds a script."),
        ({"source": f"{SOURCE}\n![x](assets/img/other/x.png)\n"}, f'a file of the folder "other" is shown; the folder must be called {DATED}.'),
        ({"front": TRACK_FRONT.replace("date: 2026-04-27\n", "")}, "the front matter has no date."),
    ],
)  # fmt: skip
def test_each_rule_of_the_track_speaks(change: dict[str, str], message: str, tmp_path: Path) -> None:
    found = track(tmp_path, **change)
    assert any(message in one for one in found), found
    assert len(found) == 1, found


def test_another_works_repository_may_be_linked(tmp_path: Path) -> None:
    assert track(tmp_path, page(end='<p>See <a href="https://github.com/pytorch/pytorch">PyTorch</a>.</p>')) == []


def test_a_page_without_its_source_is_asked_for_nothing_that_only_a_source_has(tmp_path: Path) -> None:
    def reported(name: str, *, end: str = "") -> list[str]:
        html = page(end=end).replace("Ada Example", "Anonymous")
        report = check_path(submission(tmp_path / name, html), profile=load("iclr-blogposts"))
        return [one.message for one in report.findings if one.code in {"BK202", "BK203", "BK206"}]

    assert reported("bare") == ["the page has no description."]
    data = '<script type="application/ld+json">{}</script><script type="math/tex">x</script>'
    assert reported("data", end=data) == ["the page has no description."]
    assert reported("script", end="<script>1</script>") == ["the page has no description.", "the post holds a script."]


def test_an_empty_list_of_authors_is_reported_on_its_line(tmp_path: Path) -> None:
    front = TRACK_FRONT.replace("authors:\n  - name: Anonymous\n", "authors: []\n")
    assert [one for one in track(tmp_path, front=front) if "author" in one] == ["5: the front matter has no author."]


@pytest.mark.parametrize("listed", ["", "toc: true\n", "toc: Introduction\n"])
def test_a_contents_list_that_is_no_list_is_reported_once(tmp_path: Path, listed: str) -> None:
    front = TRACK_FRONT[: TRACK_FRONT.index("toc:")] + listed
    (reported,) = track(tmp_path, front=front)
    assert reported.endswith("the front matter has no contents list.")


# --- self-assessment


def test_the_rubric_tells_facts_and_questions_and_never_a_grade(tmp_path: Path) -> None:
    from blogkit.check import as_rubric

    runs = {"runs": [{"parameters": {"width": w, "seed": s}, "seed": s} for w in (8, 16) for s in (0, 1, 2)]}
    report = checked(tmp_path, page(STATEMENT=""), more={"projects/width/results/runs.json": json.dumps(runs)})
    text = as_rubric([report])
    for sentence in (
        "6 runs: swept over width (2 values); 3 seeds a point.",
        "the central hypothesis: Width alone moves the peak of the test error.",
        "uncertainty is shown or named in 1 of 4 figures and tables: Table 1.",
        'limitations, in "Conclusion": A limitation is that we only trained on one data set.',
        'the background ("Background") holds 1 citation.',
        "fix     nothing says whether an AI assistant helped. (BK116,",
        "Novelty and significance, 20 points",
        "is there, not whether it is good",
    ):
        assert sentence in text
    assert not any(word in text.lower() for word in ("score:", "grade:", "/20", "/100"))


# --- fixing


def test_what_is_safe_is_fixed_and_what_was_there_is_kept(tmp_path: Path) -> None:
    html = by_hand.template_page(start="<!doctype html>\n<html>", viewport="").replace(
        "images/plot1.png", "Images/Plot1.png"
    )
    big = pages.png(2400, 300)
    tree: dict[str, str | bytes] = {"index.html": html, ".DS_Store": b"junk", "images/plot2.png": big}
    tree.update({f"images/plot{n}.png": pages.png(40, 30) for n in (1, 3, 4)})
    folder = write_tree(tmp_path / "post", tree)
    profile = load("mit-6.7960")
    assert {one.code for one in check_path(folder, profile=profile).findings} == {"BK103", "BK119", "BK120", "BK122"}
    done = apply_fixes(folder, profile=profile)
    assert len(done.said) == 5, done.said
    assert check_path(folder, profile=profile).findings == ()
    kept = tmp_path / "post.before-fix"
    assert (kept / "index.html").read_text() == html
    assert (kept / "images/plot2.png").read_bytes() == big
    assert (kept / ".DS_Store").read_bytes() == b"junk"
    assert apply_fixes(folder, profile=profile).said == ()


def test_a_zip_is_fixed_in_a_copy(tmp_path: Path) -> None:
    profile = load("mit-6.7960")
    folder = submission(tmp_path / "post", page(START="<!DOCTYPE html>\n<html>"))
    files: dict[str, str | bytes] = {
        one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()
    }
    path = zipped(tmp_path / "a.zip", {**files, "__MACOSX/._x": "junk"})
    before = path.read_bytes()
    done = apply_fixes(path, profile=profile)
    assert done.path == tmp_path / "a.fixed.zip" and path.read_bytes() == before
    assert check_path(done.path, profile=profile).findings == ()


def test_a_path_in_the_source_gets_the_letter_case_of_its_file(tmp_path: Path) -> None:
    source = SOURCE.replace("results/charts/error.svg", "Results/charts/Error.svg")
    where = site(tmp_path, source=source)
    project, rendered = post_of(where)
    done = apply_fixes(where, project, rendered, profile=load("mit-6.7960"))
    assert done.said == ("Results/charts/Error.svg is called results/charts/error.svg now, as the file is.",)
    assert "](results/charts/error.svg)" in project.post.read_text()
    assert "](Results/charts/Error.svg)" in (where.root / ".blogkit/width.before-fix/index.qmd").read_text()


def test_a_language_is_only_said_when_the_words_are_of_it(tmp_path: Path) -> None:
    german = (
        '<!doctype html><html><head><meta name="viewport" content="w"><title>x</title></head><body><p>'
        + "Der Fehler steigt mit der Breite des Netzes wieder an. " * 20
    )
    folder = write_tree(tmp_path / "post", {"index.html": german})
    assert apply_fixes(folder, profile=load("plain")).said == ()
