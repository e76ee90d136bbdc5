"""A student looks for what gives them away without the class's roster: the post's own authors are sought."""

from __future__ import annotations

from pathlib import Path

import pytest

from blogkit.config import load_site
from blogkit.errors import ProjectError
from blogkit.render import render_site
from blogkit.review.commands.blinding import leaks, revise
from tests.files import site_tree, write_tree


def test_leaks_are_sought_without_a_roster_and_revisions_still_need_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, site_tree({"p": {}}))
    text = "---\ntitle: P\nauthor: Ada Lovelace\n---\n\nThanks to my father, who called me Ada Lovelace.\n"
    (tmp_path / "projects" / "p" / "index.qmd").write_text(text)
    render_site(load_site(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = leaks(["p"])
    assert not found.is_blind
    assert any("Lovelace" in leak.what and not leak.fixed for leak in found.prepared[0].leaks), str(found)
    with pytest.raises(ProjectError, match="no roster"):
        revise(["p"])
    assert not (tmp_path / ".blogkit" / "review" / "secret").exists(), "nothing of a review is begun"
