"""What the runs of a sweep recorded beside their metrics, gathered by run: charts, values, tables, arrays, pictures.

``recorded.parquet`` has a row for each record, with the contents of what is small. A chart, a table or a picture of a
run becomes a file of the post under its name and what tells the run from the others: ``loss_width-8_seed-0``. Arrays
become ``arrays/NAME.npz``, so that ``figures.ipynb`` finds them on a clone too, up to a size that a repository bears.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blogkit.coverage import varying_parameters
from blogkit.errors import StoreError
from blogkit.gather.metrics import column_values, read_parquet
from blogkit.model import Run
from blogkit.store import ProjectPaths, RunPaths, read_json, read_jsonl

COLUMNS = ("run", "parameters", "kind", "name", "step", "content", "file", "gathered")
"""``content`` and ``parameters`` are JSON; ``file`` lies in the run's folder, ``gathered`` below ``results/``."""
SHOWN = 100
"""Charts, tables or pictures of one name that become files of the post."""
GATHERED_BYTES = 10 * 10**6
"""Bytes of arrays, and of pictures, that are gathered; the others stay with their runs."""
CONTENT_BYTES = 50 * 10**6
"""Bytes of histograms, texts, values and tables that are gathered."""

_ARRAYS = "arrays"
_KINDS = ("chart", "value", "table", "array", "histogram", "image", "text", "file")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One thing that a run recorded."""

    run: Run
    kind: str
    name: str
    step: float | None = None
    content: str | None = None
    file: str | None = None
    """Its place in the run's folder."""
    earlier: str | None = None
    """Its place below ``results/`` of an earlier gathering, of a run that has no folder here."""


@dataclass(kw_only=True)
class GatheredRecords:
    """The records of a sweep, and the files below ``results/`` that they become."""

    files: dict[str, bytes] = field(default_factory=dict)
    charts: list[tuple[Recorded, str]] = field(default_factory=list)
    """Charts that are to be drawn, each with the name of its figure."""
    notes: list[str] = field(default_factory=list)
    """What stays with the runs, for who gathers."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many runs recorded a kind under a name."""


def gather_records(paths: ProjectPaths, runs: Sequence[Run], folders: Mapping[str, RunPaths]) -> GatheredRecords:
    """What the runs recorded. Of something recorded twice under a name at a step, the last one counts.

    A run that has no folder here keeps what was gathered from it before. Raises StoreError where it is too much.
    """
    earlier = _earlier_records(paths)
    found = [one for run in runs for one in _records_of(run, folders, earlier)]
    gathered = GatheredRecords()
    if not found:
        return gathered
    gathered.counts.update((kind, name) for kind, name, _ in {(one.kind, one.name, one.run.id) for one in found})
    places = _Places(paths=paths, folders=folders, titles=_run_titles(runs), gathered=gathered)
    rows = [(one, places.place(one)) for one in found]
    places.close()
    _check_size(found)
    gathered.files[paths.recorded.name] = _to_parquet(rows, runs)
    return gathered


def _records_of(
    run: Run, folders: Mapping[str, RunPaths], earlier: Mapping[str, list[dict[str, Any]]]
) -> Iterator[Recorded]:
    if run.id not in folders:
        for row in earlier.get(run.id, ()):
            yield Recorded(
                run=run, kind=row["kind"], name=row["name"], step=row["step"], content=row["content"],
                file=row["file"], earlier=row["gathered"],
            )  # fmt: skip
        return
    last: dict[tuple[str, str, float | None], Recorded] = {}
    for one in _stored_records(run, folders[run.id]):
        last[one.kind, one.name, one.step] = one
    yield from sorted(last.values(), key=lambda one: (_KINDS.index(one.kind), one.name, one.step or 0.0))


