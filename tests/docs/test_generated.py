"""What the documentation says of commands, keys, rules and layers is what the code says."""

from __future__ import annotations

import inspect
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cache

import pytest

from blogkit import charts
from tests.docs.pages import ROOT, generator


@cache
def texts() -> dict[str, str]:
    made: dict[str, str] = generator().generate()
    return made


def test_the_generated_files_are_what_the_code_gives_now() -> None:
    stale = [name for name, text in texts().items() if (ROOT / "docs" / name).read_text(encoding="utf-8") != text]
    assert stale == [], "`make docs` writes them anew"


def test_the_reference_has_every_command_and_every_option() -> None:
    made = generator()
    text = texts()["reference.qmd"]
    found = dict(made.commands(made.app_command()))
    assert {"blogkit run", "blogkit check", "blogkit review assign"} <= set(found)
    for name, command in found.items():
        section = text.split(f" {name} {{#", 1)[1].split("\n## ")[0]
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert option in section, f"{name} {option}"


@pytest.mark.parametrize("name", ["_sweep-keys.md", "_site-keys.md", "_cluster-keys.md", "_profile-keys.md"])
def test_every_key_that_a_user_may_write_says_what_it_means(name: str) -> None:
    rows = re.findall(r"^\| `(.+?)` \| (.*?) ?\*.*?\* \|$", texts()[name], re.MULTILINE)
    assert len(rows) > 3
    assert [key for key, meaning in rows if not meaning] == []


def test_a_key_without_a_meaning_and_nested_keys_are_found() -> None:
    (first, second, third) = generator().keys(_Outer)
    assert (first.name, first.meaning, first.holds) == ("plain", "", "Whole number, by default `3`.")
    assert (second.name, second.meaning) == ("inner", "Said.")
    assert (third.name, third.meaning, third.holds) == ("inner.text", "Also said.", "Text, required.")


@dataclass(frozen=True, kw_only=True)
class _Inner:
    text: str
    """Also said."""


@dataclass(frozen=True, kw_only=True)
class _Outer:
    plain: int = 3
    inner: _Inner | None = None
    """Said."""


def test_the_diagram_shows_each_module_once_from_the_highest_layer_to_the_lowest() -> None:
    drawn = [node.text for node in ET.fromstring(texts()["layers.svg"]).iter("{http://www.w3.org/2000/svg}text")]
    layers = generator().read_layers()
    assert drawn == [module for layer in layers for module in layer]
    assert drawn[0] == "__main__"
    assert drawn[-1] == "errors"
    package = {path.stem for path in (ROOT / "blogkit").glob("*.py")} - {"__init__"}
    package |= {path.parent.name for path in (ROOT / "blogkit").glob("*/__init__.py")}
    assert package <= set(drawn)


def test_the_diagram_has_words_for_those_who_do_not_see_it_and_takes_the_colour_of_the_page() -> None:
    drawing = texts()["_layers.md"]
    assert 'role="img"' in drawing
    assert "highest first: __main__; cli; pipeline;" in drawing
    assert not re.findall(r'(?:fill|stroke)="(?!none|currentColor)[^"]*"', drawing)


def test_the_gallery_draws_every_builder_from_the_code_that_it_shows() -> None:
    """`live` needs a model that a run has recorded, and is shown on a page of its own."""
    shown = set(generator().GALLERY)
    functions = [name for name in charts.__all__ if inspect.isfunction(getattr(charts, name))]
    builders = {name for name in functions if "alt." in str(inspect.signature(getattr(charts, name)).return_annotation)}
    assert builders - {"live"} == shown
    for name in shown:
        spec = json.loads((ROOT / "docs" / "gallery" / f"{name}.vl.json").read_text(encoding="utf-8"))
        assert spec["usermeta"]["blogkit"]["code"] == generator().builder_example(name)[1], "`make docs` draws it anew"
        assert f"(gallery/{name}.svg)" in texts()["gallery.qmd"]
