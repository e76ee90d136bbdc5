"""What a reader reads where they point is the row that the mark stands for: for every builder, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import altair as alt
import pytest

from blogkit import charts
from blogkit.charts import samples
from blogkit.gather.charts import without_runs
from blogkit.kernel.altair import specification
from tests.browser import browser, offline_page
from tests.figures.pages import finished

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

METRICS = samples.metrics()
WIDE = METRICS[METRICS["width"] == 32]
ADAM = METRICS[METRICS["optimiser"] == "adam"]
BUILT: dict[str, Any] = {
    "nominal": charts.learning_curves(WIDE, "test_error", by="optimiser"),
    "axis": charts.metric_over_axis(METRICS, "test_error", "width", by="optimiser"),
    "heat": charts.heat_map(METRICS, "test_error", "width", "optimiser"),
    "law": charts.scaling_law(ADAM, "test_error", "width"),
    "explorer": charts.run_explorer(METRICS),
    "forest": charts.paired(METRICS, "test_error", "optimiser", baseline="sgd", by="width"),
    "slopes": charts.paired(WIDE, "test_error", "optimiser", baseline="sgd"),
    "decision": charts.decision(samples.moons(), "x", "y", "moon", of=samples.moons_classifier, resolution=20),
    "tiles": charts.tiles(samples.filters(), labels=range(16)),
    "confusion": charts.confusion([3, 3, 5], [3, 5, 5], images=samples.digits()[[3, 3, 5]]),
    "examples": charts.examples(
        alt.Chart(samples.embedded(3)).mark_point().encode(x="first:Q", y="second:Q", tooltip=["digit:N", "first:Q"]),
        samples.digits(),
        by="digit",
    ),
    "distribution": charts.distribution(samples.activations()),
    "landscape": charts.landscape(samples.bowl, samples.descent(), over="step", resolution=16),
    "embedding": charts.embedding(samples.embedded(3)[["first", "second"]], samples.embedded(3)["digit"]),
    "network": charts.network([("input", 2), ("hidden", 3)], activations={"hidden": [[0, 1, 0], [0, 1, 1]]}),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    root = tmp_path_factory.mktemp("tooltips")
    specs = {name: without_runs(specification(chart)) for name, chart in BUILT.items()}
    with browser() as running, offline_page(running, viewport={"width": 1000, "height": 900}) as watched:
        watched.page.goto(finished(root, specs).as_uri())
        yield watched.page
        assert watched.complaints == []


READ = """figure => {
  const found = [];
  for (const mark of figure.querySelectorAll('.bk-awake .mark-symbol path, .bk-awake .mark-rect path, '
      + '.bk-awake .mark-path path, .bk-awake .mark-line path, .bk-awake .mark-image image')) {
    const {left, top, width, height} = mark.getBoundingClientRect();
    const at = {bubbles: true, clientX: left + width / 2, clientY: top + height / 2};
    mark.dispatchEvent(new MouseEvent('mousemove', at));
    mark.dispatchEvent(new PointerEvent('pointermove', at));
    mark.dispatchEvent(new MouseEvent('mouseover', at));
    const box = figure.querySelector('.bk-tooltip');
    if (!box || box.hidden) continue;
    found.push([...box.children].map(line => line.tagName === 'IMG' ? ['image', line.src]
      : [line.firstChild.textContent.trim(), line.lastChild.textContent]));
    mark.dispatchEvent(new MouseEvent('mouseout', at));
  }
  return found;
}"""


def tooltips_of(page: Page, name: str) -> list[dict[str, str]]:
    number = 1 + sorted(BUILT).index(name)
    figure = page.locator(f"#bk-{number}-{name}")
    figure.locator(".bk-drawing").dispatch_event("pointerenter")
    page.wait_for_selector(f"#bk-{number}-{name}[data-state=awake]")
    if figure.get_attribute("data-exact"):
        page.wait_for_selector(f"#bk-{number}-{name}:not([data-exact])")
    found: list[list[list[str]]] = figure.evaluate(READ)
    return [{line[0]: line[1] for line in one} for one in found]


def same_value(shown: str, value: Any) -> bool:
    """Whether a text is how a chart writes a value, whatever digits it keeps."""
    if value is None:
        return shown in ("null", "")
    if isinstance(value, str):
        return shown == value
    text = shown.replace("−", "-").replace(",", "")
    scale = 0.01 if text.endswith("%") else 1
    try:
        number = float(text.rstrip("%")) * scale
    except ValueError:
        return False
    return bool(abs(number - value) <= max(1e-3 * abs(value), 6e-4 if scale < 1 else 5e-5))


@pytest.mark.parametrize("name", BUILT)
def test_a_tooltip_is_the_row_of_its_mark(page: Page, name: str) -> None:
    rows = [row for rows in specification(BUILT[name])["datasets"].values() for row in rows]
    shown = tooltips_of(page, name)
    assert len(shown) > 2
    for tooltip in shown:
        words = list(tooltip.values())
        assert "undefined" not in words and "NaN" not in words, tooltip
        held = [row for row in rows if all(any(same_value(word, value) for value in row.values()) for word in words)]
        if name == "examples":  # the picture is looked up in rows of its own
            held = [row for row in rows if any(same_value(words[0], value) for value in row.values())]
            assert words[-1] in {row.get("picture_of_digit") for row in rows if str(row["digit"]) == words[0]}
        assert held, tooltip
