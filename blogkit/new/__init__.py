"""Makes a site, and a project that already runs, from the templates."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blogkit.config import SITE_FILE, did_you_mean, load_project
from blogkit.errors import NotebookError, ProjectError, StoreError
from blogkit.model import Project, Site
from blogkit.new import adopt
from blogkit.new.fill import fill_template, refuse_link
from blogkit.notebook import read_notebook
from blogkit.store import write_bytes

DEFAULT_STARTER = "blank"
PLACEHOLDER_AUTHOR = "Your Name"
SITE_TEMPLATE = "site"
ADOPTING = "from-notebook"
"""The template around a notebook that a student has already."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)")
"""Names that Windows keeps for devices: a folder of this name cannot be checked out there."""


def slug(name: str) -> str:
    """The folder name for what a user called a project: lower case, ASCII letters, digits and single hyphens.

    Raises ProjectError when nothing is left of it, when it is a path, or when some system could not hold such a folder.
    """
    if "/" in name or "\\" in name:
        hint = "Give a name alone; projects lie in the site's `projects` folder."
        raise ProjectError(f"{name!r} is a path, not a name.", hint=hint)
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    made = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    if not made:
        raise ProjectError(f"{name!r} holds no letter or digit that a folder name could be made of.",
                           hint="Use Latin letters for the name, and --title for the title in any script.")  # fmt: skip
    if _RESERVED.fullmatch(made):
        raise ProjectError(f"{made!r} is a name that Windows keeps for a device.", hint="Choose another.")
    if len(made) > 80:
        hint = "Choose a shorter name, and give the whole one as --title."
        raise ProjectError(f"{made[:40] + '…'!r} is longer than 80 characters.", hint=hint)
    return made


def init_site(folder: Path, *, title: str | None = None, template: Path | None = None) -> Path:
    """Makes a site in a folder and gives its root. What is already in the folder is left as it is."""
    folder = folder.resolve()
    if (folder / SITE_FILE).exists():
        raise ProjectError("there is a site already.", hint="`blogkit new NAME` adds a project to it.",
                           path=folder / SITE_FILE)  # fmt: skip
    if folder.exists() and not folder.is_dir():
        raise ProjectError("is a file, so no site can be made there.", path=folder)
    source = find_templates(folder, template) / SITE_TEMPLATE
    answers = {"title": title or "Final projects"}
    files = {path: text for path, text in _filled(source, answers).items() if not os.path.lexists(folder / path)}
    for path in ("projects", *files):
        _refuse_way_through_link(folder, path)
    try:
        (folder / "projects").mkdir(parents=True, exist_ok=True)
        for path, data in sorted(files.items(), key=lambda entry: entry[0] == SITE_FILE):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)  # _quarto.yml last: with it, the folder is a site
    except OSError as error:
        raise StoreError(f"could not be written: {error.strerror}.", path=folder) from error
    return folder


_PINNED = re.compile(r"(?:git\+https://[^@\s\"]+@[0-9a-f]{40}|https://[^#\s\"]+\.whl#sha256=[0-9a-f]{64})")


def add_workflow(root: Path, host: str, *, install: str = "", template: Path | None = None) -> Path:
    """Writes the workflow that checks and publishes a site on a code host's runners, and gives its path.

    ``install`` is where the runners get blogkit from: a commit (``git+https://…@`` and 40 digits) or a wheel with its
    hash (``https://….whl#sha256=…``). The workflow refuses to run until it says that: a name and a version could be
    taken by anybody on a package index. A workflow of that name that is there already stays as it is: ProjectError says
    so, as for an ``install`` that pins nothing.
    """
    if install and not _PINNED.fullmatch(install):
        hint = "Give git+https://HOST/OWNER/blogkit@COMMIT (all 40 digits), or https://….whl#sha256=HASH."
        raise ProjectError(f"--install {install!r} does not say exactly what is installed.", hint=hint)
    source = find_templates(root, template) / f"ci-{host}"
    if not source.is_dir():
        raise ProjectError(f"There is no workflow for {host!r}.", hint="There is one for: github.", path=source)
    (name, data), *_ = _filled(source, {"install": f"blogkit[browser] @ {install}" if install else ""}).items()
    if os.path.lexists(root / name):
        raise ProjectError("is there already.", hint="Remove it first to have it written anew.", path=root / name)
    _refuse_way_through_link(root, name)
    write_bytes(root / name, data)
    return root / name


def new_project(
    site: Site,
    name: str,
    *,
    starter: str = DEFAULT_STARTER,
    title: str | None = None,
    authors: Sequence[str] = (),
    template: Path | None = None,
    today: datetime.date | None = None,
) -> Project:
    """Makes a project of a site from a starter, whole or not at all. An existing folder is never touched."""
    folder = _free_folder(site, name)
    templates = find_templates(site.root, template)
    source = templates / starter
    known = starters(templates)
    if starter not in known:
        lines = "\n".join(f"    {name}: {line}" for name, line in starter_lines(templates).items())
        hint = did_you_mean(starter, known) or f"There are: {', '.join(known)}.\n{lines}"
        if starter == ADOPTING:
            hint = "Give the notebook: --from-notebook PATH."
        raise ProjectError(f"There is no starter {starter!r}.", hint=hint, path=templates)
    return _write(folder, _filled(source, _answers(folder, name, title, authors, today)))


