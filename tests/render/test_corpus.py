"""The embedded engine shows the same facts as Quarto 1.10.18 on a blog that uses every construct a post needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.render.conftest import DATA
from tests.render.facts import differences, facts

EXPECTED = DATA / "corpus-facts"
PAGES = sorted(path.relative_to(EXPECTED).with_suffix("").as_posix() for path in EXPECTED.rglob("*.json"))


def test_the_oracle_has_all_its_facts() -> None:
    assert sum(len(json.loads((EXPECTED / f"{page}.json").read_text())) for page in PAGES) == 525


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_quarto_shows(page: str, corpus: Path) -> None:
    expected = json.loads((EXPECTED / f"{page}.json").read_text(encoding="utf-8"))
    wrong = [
        f"{name}: {want!r} became {got!r}" for name, want, got in differences(expected, facts(corpus / f"{page}.html"))
    ]
    assert not wrong, "\n".join(wrong)
