"""The folder that a run fills: what lies in it, and how a file gets there whole."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RUN_FOLDER_VARIABLE = "BLOGKIT_RUN_FOLDER"
"""Tells a notebook's kernel where :mod:`blogkit.record` puts what it is given."""


@dataclass(frozen=True, kw_only=True)
class RunPaths:
    """Every path inside one run's folder, under its final name or while it is being filled."""

    folder: Path

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.folder / "notebook.ipynb"

    @property
    def log(self) -> Path:
        """What the kernel printed, as it was printed."""
        return self.folder / "log.txt"

    @property
    def metrics(self) -> Path:
        """JSON lines: ``{"metric": name, "value": number, "step": number or null}``."""
        return self.folder / "metrics.jsonl"

    @property
    def values(self) -> Path:
        """JSON lines: ``{"value": name, "number": …, "error": … or null, "format": …}``."""
        return self.folder / "values.jsonl"

    @property
    def charts(self) -> Path:
        """Vega-Lite specifications, ``NAME.vl.json``."""
        return self.folder / "charts"

    @property
    def tables(self) -> Path:
        """Pipe tables, ``NAME.md``."""
        return self.folder / "tables"

    @property
    def recorded(self) -> Path:
        """The arrays, pictures and files that were recorded: ``arrays/NAME@STEP.npy``."""
        return self.folder / "recorded"

    @property
    def index(self) -> Path:
        """JSON lines: a line for each array, histogram, picture, text and file that was recorded."""
        return self.folder / "recorded.jsonl"

    @property
    def models(self) -> Path:
        """Models, ``NAME.onnx`` or ``NAME@STEP.onnx``, each with a ``.json`` of its example and its answer."""
        return self.folder / "models"

    @property
    def files(self) -> Path:
        """What the notebook wrote into its working folder, under the same relative paths."""
        return self.folder / "files"

    @property
    def progress(self) -> Path:
        """How far a run under way is, for whoever looks from another process; gone when it has ended."""
        return self.folder / ".progress.json"

    @property
    def record(self) -> Path:
        """The run's provenance; the last file written before the folder gets its name."""
        return self.folder / "run.json"


def replace_file(path: Path, data: bytes) -> None:
    """A file with new contents, whole or unchanged, on the disk when this returns. Raises OSError."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
