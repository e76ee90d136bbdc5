"""What the default style makes of a work is kept for the posts that cite it, and is the same as when made anew."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import load_site
from blogkit.errors import ToolFailed
from blogkit.render.engines import pandoc
from blogkit.render.engines.program import PROGRAM
from blogkit.render.source import read_source
from blogkit.tools.pandoc import PandocPool
from tests.render.conftest import write_site

WORKS = r"""
@article{doe, author={Doe, Jane and Roe, Richard}, title={An {Article} on $x^2$}, journal={Journal}, volume={3},
  pages={1--9}, year={2001}, doi={10.1/x}}
@article{doe2, author={Doe, Jane}, title={Another}, journal={Journal}, year={2001}}
@article{doe3, author={Doe, John}, title={A Third}, journal={Journal}, year={2001}}
@article{doe4, author={Doe, Jane}, title={A Later One}, journal={Journal}, year={2004}}
@book{poe, author={Poe, Ed}, title={A \& B}, publisher={Press}, address={Town}, edition={2}, year={1990}}
@inproceedings{moe, author={Moe, Al and Noe, Bo and Coe, Cy and Joe, Di}, title={A Talk}, booktitle={Proceedings},
  pages={5--6}, year={2010}}
@article{gogh, author={van Gogh, Vincent}, title={Sunflowers}, journal={Art}, year={1888}}
@article{gogh2, author={Gogh, Theo}, title={Letters}, journal={Art}, year={1888}}
@misc{team, author={{The Example Team}}, title={A Report}, year={2020}, url={https://example.org}}
@book{nobody, title={A Book without an Author}, publisher={Press}, year={1999}}
@article{undated, author={Toe, Ty}, title={When}, journal={Journal}}
@article{umlaut, author={Ärzte, Änne}, title={Über}, journal={Zeitschrift}, year={2011}}
@article{zed, author={Zed, Zoe and Doe, Jane}, title={Last}, journal={Journal}, year={2015}}
"""
KEYS = ["doe", "doe2", "doe3", "doe4", "poe", "moe", "gogh", "gogh2", "team", "nobody", "undated", "umlaut", "zed"]
FORMS = (
    "@{0}", "[@{0}]", "[-@{0}]", "[@{0}, p. 3]", "[see @{0}, chap. 2; @{1}]", "@{0} [p. 4]", "[@{1}; @{0}]",
    "[see *also* @{0}]", '![A [@{0}] figure.](a.svg){{#fig-{0} fig-alt="By @{0}"}}', "[words @{0}]{{.aside}}",
    "Words.^[A note [@{0}].]", "@fig-x and @{0}", "[@fig-x; @{0}]",
)  # fmt: skip
FIGURE = "\n\n![Words.](a.svg){#fig-x}\n\n"


def requests(root: Path, texts: Sequence[str], front: str = "") -> list[dict[str, Any]]:
    head = f"---\ntitle: T\nbibliography: ../../refs.bib\n{front}---\n\n"
    posts = {f"projects/p{number}/index.qmd": head + text + FIGURE for number, text in enumerate(texts)}
    write_site(root, {"refs.bib": WORKS, **posts})
    site = load_site(root)
    return [pandoc._request(read_source(site, root / name)) for name in posts]


def answers(asked: Sequence[dict[str, Any]], *, anew: bool) -> list[dict[str, Any]]:
    if not anew:
        with PandocPool(PROGRAM, 1) as pool:
            return [pool.ask(request) for request in asked]
    made = []
    for request in asked:
        with PandocPool(PROGRAM, 1) as pool:
            made.append(pool.ask(request))
    return made


@pytest.mark.parametrize("front", ["", "lang: de\n", "link-citations: false\n", "identifier-prefix: x-\n"])
def test_a_post_is_the_same_whether_its_works_were_kept_or_made_anew(front: str, tmp_path: Path) -> None:
    """Works of one family name and year are distinguished by letters, so that such posts go the ordinary way."""
    rng = random.Random(7)
    texts = ["Begin [@poe; @moe]."]
    for few in (KEYS, ["doe", "poe", "moe", "team", "umlaut", "zed"], ["poe", "moe", "zed", "undated", "doe4"]):
        for _ in range(3):
            chosen = rng.sample(few, 4)
            forms = [rng.choice(FORMS).format(first, rng.choice(chosen)) for first in chosen]
            texts.append("\n\n".join(dict.fromkeys(forms)))
    asked = requests(tmp_path, texts, front)
    for kept, anew in zip(answers(asked, anew=False), answers(asked, anew=True), strict=True):
        assert kept.get("problems") == anew.get("problems")
        assert kept["body"] == anew["body"]


def test_kept_works_need_no_style(tmp_path: Path) -> None:
    """The style takes longer to read than a post; here it is gone before the third post is asked for."""
    asked = requests(tmp_path, ["[@poe]", "[@moe]", "[@poe] and @moe.", "[@doe]"])
    for request in asked[2:]:
        request["csl"] = "/nowhere.csl"
        request["short_style"] = {**request["short_style"], "path": "/nowhere.csl"}
    with PandocPool(PROGRAM, 1) as pool:
        made = [pool.ask(request)["body"] for request in asked[:3]]
        with pytest.raises(ToolFailed):
            pool.ask(asked[3])
    assert ">Poe 1990</a>" in made[2]
    assert "Moe et al." in made[2]
    assert made[2].index('id="ref-moe"') < made[2].index('id="ref-poe"')


def test_a_work_that_is_in_no_bibliography_is_said_where_works_are_kept_too(tmp_path: Path) -> None:
    made = answers(requests(tmp_path, ["[@poe]", "[@moe]", "[@poe] and [@knuth]."]), anew=False)
    assert "@knuth is in no bibliography" in made[2]["problems"][0]["what"]


def test_a_changed_bibliography_is_read_again(tmp_path: Path) -> None:
    asked = requests(tmp_path, ["[@poe]", "[@poe]", "[@poe]"])
    with PandocPool(PROGRAM, 1) as pool:
        before = [pool.ask(request)["body"] for request in asked]
        (tmp_path / "refs.bib").write_text(WORKS.replace("Poe, Ed", "Toad, Ed") + "\n")
        site = load_site(tmp_path)
        again = [pandoc._request(read_source(site, tmp_path / f"projects/p{n}/index.qmd")) for n in range(3)]
        after = [pool.ask(request)["body"] for request in again]
    assert all(">Poe 1990</a>" in body for body in before)
    assert all(">Toad 1990</a>" in body for body in after)