def adopt_notebook(
    site: Site,
    name: str,
    notebook: Path,
    *,
    parameters: Sequence[str] = (),
    title: str | None = None,
    authors: Sequence[str] = (),
    template: Path | None = None,
    today: datetime.date | None = None,
) -> Project:
    """Makes a project around a notebook: a copy with its parameters cell tagged, a sweep of one run, and a post.

    ``parameters`` are names that one cell sets; a cell that is tagged already may be left to speak for itself.
    Raises NotebookError when the notebook cannot be a run; the notebook itself is never changed.
    """
    folder = _free_folder(site, name)
    if not notebook.is_file():
        raise NotebookError("There is no such notebook.", path=notebook)
    if notebook.is_symlink():
        hint = "Give the notebook that it leads to."
        raise NotebookError("is a link, which is not copied.", hint=hint, path=notebook)
    document = read_notebook(notebook)
    cell = adopt.cell_that_sets(document, parameters, notebook) if parameters else adopt.tagged(document)
    if cell is None:
        found = ", ".join(f"{one.name} = {one.value!r}" for one in adopt.candidates(document)) or "nothing"
        hint = f"Name some with --parameter. At the top level of a cell it sets {found}."
        if adopt.language(document) != "python":
            hint = "Tag the cell that sets them in Jupyter (Property Inspector): only Python is read here."
        raise NotebookError("has no cell tagged `parameters`, and none was named.", hint=hint, path=notebook)
    values = [(one.name, one.value) for one in adopt.candidates(document) if one.cell == cell]
    chosen = [(key, value) for key, value in values if not parameters or key in parameters]
    answers = _answers(folder, name, title or title_of(notebook.stem), authors, today)
    files = _filled(find_templates(site.root, template) / ADOPTING, {**answers, "parameters": chosen, "figures": []})
    return _write(folder, {**files, "experiment.ipynb": adopt.with_tag(notebook, cell).encode("utf-8")})


def show_figures(
    site: Site,
    project: Project,
    figures: Sequence[Path],
    *,
    name: str,
    title: str | None = None,
    authors: Sequence[str] = (),
    template: Path | None = None,
    today: datetime.date | None = None,
) -> None:
    """Writes the post of an adopted notebook anew, around the figures that its run gave."""
    answers = _answers(project.folder, name, title, authors, today)
    shown = [{"name": path.stem, "path": path.relative_to(project.folder).as_posix()} for path in figures]
    files = _filled(find_templates(site.root, template) / ADOPTING, {**answers, "parameters": [], "figures": shown})
    write_bytes(project.post, files["index.qmd"])


def _refuse_way_through_link(root: Path, path: str) -> None:
    """Raises ProjectError when writing to a path below ``root`` would follow a link out of it."""
    place = root
    for part in Path(path).parts:
        place /= part
        if place.is_symlink():
            hint = "Remove it, or put a folder in its place: nothing is written through a link."
            raise ProjectError("is a link.", hint=hint, path=place)


def _free_folder(site: Site, name: str) -> Path:
    """The folder that a project of this name would have. Raises ProjectError when it is taken."""
    folder = site.root / "projects" / slug(name)
    if folder.exists():
        hint = "Choose another name, or remove the folder first."
        raise ProjectError("there is a project of this name already.", hint=hint, path=folder)
    return folder


def _answers(
    folder: Path, name: str, title: str | None, authors: Sequence[str], today: datetime.date | None
) -> dict[str, Any]:
    """What a template may ask."""
    return {
        "name": folder.name,
        "title": title or title_of(name),
        "authors": list(authors) or [PLACEHOLDER_AUTHOR],
        "date": (today or datetime.date.today()).isoformat(),
    }


def _write(folder: Path, files: Mapping[str, bytes]) -> Project:
    """A project's folder with these files, whole or not at all."""
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        for path, data in files.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_bytes(data)
        os.rename(beside, folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise StoreError(f"could not be made: {error.strerror}.", path=folder) from error
    return load_project(folder)


def starters(templates: Path) -> list[str]:
    """The names of the starters in a folder of templates."""
    found = (path.parent.name for path in templates.glob("*/index.qmd.jinja"))
    return sorted(name for name in found if name not in {SITE_TEMPLATE, ADOPTING})


def starter_lines(templates: Path) -> dict[str, str]:
    """What each starter asks, a line each, as its post describes it; the default one first."""
    names = sorted(starters(templates), key=lambda name: (name != DEFAULT_STARTER, name))
    return {name: _described_in(templates / name / "index.qmd.jinja") for name in names}


def _described_in(post: Path) -> str:
    """The description in a post's front matter."""
    found = re.search(r'^description:\s*"(.*?)"\s*$', post.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return found.group(1) if found else ""


def find_templates(root: Path, given: Path | None = None) -> Path:
    """The folder of templates: the given one, the site's own, the checkout's, or the one inside the package."""
    if given is not None:
        if not given.is_dir():
            raise ProjectError("there is no such folder of templates.", path=given)
        return given
    site = root / "template"
    for candidate in (site, *_own_templates()):
        if (candidate / DEFAULT_STARTER).is_dir() or (candidate / SITE_TEMPLATE).is_dir():
            if candidate is site and candidate.resolve() not in map(Path.resolve, _own_templates()):
                refuse_link(candidate, "a site")
            return candidate
    hint = "Install blogkit again."
    raise ProjectError("The templates are missing from this installation.", hint=hint, path=_own_templates()[1])


def title_of(name: str) -> str:
    """A title from a name: kept when it reads like one, otherwise its words."""
    if " " in name.strip():
        return name.strip()
    words = re.sub(r"[-_.]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def _filled(source: Path, answers: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of a template by its path, filled where its name ends in ``.jinja``."""
    return fill_template(source, answers, trusted=source.parent.resolve() in map(Path.resolve, _own_templates()))


def _own_templates() -> tuple[Path, Path]:
    """Where this installation's own templates lie: beside the package in a checkout, or inside it."""
    package = Path(__file__).resolve().parent.parent
    return package.parent / "template", package / "_template"
