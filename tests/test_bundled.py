"""What others made and blogkit passes on is listed with version and licence, and its licence travels with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import blogkit

HERE = Path(blogkit.__file__).parent
LISTED = (HERE / "BUNDLED.md").read_text(encoding="utf-8")


def locked_version(folder: str, package: str) -> str:
    lock = json.loads((HERE / folder / "package-lock.json").read_text(encoding="utf-8"))
    return str(lock["packages"][f"node_modules/{package}"]["version"])


def test_the_versions_that_are_listed_are_those_that_are_built_in() -> None:
    assert f"vega {locked_version('render/runtime', 'vega')} |" in LISTED
    assert f"| {locked_version('render/runtime', 'onnxruntime-web')} |" in LISTED
    annotator, annotorious = (
        locked_version("review/interface", name) for name in ("@recogito/text-annotator", "@annotorious/core")
    )
    assert f"| {annotator}, {annotorious} |" in LISTED
    axe = (HERE / "check/vendor/axe-core/axe.min.js").read_text(encoding="utf-8")[:100]
    assert f"| {re.search(r'axe v([0-9.]+)', axe)[1]} |" in LISTED  # type: ignore[index]


def test_every_font_is_named_beside_its_licence() -> None:
    fonts = HERE / "render/assets/fonts"
    text = (fonts / "LICENSES.txt").read_text(encoding="utf-8")
    for font in fonts.glob("*.woff2"):
        assert font.name in text, font.name
    assert "SIL OPEN FONT LICENSE Version 1.1" in text and "LaTeX Project Public License" in text


def test_every_place_that_is_listed_is_there() -> None:
    places = [Path(place) for place in re.findall(r"`((?:render|review|check)/[^`]+)`", LISTED)]
    assert len(places) >= 6
    assert [str(place) for place in places if not list(HERE.glob(str(place)))] == []


def test_everything_of_others_is_listed() -> None:
    vendored = {path.name for path in (HERE / "check/vendor").iterdir()}
    assert [name for name in vendored if name not in LISTED] == []
    assert [path.name for path in HERE.rglob("*.csl") if path.name.split("-")[0] != "chicago"] == []


def test_the_lock_pins_every_dependency_with_hashes_at_the_versions_that_are_tested() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    root = HERE.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        canonicalize_name(Requirement(one).name)
        for one in (*project["dependencies"], *extras["review"], *extras["browser"])
    }
    blocks = re.split(r"\n(?=[a-z0-9])", (root / "requirements.lock").read_text(encoding="utf-8"))
    pins = {
        (canonicalize_name(match[1]), match[2]): "--hash=sha256:" in block
        for block in blocks
        if (match := re.match(r"([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", block))
    }
    assert all(pins.values()) and wanted - {name for name, _ in pins} == set()
    tested = dict(
        line.split("==")
        for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and line[0] != "#"
    )
    tested = {canonicalize_name(name): version.split(";")[0].strip() for name, version in tested.items()}
    apart = {name: version for name, version in pins if tested.get(name, version) != version}
    assert apart == {}
