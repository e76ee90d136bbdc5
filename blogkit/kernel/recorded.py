"""What a run records beside its numbers: arrays, histograms, pictures, texts and files, within bounds.

Files lie in the run's folder, under ``recorded/``; ``recorded.jsonl`` has a line for each record, with the contents of
those that need no file. Only the standard library is imported, and NumPy or Pillow where something of theirs is given.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from blogkit.kernel.run_folder import RunPaths, replace_file

RUN_BYTES = 100 * 10**6
"""Bytes of all the files that a run records."""
RUN_FILES = 1000
"""Files that a run records."""
ARRAY_BYTES = 32 * 10**6
"""Bytes of one array."""
IMAGE_BYTES = 5 * 10**6
"""Bytes of one picture, as PNG or JPEG."""
IMAGE_SIDE = 4096
"""Pixels of a picture's longer side."""
TEXT_BYTES = 10**6
"""Bytes of one text."""
BINS = 1000
"""Bins of one histogram."""
INDEX_BYTES = 16 * 10**6
"""Bytes of all the histograms and texts that a run records."""

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")


class RecordTooLarge(ValueError):
    """Something is beyond what a run may record; the message says by how much, and what to record instead."""


def append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """One line, in one write, on the kernel's side before this returns: a killed process keeps it."""
    line = json.dumps(entry, ensure_ascii=False).encode("utf-8") + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def keep_contents(run: RunPaths, kind: str, name: str, step: float | None, contents: Any) -> None:
    """A record that needs no file of its own."""
    size = len(json.dumps(contents, ensure_ascii=False).encode("utf-8"))
    there = run.index.stat().st_size if run.index.exists() else 0
    if there + size > INDEX_BYTES:
        raise RecordTooLarge(
            f"{name!r} would take what this run records in histograms and texts beyond {_size_words(INDEX_BYTES)}; "
            "record fewer steps, or one array of all steps."
        )
    append_line(run.index, {"kind": kind, "name": name, "step": step, "content": contents})


def keep_bytes(run: RunPaths, kind: str, name: str, step: float | None, data: bytes, suffix: str) -> None:
    """A record that is a file."""
    file = file_name(kind, name, step, suffix)
    _check_room(run, name, file, len(data))
    replace_file(run.recorded / file, data)
    _index_file(run, kind, name, step, file, len(data), hashlib.sha256(data).hexdigest())


def keep_file(run: RunPaths, name: str, source: Path) -> None:
    """A copy of a file that the run made."""
    suffix = source.suffix if _SUFFIX.fullmatch(source.suffix) else ""
    file, size = file_name("file", name, None, suffix), source.stat().st_size
    _check_room(run, name, file, size)
    target = run.recorded / file
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, beside)
        with open(beside, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.replace(beside, target)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
    _index_file(run, "file", name, None, file, size, digest)


def file_name(kind: str, name: str, step: float | None, suffix: str) -> str:
    """Where a record lies below ``recorded/``: ``arrays/NAME@STEP.npy``."""
    return f"{kind}s/{name}" + ("" if step is None else f"@{step}") + suffix


def _index_file(run: RunPaths, kind: str, name: str, step: float | None, file: str, size: int, digest: str) -> None:
    append_line(run.index, {"kind": kind, "name": name, "step": step, "file": file, "bytes": size, "sha256": digest})


def _check_room(run: RunPaths, name: str, file: str, size: int) -> None:
    """Raises RecordTooLarge where a file would be beyond what a run may record; one in its place does not count."""
    total = count = 0
    for base, _, names in os.walk(run.recorded):
        for one in names:
            path = Path(base, one)
            if path != run.recorded / file:
                with suppress(OSError):
                    total, count = total + path.stat().st_size, count + 1
    if total + size > RUN_BYTES:
        raise RecordTooLarge(
            f"{name!r} ({_size_words(size)}) would take what this run records beyond {_size_words(RUN_BYTES)}; "
            "record a part of it, its mean, or fewer steps."
        )
    if count >= RUN_FILES:
        raise RecordTooLarge(
            f"{name!r} would be this run's {count + 1}th file, and {RUN_FILES} are kept; record one array of all steps."
        )


# --- what is given ----------------------------------------------------------------------------------------------------


def array_bytes(name: str, array: Any) -> bytes:
    """The bytes of a ``.npy`` file: an array of numbers, flags or texts. Raises ValueError for what is none."""
    import numpy as np

    made = as_array(name, array)
    if made.dtype.hasobject:
        raise ValueError(f"record.array({name!r}, …) takes numbers; this array holds Python objects ({made.dtype}).")
    if made.nbytes > ARRAY_BYTES:
        raise RecordTooLarge(
            f"record.array({name!r}, …) was given {_size_words(made.nbytes)} (shape {made.shape}, {made.dtype}); "
            f"{_size_words(ARRAY_BYTES)} are kept. Record a part of it, or its float16 or mean."
        )
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(made).reshape(made.shape), allow_pickle=False)
    return stream.getvalue()


