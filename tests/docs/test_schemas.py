"""The JSON schemas that editors complete from accept what blogkit reads, name every key, and refuse a mistyped one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from blogkit.cli import app, projects  # noqa: F401  # adds its verbs to the app
from blogkit.config import front_matter, load_yaml
from blogkit.model import Budget, Scale, Sweep

ROOT = Path(__file__).parents[2]


def schema(kind: str) -> Any:
    said = CliRunner().invoke(app, ["schema", kind])
    return json.loads(Path("".join(said.stdout.split("\n"))).read_text(encoding="utf-8"))


def test_every_key_of_a_sweep_is_in_it_with_its_meaning() -> None:
    whole = schema("sweep")
    for kind, properties in (
        (Sweep, whole["properties"]),
        (Budget, whole["properties"]["budget"]["properties"]),
        (Scale, whole["properties"]["scales"]["additionalProperties"]["properties"]),
    ):
        assert list(properties) == [field.name for field in dataclasses.fields(kind)]
        assert all(len(one["description"]) > 10 for one in properties.values())


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/*/sweep.yml")), ids=lambda path: path.parent.name)
def test_the_sweeps_of_this_repository_are_valid(path: Path) -> None:
    jsonschema.validate(load_yaml(path.read_text(encoding="utf-8"), path), schema("sweep"))


@pytest.mark.parametrize(
    "text",
    [
        "sede: 3",
        "grid: {width: 8}",
        "budget: {minute: 3}",
        "scales: {small: {grids: {}}}",
        "seeds: many",
        "inputs: a.csv",
    ],
)
def test_a_mistake_is_underlined(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema("sweep"))


def test_an_empty_sweep_is_one(tmp_path: Path) -> None:
    jsonschema.validate(None, schema("sweep"))
    jsonschema.validate(
        yaml.safe_load("seeds: [1, 5]\nscales:\n  small: {seeds: 2}\nbudget: {minutes: 1.5}"), schema("sweep")
    )


def test_the_front_matter_of_this_repositorys_posts_is_valid_and_a_mistyped_waiver_is_not() -> None:
    for post in ROOT.glob("projects/*/index.qmd"):
        jsonschema.validate(json.loads(json.dumps(front_matter(post).data, default=str)), schema("front-matter"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"blogkit": {"waved": {}}}, schema("front-matter"))
