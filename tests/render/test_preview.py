"""A preview shows a saved change at once, and says what is wrong instead of showing it."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from blogkit.render.preview import Preview
from tests.render.conftest import write_site


@pytest.fixture
def preview(tmp_path: Path) -> Iterator[Preview]:
    write_site(tmp_path, {"index.qmd": "---\ntitle: T\n---\n\nFirst words.\n"})
    shown = Preview(tmp_path, engine="pandoc", say=lambda words: None)
    thread = threading.Thread(target=shown.run)
    thread.start()
    wait_for(lambda: shown.version == 1)
    yield shown
    shown.stop()
    thread.join(20)
    assert not thread.is_alive()


def wait_for(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def get(preview: Preview, path: str = "") -> str:
    with urllib.request.urlopen(preview.address + path, timeout=20) as answer:
        return str(answer.read().decode())


def test_a_saved_change_is_served(preview: Preview, tmp_path: Path) -> None:
    assert "First words." in get(preview)
    (tmp_path / "index.qmd").write_text("---\ntitle: T\n---\n\nSecond words.\n")
    saved = time.monotonic()
    wait_for(lambda: "Second words." in get(preview))
    assert time.monotonic() - saved < 5, "a second is the aim on a machine of one's own; see benchmarks/render.py"


def test_a_page_is_reported_to_load_itself_anew(preview: Preview, tmp_path: Path) -> None:
    host = preview.address.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", "/__blogkit/events")
    answer = connection.getresponse()
    (tmp_path / "index.qmd").write_text("---\ntitle: T\n---\n\nThird words.\n")
    line = answer.readline().decode()
    assert json.loads(line.removeprefix("data: ")) == {"reload": True}
    (tmp_path / "index.qmd").write_text("---\ntitle: T\n---\n\nSee @fig-none.\n")
    answer.readline()
    line = answer.readline().decode()
    assert "@fig-none" in json.loads(line.removeprefix("data: "))["error"]
    connection.close()


def test_the_files_on_disk_stay_without_the_preview(preview: Preview) -> None:
    assert "__blogkit" in get(preview)
    assert "__blogkit" not in (preview.output / "index.html").read_text()
