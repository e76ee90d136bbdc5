"""The intervention of the study `dead-relu`: a revived unit begins as a unit of a new network does, and alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the starters' packages are not installed")
import torch

NOTEBOOK = Path(__file__).parents[1] / "projects" / "dead-relu" / "experiment.ipynb"
STEPS_BEFORE, STEPS_AFTER = 200, 12

Notebook = dict[str, Any]


def notebook(**parameters: Any) -> Notebook:
    """What the notebook defines up to its training, over a few random signals in place of its data."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    names: Notebook = {}
    exec(code["parameters"], names)
    names.update({"width": 6} | parameters)
    exec(code["imports"], names)
    names["x_train"] = torch.randn(20, 5, generator=torch.Generator().manual_seed(1)).to(names["device"])
    for cell in ("model", "optimizer", "dead"):
        exec(code[cell], names)
    return names


def gradients(step: int, shapes: list[torch.Size]) -> list[torch.Tensor]:
    """The same for every network at the same step, and of very different sizes over time."""
    draws = torch.Generator().manual_seed(100 + step)
    return [torch.randn(shape, generator=draws) * 10.0 ** (-(step % 4)) for shape in shapes]


def take_steps(optimizer: Any, weights: list[torch.Tensor], first: int, count: int) -> None:
    for step in range(first, first + count):
        for weight, gradient in zip(weights, gradients(step, [w.shape for w in weights]), strict=True):
            weight.grad = gradient.to(weight.device)
        optimizer.step()


def weights_of(names: Notebook) -> list[torch.Tensor]:
    return list(names["linear"].parameters())


def copies(weights: list[torch.Tensor]) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in weights]


def fresh_optimizer(optimizer: str, weights: list[torch.Tensor], lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(weights, lr=lr) if optimizer == "adam" else torch.optim.SGD(weights, lr=lr, momentum=0.9)


def some_dead() -> list[torch.Tensor]:
    """Two units of the first hidden layer, none of the second, one of the third."""
    masks = [torch.zeros(6, dtype=torch.bool) for _ in range(3)]
    masks[0][[1, 4]] = True
    masks[2][3] = True
    return masks


def revived_places(weights: list[torch.Tensor], dead: list[torch.Tensor]) -> list[torch.Tensor]:
    """Which weights belong to a revived unit: those into it, its bias, and those out of it."""
    places = [torch.zeros(weight.shape, dtype=torch.bool) for weight in weights]
    for layer, off in enumerate(dead):
        places[2 * layer][off] = True
        places[2 * layer + 1][off] = True
        places[2 * layer + 2][:, off] = True
    return places


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_revived_unit_steps_as_under_an_optimizer_that_begins_there(optimizer: str) -> None:
    names, dead = notebook(optimizer=optimizer, unit="revived"), some_dead()
    weights = weights_of(names)
    take_steps(names["updates"], weights, 0, STEPS_BEFORE)
    names["revive"](dead)
    fresh = copies(weights)
    steps = fresh_optimizer(optimizer, fresh, names["lr"])
    places = revived_places(weights, dead)
    for step in range(STEPS_BEFORE, STEPS_BEFORE + STEPS_AFTER):
        take_steps(names["updates"], weights, step, 1)
        take_steps(steps, fresh, step, 1)
        for weight, expected, place in zip(weights, fresh, places, strict=True):
            torch.testing.assert_close(weight.detach()[place], expected[place], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_revival_leaves_every_other_weight_and_its_later_steps_as_they_were(optimizer: str) -> None:
    revived, other = (notebook(optimizer=optimizer, unit=unit) for unit in ("revived", "relu"))
    dead = some_dead()
    for names in (revived, other):
        take_steps(names["updates"], weights_of(names), 0, STEPS_BEFORE)
    revived["revive"](dead)
    for names in (revived, other):
        take_steps(names["updates"], weights_of(names), STEPS_BEFORE, STEPS_AFTER)
    places = revived_places(weights_of(revived), dead)
    for weight, expected, place in zip(weights_of(revived), weights_of(other), places, strict=True):
        assert torch.equal(weight[~place], expected[~place])
        assert not torch.equal(weight[place], expected[place]) or not place.any()


def test_a_revived_unit_has_new_weights_no_bias_and_no_effect() -> None:
    names, dead = notebook(unit="revived"), some_dead()
    take_steps(names["updates"], weights_of(names), 0, STEPS_BEFORE)
    before = copies(weights_of(names))
    names["revive"](dead)
    for layer, off in enumerate(dead):
        incoming, bias = names["linear"][layer].weight, names["linear"][layer].bias
        assert not torch.isclose(incoming[off], before[2 * layer][off]).any()
        assert not bias[off].any()
        assert not names["linear"][layer + 1].weight[:, off].any()


def test_a_unit_that_is_kept_gets_new_weights_and_the_optimizer_remembers_the_old_ones() -> None:
    names, dead = notebook(unit="kept"), some_dead()
    weights = weights_of(names)
    take_steps(names["updates"], weights, 0, STEPS_BEFORE)
    known = [{key: value.clone() for key, value in names["updates"].state[weight].items()} for weight in weights]
    before = copies(weights)
    names["revive"](dead)
    assert not torch.isclose(weights[0][dead[0]], before[0][dead[0]]).any()
    for weight, memory in zip(weights, known, strict=True):
        assert memory
        assert all(torch.equal(names["updates"].state[weight][key], value) for key, value in memory.items())


def test_the_notebooks_adam_is_that_of_torch_where_nothing_is_revived() -> None:
    names = notebook(optimizer="adam", unit="relu")
    weights = weights_of(names)
    expected = copies(weights)
    take_steps(names["updates"], weights, 0, STEPS_BEFORE)
    take_steps(fresh_optimizer("adam", expected, names["lr"]), expected, 0, STEPS_BEFORE)
    for weight, other in zip(weights, expected, strict=True):
        torch.testing.assert_close(weight.detach(), other, rtol=1e-4, atol=1e-5)


def test_revived_weights_are_drawn_apart_from_the_order_of_the_examples() -> None:
    names = notebook(unit="revived")
    state = torch.get_rng_state()
    names["revive"](some_dead())
    assert torch.equal(torch.get_rng_state(), state)