def _stored_records(run: Run, folder: RunPaths) -> Iterator[Recorded]:
    """What lies in a run's folder; anybody may have made it, so names are checked."""
    for path in sorted(folder.charts.glob("*")):
        chart = path.name.removesuffix(".vl.json").removesuffix(".svg")
        if path.name.endswith((".vl.json", ".svg")) and not path.name.startswith("."):
            yield Recorded(run=run, kind="chart", name=chart, file=f"charts/{path.name}")
    for path in sorted(folder.tables.glob("*.md")):
        contents = None
        with suppress(StoreError):
            contents = json.dumps(read_json(path.with_suffix(".json")), ensure_ascii=False)
        yield Recorded(run=run, kind="table", name=path.stem, content=contents, file=f"tables/{path.name}")
    for entry in read_jsonl(folder.values):
        shown = {key: entry.get(key) for key in ("number", "text", "error", "format") if entry.get(key) is not None}
        yield Recorded(run=run, kind="value", name=str(entry.get("value")), content=json.dumps(shown))
    for entry in read_jsonl(folder.index):
        kind, name, step, file = (entry.get(key) for key in ("kind", "name", "step", "file"))
        sound = kind in _KINDS and isinstance(name, str) and (step is None or isinstance(step, int | float))
        if sound and (file is None or _is_inside(folder, file)):
            content = None if file is not None else json.dumps(entry.get("content"), ensure_ascii=False)
            place = f"recorded/{file}" if file is not None else None
            yield Recorded(run=run, kind=str(kind), name=str(name), step=step, content=content, file=place)


def _is_inside(folder: RunPaths, file: object) -> bool:
    if not isinstance(file, str) or not re.fullmatch(r"[a-z]+/[A-Za-z][\w@.+-]*", file):
        return False
    path = folder.recorded / file
    return path.is_file() and not path.is_symlink()


def _earlier_records(paths: ProjectPaths) -> dict[str, list[dict[str, Any]]]:
    table = read_parquet(paths.recorded)
    found: dict[str, list[dict[str, Any]]] = {}
    if table is not None and set(COLUMNS) <= set(table.columns):
        for row in table.astype(object).where(table.notna(), None).to_dict("records"):
            found.setdefault(str(row["run"]), []).append({str(key): value for key, value in row.items()})
    return found


@dataclass(kw_only=True)
class _Places:
    """Decides which records become files below ``results/``, and makes them."""

    paths: ProjectPaths
    folders: Mapping[str, RunPaths]
    titles: Mapping[str, str]
    gathered: GatheredRecords
    _bytes: Counter[str] = field(default_factory=Counter)
    _left: Counter[tuple[str, str]] = field(default_factory=Counter)
    _arrays: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def place(self, one: Recorded) -> str | None:
        """Where a record lies below ``results/``; None for what stays with its run."""
        if one.kind == "array":
            return self._place_array(one)
        if one.kind not in {"chart", "table", "image"} or (len(self.titles) < 2 and one.kind != "image"):
            return None  # the charts and tables of a single run are the post's own, under their names
        if self.gathered.counts[one.kind, one.name] > SHOWN:
            self._left[one.kind, one.name] += 1
            return None
        title = "_".join([one.name, *filter(None, [self.titles[one.run.id]])])
        if one.kind == "chart":
            return self._place_chart(one, title)
        if one.kind == "table":
            return self._place_table(one, title)
        return self._place_image(one, title)

    def _place_chart(self, one: Recorded, title: str) -> str | None:
        if one.run.id in self.folders:
            self.gathered.charts.append((one, title))
        elif one.earlier is not None:
            before = self.paths.results / one.earlier.removesuffix(".svg")
            for suffix in (".svg", ".vl.json"):
                with suppress(OSError):
                    self.gathered.files[f"charts/{title}{suffix}"] = Path(f"{before}{suffix}").read_bytes()
        return f"charts/{title}.svg"

    def _place_table(self, one: Recorded, title: str) -> str | None:
        data = self._record_bytes(one)
        if data is None:
            return None
        label = re.compile(rb"\{#tbl-[A-Za-z0-9_.-]+\}\s*\Z")
        self.gathered.files[f"tables/{title}.md"] = label.sub(f"{{#tbl-{title}}}\n".encode(), data)
        return f"tables/{title}.md"

    def _place_image(self, one: Recorded, title: str) -> str | None:
        data = self._record_bytes(one)
        if data is None or self._bytes["image"] + len(data) > GATHERED_BYTES:
            self._left["image", one.name] += 1
            return None
        self._bytes["image"] += len(data)
        step = "" if one.step is None else f"_step-{_in_name(one.step)}"
        place = f"images/{title}{step}.{'jpg' if str(one.file).endswith('.jpg') else 'png'}"
        self.gathered.files[place] = data
        return place

    def _place_array(self, one: Recorded) -> str | None:
        data = self._record_bytes(one)
        if data is None or self._bytes["array"] + len(data) > GATHERED_BYTES:
            self._left["array", one.name] += 1
            return None
        self._bytes["array"] += len(data)
        key = one.run.id + ("" if one.step is None else f"@{one.step:g}")
        self._arrays.setdefault(one.name, {})[key] = data
        return f"{_ARRAYS}/{one.name}.npz#{key}"

    def _record_bytes(self, one: Recorded) -> bytes | None:
        """The bytes of a record's file: in its run's folder, or as they were gathered."""
        try:
            if one.run.id in self.folders and one.file is not None:
                return (self.folders[one.run.id].folder / one.file).read_bytes()
            if one.earlier is None:
                return None
            file, _, key = one.earlier.partition("#")
            if key:
                with zipfile.ZipFile(self.paths.results / file) as packed:
                    return packed.read(f"{key}.npy")
            return (self.paths.results / file).read_bytes()
        except (OSError, KeyError, zipfile.BadZipFile):
            return None

    def close(self) -> None:
        """Packs the arrays, and says what stays with the runs."""
        for name, parts in self._arrays.items():
            self.gathered.files[f"{_ARRAYS}/{name}.npz"] = _npz_bytes(parts)
        for (kind, name), count in self._left.items():
            self.gathered.notes.append(
                f"{count} of the {kind}s {name!r} stay in runs/, and are not there on a clone: "
                f"`runs.{kind}({name!r}, where=…)` in figures.ipynb reads them"
            )


