"""What every test gets: a home, a git configuration and a cache of its own, and no way to the network."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.sites import newcomers_site, rendered_site

__all__ = ["newcomers_site", "rendered_site"]


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine fails no test: the whole test has a time limit, each example has none."""
settings.register_profile("sample", PATIENT, derandomize=True)
settings.register_profile("anew", PATIENT)
"""What hypothesis tries is the same each time; ``make test-long`` draws anew."""

LONG_TIME_LIMIT = 4 * 60 * 60
"""Seconds that a long test may take."""


def pytest_configure(config: pytest.Config) -> None:
    """A shell that started the tests in the background has them ignore Ctrl-C, which some tests send."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("anew" if config.option.markexpr == "long" else "sample")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A long test is slow too, and may take its time."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("slow")
            item.add_marker(pytest.mark.timeout(LONG_TIME_LIMIT))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test must not read the developer's settings, nor leave anything in them."""
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home