def as_array(name: str, given: Any) -> Any:
    """A NumPy array of an array, a tensor, a data frame or nested lists. Raises ValueError for what is none."""
    try:
        import numpy as np
    except ImportError as error:
        raise ValueError(f"{name!r} needs NumPy in the notebook's environment: `pip install numpy`.") from error
    with suppress(AttributeError):  # a tensor, on whatever device
        given = given.detach().cpu()
    if type(given).__module__.partition(".")[0] == "torch" and str(given.dtype) == "torch.bfloat16":
        given = given.float()  # NumPy has no such numbers
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name!r} must be an array, a tensor or lists of equal lengths: {error}.") from error


def histogram_of(name: str, values: Any, bins: Any, limits: tuple[float, float] | None) -> dict[str, Any]:
    """Counts by bin, and of what is in none: below, above, and not a finite number."""
    import numpy as np

    given = as_array(name, values).ravel()
    if given.dtype.kind not in "biuf":
        raise ValueError(f"record.histogram({name!r}, …) takes numbers, not {given.dtype}.")
    flat = given.astype("float64")
    finite = flat[np.isfinite(flat)]
    edges = _bin_edges(name, finite, bins, limits)
    counts, _ = np.histogram(finite, bins=edges)
    return {
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
        "below": int((finite < edges[0]).sum()),
        "above": int((finite > edges[-1]).sum()),
        "missing": int(flat.size - finite.size),
    }


def _bin_edges(name: str, finite: Any, bins: Any, limits: tuple[float, float] | None) -> Any:
    import numpy as np

    if isinstance(bins, int):
        if not 1 <= bins <= BINS:
            raise RecordTooLarge(f"record.histogram({name!r}, …) keeps 1 to {BINS} bins, not {bins}.")
        low, high = limits if limits is not None else (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"record.histogram({name!r}, …): the limits must be two numbers, the smaller first.")
        if low == high:
            low, high = low - 0.5, high + 0.5
        return np.linspace(low, high, bins + 1)
    edges = np.asarray(bins, dtype="float64")
    if edges.ndim != 1 or not 2 <= edges.size <= BINS + 1 or not (np.diff(edges) > 0).all():
        raise ValueError(f"record.histogram({name!r}, …): bins are a number, or up to {BINS + 1} edges that grow.")
    return edges


def picture_of(name: str, image: Any) -> tuple[bytes, str]:
    """A picture's bytes and suffix: of an array, a Pillow image, a matplotlib figure, or a PNG or JPEG file."""
    if isinstance(image, (str, os.PathLike)):
        data = Path(image).read_bytes()
    elif hasattr(image, "savefig"):
        stream = io.BytesIO()
        image.savefig(stream, format="png", bbox_inches="tight", metadata={"Software": None})
        data = stream.getvalue()
    else:
        data = _png_bytes(name, image)
    suffix = ".png" if data.startswith(b"\x89PNG\r\n") else ".jpg" if data.startswith(b"\xff\xd8\xff") else ""
    if not suffix:
        raise ValueError(f"record.image({name!r}, …) keeps PNG and JPEG files; record.file keeps any other.")
    if len(data) > IMAGE_BYTES:
        raise RecordTooLarge(
            f"record.image({name!r}, …) was given {_size_words(len(data))}; {_size_words(IMAGE_BYTES)} are kept. "
            "Make it smaller, or record its array."
        )
    return data, suffix


def _png_bytes(name: str, image: Any) -> bytes:
    try:
        from PIL import Image
    except ImportError as error:
        raise ValueError(f"record.image({name!r}, …) needs Pillow here: `pip install pillow`.") from error
    picture = image if isinstance(image, Image.Image) else Image.fromarray(_pixel_array(name, image))
    if max(picture.size) > IMAGE_SIDE:
        raise RecordTooLarge(
            f"record.image({name!r}, …) was given {picture.size[0]} x {picture.size[1]} pixels; "
            f"{IMAGE_SIDE} a side are kept."
        )
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()


def _pixel_array(name: str, given: Any) -> Any:
    """Bytes of pixels, rows first, colours last."""
    import numpy as np

    pixels = as_array(name, given)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3, 4):
        pixels = np.moveaxis(pixels, 0, 2)  # as torch has them
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ValueError(
            f"record.image({name!r}, …) takes rows x columns, with 3 or 4 colours or none, not the shape "
            f"{pixels.shape}; for more than one picture, put them side by side or record an array."
        )
    if pixels.dtype.kind == "f":
        if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
            raise ValueError(
                f"record.image({name!r}, …): numbers with a point are from 0 (black) to 1; these go from "
                f"{pixels.min():.4g} to {pixels.max():.4g}. Scale them: (x - x.min()) / (x.max() - x.min())."
            )
        return (pixels * 255).round().astype("uint8")
    if pixels.dtype.kind == "b":
        return pixels.astype("uint8") * 255
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"record.image({name!r}, …): whole numbers are from 0 to 255.")
    return pixels.astype("uint8")


def table_contents(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """A table's cells as JSON has them, at full precision."""
    return {"columns": [str(name) for name in header], "rows": [[_json_cell(cell) for cell in row] for row in rows]}


def _json_cell(cell: Any) -> Any:
    with suppress(AttributeError, ValueError):
        cell = cell.item()  # a NumPy or torch scalar
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else str(cell)
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)


def _size_words(size: int) -> str:
    return f"{size / 10**6:.0f} MB" if size >= 10**7 else f"{size / 10**6:.1f} MB"
