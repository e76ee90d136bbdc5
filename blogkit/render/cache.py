"""What was rendered before, so that only what changed is rendered again.

A page is taken as it is when everything it was made from has the same contents: its source and all that it includes,
the site's configuration, the renderer itself, and its neighbours. Times and sizes are asked first; contents only where
those differ.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from blogkit.model import Site
from blogkit.render.made import FOLDER, make_record_folder, relative_text
from blogkit.stale import file_digest, file_stamp, has_changed

_FORMAT = 6
_UNKNOWN = (0, -2)
"""The stamp of a file that changed while it was read; no file has it."""


@cache
def renderer_digest() -> str:
    """A digest of the renderer's own files."""
    digest = hashlib.sha256(str(_FORMAT).encode())
    root = Path(__file__).parent
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix in {".py", ".lua", ".j2", ".css", ".js", ".csl", ".yml"}:
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def forget(site: Site, name: str = "render") -> None:
    """Drops a record, since the other engine writes the pages now."""
    (site.root / FOLDER / f"{name}.json").unlink(missing_ok=True)


class PageCache:
    """The record of a site's last rendering, kept in ``.blogkit`` at its root: one for each engine."""

    def __init__(self, site: Site, name: str = "render") -> None:
        self._path = site.root / FOLDER / f"{name}.json"
        self._root = site.root
        self._pages: dict[str, dict[str, Any]] = {}
        self._began = time.time_ns()
        self._beside: dict[str, str] = {}
        self._files: dict[str, list[Any]] = {}
        self._stamps: dict[str, list[int]] = {}
        self.site_digest = self._site_digest(site)
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            if record.get("format") == _FORMAT:
                self._pages = record["pages"]
            if record.get("digest") == self.site_digest:
                self._beside = record["beside"]
        except (OSError, ValueError, KeyError, AttributeError):
            pass

    def _site_digest(self, site: Site) -> str:
        digest = hashlib.sha256(renderer_digest().encode())
        digest.update(json.dumps(site.quarto, sort_keys=True, default=str).encode())
        digest.update(str(site.config).encode())
        digest.update(file_digest(site.root / "_variables.yml").encode())
        for path in sorted(site.root.glob("**/_metadata.y*ml")) if (site.root / "projects").is_dir() else []:
            digest.update(file_digest(path).encode())
        return digest.hexdigest()

    def last(self, source: Path) -> dict[str, Any] | None:
        """What is known of a page as it was last rendered, whatever changed since."""
        return self._pages.get(self._key(source))

    def valid(self, source: Path, outputs: Iterable[Path]) -> dict[str, Any] | None:
        """What is known of a page whose inputs and outputs are as they were; None otherwise."""
        entry = self._pages.get(self._key(source))
        if entry is None or entry["site"] != self.site_digest or any(not output.is_file() for output in outputs):
            return None
        for name, known in entry["inputs"].items():
            path = f"{self._root}{os.sep}{name}"
            now = self._stamp(name, path)
            if has_changed(Path(path), now, known):
                return None
            self._files[name] = known
        return entry

    def _stamp(self, name: str, path: str) -> list[int]:
        """A file's stamp, asked once for all the pages that it is part of."""
        if name not in self._stamps:
            self._stamps[name] = file_stamp(path)
        return self._stamps[name]

    def front(self, source: Path) -> dict[str, Any] | None:
        """The front matter that a source was last seen with; None where it is new or was touched since."""
        entry = self._pages.get(self._key(source))
        if entry is None:
            return None
        known = entry["inputs"].get(self._key(source))
        front: dict[str, Any] | None = entry["record"].get("front")
        return front if known is not None and file_stamp(source) == known[:2] else None

    def put(self, source: Path, inputs: Iterable[Path], record: Mapping[str, Any]) -> dict[str, Any]:
        """Remembers a page."""
        known = {self._key(path): self._stamp_and_digest(path) for path in inputs}
        entry = {"site": self.site_digest, "inputs": known, "record": dict(record)}
        self._pages[self._key(source)] = entry
        return entry

    def _stamp_and_digest(self, path: Path) -> list[Any]:
        """A file's stamp and digest; what many pages are made of is read once.

        A file that was saved while pages were made may have been read before: it counts as changed the next time.
        """
        key, now = self._key(path), file_stamp(path)
        known = self._files.get(key)
        if known is None or known[:2] != now:
            if now[0] > self._began:
                return [*_UNKNOWN, ""]
            known = self._files[key] = [*now, file_digest(path)]
        return known

    def same(self, name: str, *facts: Any) -> bool:
        """Whether something beside the pages would come out as it did before; remembers it for the next time."""
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:24]
        before, self._beside[name] = self._beside.get(name), digest
        return before == digest

    def save(self, sources: Iterable[Path]) -> None:
        """Writes the record of these pages."""
        keys = {self._key(source) for source in sources}
        pages = {key: entry for key, entry in self._pages.items() if key in keys}
        make_record_folder(self._root)
        beside = self._path.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(
            json.dumps({"format": _FORMAT, "digest": self.site_digest, "pages": pages, "beside": self._beside}),
            encoding="utf-8",
        )
        beside.replace(self._path)

    def _key(self, path: Path) -> str:
        return relative_text(path, self._root)
