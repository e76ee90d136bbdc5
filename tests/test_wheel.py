"""The built wheel is enough: in an environment that never saw this repository, it makes a site and builds a post."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_carries_the_templates_and_the_page_assets_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "blogkit/_template/blank/index.qmd.jinja" in names
    assert "blogkit/_template/site/_quarto.yml.jinja" in names
    assert any(name.endswith(".css") for name in names)
    assert any(name.endswith(".lua") for name in names)
    assert "blogkit/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "projects/", "benchmarks/"))]
    assert not [name for name in names if "node_modules" in name or "/runs/" in name]


def needed(requirements: list[str], extras: set[str]) -> set[str]:
    """The installed distributions that these requirements lead to: what a user's own environment would hold."""
    found: set[str] = set()
    waiting = [(Requirement(text), extras) for text in requirements]
    while waiting:
        requirement, wanted = waiting.pop()
        environments = [{"extra": extra} for extra in wanted or {""}]
        if requirement.marker and not any(requirement.marker.evaluate(one) for one in environments):
            continue
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found.add(name)
        inner = metadata.distribution(name).requires or []
        waiting += [(Requirement(text), set(requirement.extras)) for text in inner]
    return found


def clean_environment(folder: Path, wheel: Path) -> Path:
    """An environment with the wheel and what it declares that it needs, and nothing else; gives its ``bin``.

    The packages are linked from this environment, which installed them by the same pins: copying torch again would
    take minutes and prove nothing more.
    """
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    (packages,) = folder.glob("lib/python*/site-packages")
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=folder.parent)
    declared = metadata.metadata("blogkit").get_all("Requires-Dist") or []
    for name in needed(declared, {"", "starters"}):
        distribution = metadata.distribution(name)
        tops = {Path(str(file)).parts[0] for file in distribution.files or []}
        for top in tops - {"..", "__pycache__"}:
            target = Path(str(distribution.locate_file(top)))
            if target.exists() and not (packages / top).exists():
                (packages / top).symlink_to(target)
    return folder / "bin"


def test_a_site_is_made_and_built_from_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    programs = clean_environment(tmp_path / "environment", wheel)
    blogkit = programs / "blogkit"
    run(blogkit, "init", "class", cwd=tmp_path)
    site = tmp_path / "class"
    run(blogkit, "new", "myproject", "--author", "Ada Example", cwd=site)
    sweep = site / "projects" / "myproject" / "sweep.yml"
    sweep.write_text("parameters: {epochs: 2}\ngrid: {width: [4, 8]}\nseeds: 2\n")
    run(blogkit, "build", cwd=site)
    page = (site / "_site" / "projects" / "myproject" / "index.html").read_text()
    assert "fig-learning-curves" in page
    assert "4 runs over 2 seeds" in page
    said = run(blogkit, "publish", "--to", "zip", cwd=site)
    assert "myproject.zip" in said
    assert str(ROOT) not in page
    kernel = programs / "python"
    missing = subprocess.run([kernel, "-c", "import pytest"], capture_output=True, check=False)
    assert missing.returncode != 0, "what only the tests need is not there, so nothing leans on it"
