"""Which files of the output folder blogkit made, so that what leaves the site leaves the folder too.

A rendering notes each file that it makes, by the page that needs it. The record is kept in ``.blogkit``. What an
earlier rendering made and no page needs any more is removed; a file that blogkit did not make is never touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from blogkit.model import RenderedPage, Site

FOLDER = ".blogkit"
"""Where a site keeps what blogkit remembers of it."""
_RECORD_FILE = "output.json"

_noted: ContextVar[set[Path] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_made() -> Iterator[set[Path]]:
    """Collects the files that this thread says it made, as :func:`note_made` names them."""
    made: set[Path] = set()
    token = _noted.set(made)
    try:
        yield made
    finally:
        _noted.reset(token)


def note_made(path: Path) -> None:
    """Says that a file of the output folder is part of what is being made, whether it was written or there already."""
    made = _noted.get()
    if made is not None:
        made.add(path)


def keep_made(
    site: Site, pages: Mapping[Path, Iterable[Path]], beside: Iterable[Path], sources: Collection[Path]
) -> frozenset[str]:
    """Records what a rendering made and removes what the site no longer holds; gives the name of each file it holds.

    ``pages`` are the files of the pages that were made, ``beside`` those of no page. ``sources`` are all that have a
    page now: one that was not made this time keeps its files.
    """
    before = _read_record(site)
    roots = _output_roots(site)
    made = {_page_key(site, source): _names_below(roots, files) for source, files in pages.items()}
    kept = {key: before["pages"][key] for key in (_page_key(site, one) for one in sources) if key in before["pages"]}
    papers = {key: names for key, names in before["papers"].items() if key in kept or key in made}
    record = {"pages": {**kept, **made}, "papers": papers, "site": made_names(site, beside)}
    held = _all_names(record)
    folded = {name.casefold() for name in held}
    for name in sorted(_all_names(before) - held):
        if name.casefold() not in folded:  # a disk that does not tell A from a would lose the new file
            _remove_made(site.output, name)
    _write_record(site, record)
    return held


def keep_found(site: Site, files: Iterable[Path], outputs: Mapping[Path, Path], *, whole: bool) -> frozenset[str]:
    """As :func:`keep_made`, where an engine does not say for which page it made each file: the folder tells.

    ``files`` are all of the output folder that is new, of the ``whole`` site or of some pages; ``outputs`` are the
    pages by their sources.
    """
    root = site.output
    owners = files_by_page(root, files, outputs)
    pages = {source: owners.get(source, []) for source in outputs}
    beside = owners.get(None, [])
    if not whole:
        before = _read_record(site)
        for source, found in pages.items():
            found += _still_there(root, before["pages"].get(_page_key(site, source), []))
        beside += _still_there(root, before["site"])
    return keep_made(site, pages, beside, list(outputs))


def _still_there(root: Path, names: Iterable[str]) -> list[Path]:
    return [root / name for name in names if (root / name).is_file()]


def files_by_page(root: Path, files: Iterable[Path], outputs: Mapping[Path, Path]) -> dict[Path | None, list[Path]]:
    """Files of an output folder by the source of their page: the page itself, else that of the nearest folder.

    Those of no page, or in the folder of a site's own pages, stand under None.
    """
    pages = {output: source for source, output in outputs.items()}
    folders = {output.parent: source for source, output in outputs.items() if output.name == "index.html"}
    owners: dict[Path | None, list[Path]] = {}
    for file in files:
        owner = pages.get(file)
        if owner is None:
            owner = next((folders[folder] for folder in file.parents if folder in folders and folder != root), None)
        owners.setdefault(owner, []).append(file)
    return owners


def stamps_below(folder: Path) -> dict[Path, tuple[int, int]]:
    """Every file below a folder, with its time and size."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = Path(base, name)
            with suppress(OSError):
                stat = path.stat()
                found[path] = (stat.st_mtime_ns, stat.st_size)
    return found


