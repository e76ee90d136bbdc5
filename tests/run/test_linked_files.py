"""A linked file becomes the run's own before it is written to, and stays a link while it is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blogkit.kernel.linked import _before_write


@pytest.mark.parametrize(
    ("flags", "becomes"),
    [
        (os.O_RDONLY, "link"),
        (os.O_RDONLY | os.O_CLOEXEC, "link"),
        (os.O_WRONLY, "copy"),
        (os.O_RDWR, "copy"),
        (os.O_WRONLY | os.O_APPEND, "copy"),
        (os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "gone"),
        (None, "link"),
    ],
)
@pytest.mark.parametrize("event", ["open", "os.remove"])
def test_what_opening_a_linked_file_makes_of_it(tmp_path: Path, event: str, flags: int | None, becomes: str) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "run").mkdir()
    original, link = tmp_path / "project" / "a.csv", tmp_path / "run" / "a.csv"
    original.write_text("1\n")
    link.symlink_to(original)
    _before_write(str(tmp_path / "run"), event, (str(link), "r", flags))
    expected = becomes if event == "open" else "link"
    found = "link" if link.is_symlink() else "copy" if link.exists() else "gone"
    assert found == expected and original.read_text() == "1\n"
    assert found == "gone" or link.read_text() == "1\n"


def test_what_lies_elsewhere_and_what_is_no_path_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    original, link = tmp_path / "a.csv", tmp_path / "b.csv"
    original.write_text("1\n")
    link.symlink_to(original)
    _before_write(str(tmp_path / "run"), "open", (str(link), "w", os.O_WRONLY))
    _before_write(str(tmp_path / "run"), "open", (7, "w", os.O_WRONLY))
    assert link.is_symlink()
