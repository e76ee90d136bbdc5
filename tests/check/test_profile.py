"""A venue's format is a file; a staff member's own is checked with file and line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from blogkit.check import all_rules, bundled_profiles, check_path, explain, load
from blogkit.errors import ConfigError
from blogkit.model import Level
from tests.check.pages import page, submission
from tests.files import write_tree


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "our-course.yml"
    path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def test_the_bundled_profiles_are_sound() -> None:
    assert bundled_profiles() == ("iclr-blogposts", "mit-6.7960", "plain")
    course = load("mit-6.7960")
    assert sum(criterion.points for criterion in course.rubric.values()) == 100
    spoken = [rule for criterion in course.rubric.values() for rule in criterion.rules]
    assert len(spoken) == len(set(spoken))
    offline = {"one-page", "offline", "files", "file-scheme", "authors", "drawn"}
    assert {name for name in course.rules if course.level(name) is Level.ERROR} == offline | {"same-figure"}
    assert set(course.rules) <= set(all_rules())


def test_each_rule_of_the_format_has_its_number_as_code() -> None:
    codes = {rule.code for rule in all_rules().values()}
    assert {f"BK{100 + number}" for number in range(1, 23)} <= codes


def test_a_profile_of_ones_own_says_only_what_differs(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        """
        name: our-course
        title: Our course
        extends: mit-6.7960
        words: {min: 100, max: 2000}
        parts: {background: }
        background: introduction
        rules: {ai-statement: "off", hypothesis: error}
        """,
    )
    profile = load(str(path))
    assert profile.figures == load("mit-6.7960").figures
    assert list(profile.parts) == ["introduction", "methods", "analysis", "conclusion"]
    report = check_path(submission(tmp_path / "post", page(STATEMENT="")), profile=profile)
    assert [one.code for one in report.standing] == ["BK104", "BK111"]
    assert report.profile.level("hypothesis") is Level.ERROR


def test_a_site_names_a_file_of_its_own(tmp_path: Path) -> None:
    own(tmp_path, "name: ours\ntitle: Ours\nrules: {offline: error}")
    assert load("our-course.yml", tmp_path).name == "ours"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\ntitle: A\nrules:\n  ofline: error\n", "our-course.yml:4: there is no rule 'ofline'.\n    Did you mean 'offline'?"),
        ("name: a\ntitle: A\nrules:\n  offline: fatal\n", "our-course.yml:4: 'rules.offline': input should be 'error', 'warning', 'advice' or 'off', not 'fatal'."),
        ("name: a\ntitle: A\nwords: {min: 9, max: 3}\n", "our-course.yml:3: 'words' goes from 9 to 3, so nothing fits."),
        ("name: a\ntitle: A\nwords: {mim: 9}\n", "our-course.yml:3: 'words.mim' is not a key that is known here.\n    Did you mean 'min'?"),
        ("name: a\ntitle: A\nparts:\n  end: {title: The end, heading: [x]}\n", "our-course.yml:4: 'parts.end.heading' is not a key that is known here.\n    Did you mean 'headings'?"),
        ("name: a\ntitle: A\nbackground: past\nparts:\n  conclusion: {title: End, headings: [end]}\n", "our-course.yml:3: 'background' names the part 'past', which is not listed."),
        ("name: a\ntitle: A\nextends: mit\n", "there is no profile 'mit'."),
        ("name: a\ntitle: A\nextends: our-course.yml\n", "our-course.yml:3: the profile extends itself."),
        ("name: a\n", "'title'"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_reported_with_file_and_line(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load("our-course.yml")
    assert message in str(caught.value).replace(f"{tmp_path}/", "")


def test_the_plain_profile_asks_for_no_length_and_no_parts(tmp_path: Path) -> None:
    short = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Hi</title><meta name="viewport" content="width=device-width"></head><body><p>Hello.</p></body></html>'
    folder = write_tree(tmp_path / "post", {"index.html": short})
    assert check_path(folder, profile="plain").findings == ()
    assert len(check_path(folder, profile="mit-6.7960").findings) > 5


def test_an_explanation_names_the_weight_in_this_venue() -> None:
    assert "Here: off in plain." in explain("words", load("plain"))
    assert '"Formatting", 10 of 100 points' in explain("BK104", load("mit-6.7960"))