def add_papers(site: Site, pages: Iterable[RenderedPage], papers: Collection[Path]) -> None:
    """Records the PDFs that were printed of some pages; each stays as long as its page does."""
    record = _read_record(site)
    for page in pages:
        paper = page.output.with_suffix(".pdf")
        if paper in papers:
            record["papers"][_page_key(site, page.source)] = made_names(site, [paper])
    _write_record(site, record)


def made_files(site: Site) -> frozenset[str] | None:
    """The names, from the output folder on, of the files that blogkit made there; None where there is no record."""
    return _all_names(_read_record(site)) or None


def files_of_page(site: Site, source: Path) -> list[str]:
    """The names of the files that were made for a page."""
    names: list[str] = _read_record(site)["pages"].get(_page_key(site, source), [])
    return names


def made_sources(site: Site) -> frozenset[Path]:
    """The sources of the pages that blogkit made in the output folder, whether they are still there or not."""
    return frozenset(Path(os.path.normpath(site.root / key)) for key in _read_record(site)["pages"])


def _page_key(site: Site, source: Path) -> str:
    return relative_text(source, site.root).replace(os.sep, "/")


def relative_text(path: Path, folder: Path) -> str:
    """As ``os.path.relpath``; where a path is written below the folder, nothing has to be taken apart.

    A rendering asks this of every file of the site, some of them a dozen times.
    """
    text, start = str(path), f"{folder}{os.sep}"
    if text.startswith(start) and ".." not in text:
        return text[len(start) :]
    return os.path.relpath(path, folder)


def made_names(site: Site, files: Iterable[Path]) -> list[str]:
    """Files as names from the output folder on; one that lies elsewhere has none."""
    return _names_below(_output_roots(site), files)


def _output_roots(site: Site) -> tuple[str, ...]:
    """The output folder as it is named and as it lies on the disk."""
    return tuple({f"{site.output}{os.sep}", f"{site.output.resolve()}{os.sep}"})


def _names_below(roots: Sequence[str], files: Iterable[Path]) -> list[str]:
    """Names from one of these folders on. As text: a rendering asks this of every file of the site."""
    texts = [str(file) for file in files]
    names = {text[len(root) :] for text in texts for root in roots if text.startswith(root)}
    return sorted(names if os.sep == "/" else {name.replace(os.sep, "/") for name in names})


def _all_names(record: Mapping[str, Any]) -> frozenset[str]:
    parts = [*record["pages"].values(), *record["papers"].values(), record["site"]]
    return frozenset(name for names in parts for name in names)


def _record_path(site: Site) -> Path:
    return site.root / FOLDER / _RECORD_FILE


def _read_record(site: Site) -> dict[str, Any]:
    """The record of this output folder; an empty one where there is none, or it is of another folder."""
    empty: dict[str, Any] = {"pages": {}, "papers": {}, "site": []}
    try:
        data = json.loads(_record_path(site).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return empty
    if not isinstance(data, dict) or data.get("output") != _page_key(site, site.output):
        return empty
    return {key: _sound(data.get(key), default) for key, default in empty.items()}


def _sound(value: Any, default: Any) -> Any:
    """A part of the record, where it has the form that blogkit writes."""
    if isinstance(default, list):
        return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else default
    return {key: _sound(names, []) for key, names in value.items()} if isinstance(value, dict) else default


def _write_record(site: Site, record: Mapping[str, Any]) -> None:
    path = _record_path(site)
    make_record_folder(site.root)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    beside.write_text(json.dumps({"output": _page_key(site, site.output), **record}), encoding="utf-8")
    beside.replace(path)


def make_record_folder(root: Path) -> Path:
    """The folder of blogkit's records in a site, ignored by git."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def _remove_made(output: Path, name: str) -> None:
    """Removes a file of the output folder and the folders that it leaves empty; nothing that lies elsewhere."""
    path = output / name
    folder, root = path.parent.resolve(), output.resolve()
    if ".." in Path(name).parts or not folder.is_relative_to(root) or (path.is_dir() and not path.is_symlink()):
        return
    with suppress(OSError):
        path.unlink()
        while folder != root:
            folder.rmdir()
            folder = folder.parent