def _npz_bytes(parts: Mapping[str, bytes]) -> bytes:
    """NumPy's archive of arrays, each given as the bytes of its ``.npy`` file; the same arrays give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for key, data in parts.items():
            packed.writestr(zipfile.ZipInfo(f"{key}.npy"), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _run_titles(runs: Sequence[Run]) -> dict[str, str]:
    """What tells each run from the others, as a part of a file's name: ``width-8_seed-0``; empty for a single run."""
    names = varying_parameters([run.parameters for run in runs])
    titles = {run.id: "_".join(f"{name}-{_in_name(run.parameters.get(name))}" for name in names) for run in runs}
    counts = Counter(title.casefold() for title in titles.values())
    if len(runs) == 1:
        return titles
    return {
        name: title if counts[title.casefold()] == 1 else f"{title}_{name}".lstrip("_")
        for name, title in titles.items()
    }


def _in_name(value: Any) -> str:
    """A parameter's value as a file's name and an address take it: 0.05 is ``0p05``."""
    text = str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = f"{value:g}".replace("-", "m")
    return re.sub(r"[^A-Za-z0-9]+", "-", text.replace(".", "p").replace("+", "")).strip("-")[:40] or "none"


def _check_size(found: Sequence[Recorded]) -> None:
    sizes: Counter[tuple[str, str]] = Counter()
    for one in found:
        sizes[one.kind, one.name] += len(one.content or "")
    if sizes.total() > CONTENT_BYTES:
        (kind, name), size = sizes.most_common(1)[0]
        raise StoreError(
            f"the runs recorded {sizes.total() / 1e6:.0f} MB of values, tables, histograms and texts, most in the "
            f"{kind} {name!r} ({size / 1e6:.0f} MB); {CONTENT_BYTES / 1e6:.0f} MB are gathered.",
            hint="Record fewer steps or bins, or an array.",
        )


def _to_parquet(rows: Iterable[tuple[Recorded, str | None]], runs: Sequence[Run]) -> bytes:
    import pandas as pd

    names = list(dict.fromkeys(name for run in runs for name in run.parameters))
    columns = {name: column_values([run.parameters.get(name) for run in runs]) for name in names}
    parameters = {
        run.id: json.dumps({name: columns[name][place] for name in names}, ensure_ascii=False)
        for place, run in enumerate(runs)
    }
    table = pd.DataFrame(
        [
            (one.run.id, parameters[one.run.id], one.kind, one.name, one.step, one.content, one.file, gathered)
            for one, gathered in rows
        ],
        columns=list(COLUMNS),
    )
    kinds: dict[str, Any] = {name: "string" for name in COLUMNS if name != "step"}
    stream = io.BytesIO()
    table.astype({**kinds, "step": "Float64"}).to_parquet(stream, index=False, compression="zstd")
    return stream.getvalue()
