"""A figure of a rendered page is there before any script: drawn, named, with its data and where it comes from."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from lxml import html

from blogkit.errors import RenderError
from tests.figures.notebooks import chart
from tests.figures.pages import ALT, curve_chart, curves, finish, finished, slider_chart


def tree(page: Path) -> html.HtmlElement:
    return html.document_fromstring(page.read_bytes())


def test_the_drawing_stands_in_the_page_with_its_name_and_description(tmp_path: Path) -> None:
    page = tree(finished(tmp_path, {"loss": curve_chart(curves(200))}))
    svg, phone = page.xpath("//figure//svg")
    assert svg.get("role") == phone.get("role") == "img"
    assert phone.get("aria-labelledby") == svg.get("aria-labelledby")
    assert page.xpath("//svg/title[@id=$id]/text()", id=svg.get("aria-labelledby")) == ["Loss falls with the epochs."]
    assert page.xpath("//svg/desc[@id=$id]/text()", id=svg.get("aria-describedby")) == ["All five runs end near 0.2."]
    assert not page.xpath("//img")


def test_a_figure_without_alternative_text_is_named_after_its_axes(tmp_path: Path) -> None:
    page = tree(finished(tmp_path, {"loss": curve_chart(curves(200))}, alt=""))
    assert page.xpath("//svg/title/text()") == ["Loss (nats) over Epoch"]


def test_nothing_inline_needs_a_looser_policy(tmp_path: Path) -> None:
    page = tree(finished(tmp_path, {"loss": slider_chart(), "other": chart(title="A title")}))
    assert not page.xpath("//*[@style]") and not page.xpath("//style")
    assert {script.get("type") for script in page.xpath("//script[not(@src)]")} == {"application/json"}
    assert not page.xpath("//@*[starts-with(name(), 'on')]")


def test_other_images_stay_as_they_are(tmp_path: Path) -> None:
    finished(tmp_path, {"loss": chart()})
    (tmp_path / "source" / "projects" / "post" / "plain.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "outside.svg").write_text("<svg/>")
    (tmp_path / "outside.vl.json").write_text("{}")
    sources = [
        "plain.svg",
        "https://x.test/loss.svg",
        "../../../outside.svg",
        "missing.svg",
        "/results/charts/loss.svg",
    ]
    images = "".join(f'<img src="{source}">' for source in sources)
    preview = '<div class="quarto-listing"><img class="thumbnail-image" src="results/charts/loss.svg"></div>'
    page = tree(finish(f"<html><head></head><body>{images}{preview}</body></html>", tmp_path))
    assert page.xpath("//img/@src") == [*sources, "results/charts/loss.svg"]
    assert not page.xpath("//script")


def test_a_chart_shown_twice_has_no_id_twice(tmp_path: Path) -> None:
    clipped = chart(mark={"type": "line", "clip": True})
    image = '<p><img src="results/charts/loss.svg" alt="a"></p>'
    page = tree(finished(tmp_path, {"loss": clipped}, images=image * 2))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", html.tostring(page, encoding="unicode")))
    assert len(used) == 2 and used <= set(ids)


def test_charts_of_the_same_rows_share_one_table(tmp_path: Path) -> None:
    rows = curves(1000)
    page = tree(finished(tmp_path, {f"chart-{n}": curve_chart(rows, title=str(n)) for n in range(3)}))
    assert len(page.xpath("//script[starts-with(@id, 'bk-table-')]")) == 1
    assert len(set(page.xpath("//details/@data-table"))) == 1


def test_the_data_and_the_specification_are_there_to_take_away(tmp_path: Path) -> None:
    rows = curves(1000)
    page = finished(tmp_path, {"loss": curve_chart(rows)})
    links = [page.parent / link for link in tree(page).xpath("//details//a/@href")]
    lines = links[0].read_text().splitlines()
    assert lines[0] == "epoch,run,loss"
    assert [float(line.split(",")[2]) for line in lines[1:]] == [row["loss"] for row in rows]
    assert json.loads(links[1].read_text())["data"]["values"] == rows


def test_the_figure_says_how_it_was_made(tmp_path: Path) -> None:
    (details,) = tree(finished(tmp_path, {"loss": chart()})).xpath("//details[summary='How this was made']")
    assert [" ".join(line.text_content().split()) for line in details.iter("li")] == [
        "15 runs over 5 seeds; varied: width (8, 16, 32)",
        "Computed on NVIDIA H100, in 312 s, from commit abcdef0123",
        "Drawn by figures.ipynb",
        "Made again by blogkit run post && blogkit gather post",
        "Take it away: Data (CSV), Specification (Vega-Lite)",
    ]


def test_a_small_table_is_whole_and_a_large_one_summed_up(tmp_path: Path) -> None:
    small = tree(finished(tmp_path / "a", {"loss": chart()}))
    assert small.xpath("//details//td/text()") == ["0", "1.5", "1", "0.5"]
    large = tree(finished(tmp_path / "b", {"loss": curve_chart(curves(1000))}))
    assert large.xpath("//details//caption/text()") == ["1,000 rows of 3 columns"]
    assert large.xpath("//details//tbody//td/text()")[:2] == ["0 to 199", "run 0, run 1, run 2, run 3, run 4"]


def test_a_parameter_is_a_labelled_native_control(tmp_path: Path) -> None:
    bound = [
        {"name": "a", "value": 3, "bind": {"input": "range", "min": 1, "max": 9, "step": 2, "name": "Epoch: "}},
        {"name": "b", "value": None, "bind": {"input": "select", "options": [None, "x", 2], "labels": ["every"]}},
        {"name": "c", "value": True, "bind": {"input": "checkbox"}},
    ]
    page = tree(finished(tmp_path, {"loss": chart(params=bound)}))
    labels = page.xpath("//div[@class='bk-controls']/label")
    assert [" ".join(label.text_content().split()) for label in labels] == ["Epoch 3", "b everyx2", "c"]
    assert (
        dict(labels[0].find("input").attrib).items() >= {"type": "range", "min": "1", "max": "9", "value": "3"}.items()
    )
    assert labels[1].xpath("select/option/@value") == ["null", '"x"', "2"]
    assert "bind" not in page.xpath("//script[@class='bk-spec']")[0].text


def test_one_control_of_the_page_serves_every_figure_with_its_parameter(tmp_path: Path) -> None:
    place = '<div class="control" data-param="last"></div>'
    page = tree(finished(tmp_path, {"one": slider_chart(), "two": slider_chart()}, before=place))
    assert page.xpath("//input/@data-param") == ["last"]
    assert page.xpath("//div[@class='control']//input/@id") == ["bk-page-last"]


def test_a_chart_of_no_data_but_constants_has_no_table(tmp_path: Path) -> None:
    spec = {"data": {"values": [{}]}, "mark": "arc", "encoding": {"theta": {"datum": 2, "scale": None}}}
    page = finished(tmp_path, {"slice": spec}).read_text(encoding="utf-8")
    assert "<svg" in page and "bk-data" not in page


def test_a_map_is_drawn_and_stays_as_it_is(tmp_path: Path) -> None:
    world = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 50]}, "properties": {}}
    spec = {"$schema": chart()["$schema"], "data": {"values": [world]}, "mark": "geoshape"}
    page = tree(finished(tmp_path, {"map": spec}))
    assert page.xpath("//svg[@role='img']") and not page.xpath("//*[@data-awake]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        (json.dumps(chart() | {"mark": 7}), "loss.vl.json"),
        (json.dumps(chart() | {"data": {"url": "https://x.test/a.json"}}), "data or a picture from https://x.test"),
    ],
)
def test_a_specification_that_was_spoilt_is_an_error_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    finished(tmp_path, {"loss": chart()})
    (tmp_path / "source/projects/post/results/charts/loss.vl.json").write_text(text)
    with pytest.raises(RenderError) as caught:
        finish('<html><body><img src="results/charts/loss.svg"></body></html>', tmp_path)
    assert said in str(caught.value)
    assert caught.value.problems[0].path is not None


def test_a_drawing_that_was_spoilt_brings_nothing_that_runs_into_the_page(tmp_path: Path) -> None:
    finished(tmp_path, {"loss": chart()})
    drawing = tmp_path / "source/projects/post/results/charts/loss.svg"
    drawing.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" onload="a()" style="color:red"><script>a()</script>'
        '<a href="javascript:a()"><path d="M0 0h9" onclick="a()" fill="url(https://x.test/b)"/></a>'
        '<image href="https://x.test/c.png"/><foreignObject><b/></foreignObject><path id="p" d="M0 0h5"/></svg>'
    )
    page = finish('<html><head></head><body><img src="results/charts/loss.svg" alt="a"></body></html>', tmp_path)
    svg = html.tostring(tree(page).xpath("//svg")[0], encoding="unicode")
    assert 'd="M0 0h5"' in svg
    assert not re.search(r"script|onload|onclick|x\.test|foreign|style", svg)


HOSTILE = "</script><img src=x onerror=alert(1)><!--"


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "loss": 2.0, HOSTILE: HOSTILE}, {"epoch": 2, "loss": 1.0, HOSTILE: HOSTILE}]
    bind = {"input": "select", "options": [HOSTILE], "labels": [HOSTILE], "name": HOSTILE}
    spec = chart(rows, title=HOSTILE + "\u2028", params=[{"name": "p", "value": HOSTILE, "bind": bind}])
    spec["usermeta"] = {"blogkit": {"notebook": HOSTILE}}
    spec["encoding"]["color"] = {"field": HOSTILE, "title": HOSTILE}
    page = finished(tmp_path, {"loss": spec}, alt="")
    text = page.read_text()
    assert "<img" not in text and "onerror" in text
    assert text.count("</script>") == len(tree(page).xpath("//script"))


# --- the targets that are exact -------------------------------------------------------------------------------------


def weight(page: Path) -> int:
    """Bytes, compressed, of what a browser loads before a reader touches anything."""
    names = [page, *(page.parent / name for name in tree(page).xpath("//link/@href | //script/@src"))]
    return sum(len(gzip.compress(name.read_bytes(), 9)) for name in names)


@pytest.mark.parametrize("exact", [False, True])
def test_a_chart_of_1000_rows_costs_at_most_8_kilobytes_and_130_elements(tmp_path: Path, exact: bool) -> None:
    def page(count: int) -> Path:
        charts = {f"c{n}": curve_chart(curves(1000, n, exact), title=f"Chart {n}") for n in range(count)}
        return finished(tmp_path / str(count), charts)

    one, four = page(1), page(4)
    assert (weight(four) - weight(one)) / 3 <= 8000
    assert len(gzip.compress(one.read_bytes(), 9)) <= 8000
    assert len(tree(four).xpath("//figure[1]//*[not(ancestor-or-self::*[contains(@class, 'bk-phone')])]")) <= 130
    assert len(tree(four).xpath("//figure[1]//*[not(ancestor-or-self::*[contains(@class, 'bk-place')])]")) <= 130


def test_ten_charts_of_one_table_weigh_at_most_14_kilobytes(tmp_path: Path) -> None:
    rows = curves(1000)
    assert weight(finished(tmp_path, {f"c{n}": curve_chart(rows, title=f"Chart {n}") for n in range(10)})) <= 14_000


def test_alternative_texts_reach_readers_whole(tmp_path: Path) -> None:
    page = tree(finished(tmp_path, {"loss": chart()}))
    assert " ".join(page.xpath("//svg/title/text() | //svg/desc/text()")) == ALT
