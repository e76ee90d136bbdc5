"""What a notebook says to blogkit while it runs::

    from blogkit import record

    record.metric("test_error", 0.12, step=epoch)          # a number of this run, once or at every step
    record.chart("loss", chart)                             # a figure: Altair, matplotlib, or a specification
    record.value("best_error", mean, error=half_width)      # a number for the prose
    record.table("summary", frame, caption="Test error")    # a table for the prose
    record.array("activations", hidden, step=epoch)         # an array or tensor, for figures of the network's inside
    record.histogram("weights", layer.weight, step=epoch)   # counts of many numbers by their size
    record.image("filters", pixels)                         # a picture: pixels, a Pillow image, a matplotlib figure
    record.text("sample", generated)                        # words, such as what a model wrote
    record.file("model", "model.pt")                        # any file that the run made
    record.model("net", net, torch.zeros(1, 2), step=epoch)  # a network that a live figure asks
    state = record.resume()                                 # where an earlier attempt at this run stood, or None
    record.checkpoint({"epoch": epoch, "net": net.state_dict()})  # where this one stands

In ``figures.ipynb``, :mod:`blogkit.runs` gives what the runs of a sweep recorded, by their parameters.

Under ``blogkit run`` each call is on disk before it returns, so that a crash loses nothing that was recorded. In plain
Jupyter, without a run around it, the calls check what they are given and write nothing. Only the standard library is
imported, and neither torch nor Altair is needed unless the notebook hands over something of theirs.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from blogkit.kernel.checkpoints import keep_checkpoint, read_checkpoint
from blogkit.kernel.recorded import (
    TEXT_BYTES,
    RecordTooLarge,
    append_line,
    array_bytes,
    histogram_of,
    keep_bytes,
    keep_contents,
    keep_file,
    picture_of,
    table_contents,
)
from blogkit.kernel.run_folder import RUN_FOLDER_VARIABLE, RunPaths, replace_file
from blogkit.kernel.tables import frame_rows, pipe_table

C = TypeVar("C")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Frame(Protocol):
    """What of a pandas data frame is used here."""

    columns: Any

    def itertuples(self, index: bool = ..., name: str | None = ...) -> Any: ...


def metric(name: str, value: Any, step: float | None = None) -> None:
    """Records a number of this run, such as an error or a loss.

    ``value`` is a Python, NumPy or torch scalar; not a number and infinity are kept, since a diverged run is a result.
    ``step`` is the epoch or iteration that it belongs to; None for a number of the whole run. Raises ValueError for a
    name that is no identifier, and for a value that is no single number.
    """
    entry = {"metric": _checked(name), "value": _number(name, value), "step": None if step is None else _step(step)}
    run = _run()
    if run is not None:
        append_line(run.metrics, entry)


def value(name: str, value: Any, error: Any = None, format: str | None = None) -> None:
    """Records a number for the prose: ``{{< meta values.NAME >}}`` shows it, with its uncertainty where it has one.

    ``error`` is the half-width of the interval, in the unit of ``value``. ``format`` is a Python format specification
    such as ``.3f`` or ``.1%``; without one, the digits follow from the uncertainty. ``value`` may also be a text.
    """
    entry: dict[str, Any] = {"value": _checked(name), "error": None, "format": format}
    if isinstance(value, str):
        entry["text"] = value
    else:
        entry["number"] = int(value) if isinstance(value, int) else _number(name, value)
        entry["error"] = None if error is None else _number(name, error)
        if format is not None:
            _check_format(name, format, entry["number"])
    run = _run()
    if run is not None:
        append_line(run.values, entry)


def chart(name: str, chart: C) -> C:
    """Records a figure under the name that the post calls it by, and gives it back so that Jupyter shows it.

    Takes an Altair chart, a Vega-Lite specification as a dict, or a matplotlib figure (kept as SVG, not interactive).
    """
    _checked(name)
    run = _run()
    if run is None:
        return chart
    if isinstance(chart, Mapping):
        _write_specification(run, name, chart)
    elif hasattr(chart, "to_dict"):
        from blogkit.kernel.altair import specification

        _write_specification(run, name, specification(chart))
    elif hasattr(chart, "savefig"):
        import io

        stream = io.BytesIO()
        chart.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        replace_file(run.charts / f"{name}.svg", stream.getvalue())
    else:
        raise ValueError(
            f"record.chart({name!r}, …) was given a {type(chart).__name__}; "
            "it takes an Altair chart, a Vega-Lite specification as a dict, or a matplotlib figure."
        )
    return chart


def table(name: str, frame: Frame, caption: str = "", index: bool | None = None) -> None:
    """Records a table for the prose: ``{{< include results/tables/NAME.md >}}`` shows it, ``@tbl-NAME`` refers to it.

    ``frame`` is a pandas data frame. Its cells are shown as they are, whatever they would mean in Markdown; floats have
    four digits, and end at one digit in a column, so format what needs others. Its row names are kept where they have a
    name or are words; ``index`` says True or False where they are or are not wanted. ``caption`` is Markdown.
    """
    _checked(name)
    header, rows = frame_rows(frame, index)
    lines = [*pipe_table(header, rows), "", f": {caption} {{#tbl-{name}}}" if caption else ""]
    run = _run()
    if run is not None:
        contents = table_contents(header, rows)
        replace_file(run.tables / f"{name}.json", json.dumps(contents, ensure_ascii=False).encode("utf-8"))
        replace_file(run.tables / f"{name}.md", ("\n".join(lines).rstrip() + "\n").encode("utf-8"))


def array(name: str, array: Any, step: float | None = None) -> None:
    """Records an array of this run, such as activations or weights: ``runs.array(NAME)`` gives those of all runs.

    ``array`` is a NumPy array, a torch tensor on any device, a data frame or nested lists, of numbers. At a name and a
    ``step`` the last one counts. Raises RecordTooLarge, a ValueError, for more than 32 MB, and where the files that
    the run records would take more than 100 MB or be more than 1,000.
    """
    _checked(name)
    at = None if step is None else _step(step)
    data = array_bytes(name, array)
    run = _run()
    if run is not None:
        keep_bytes(run, "array", name, at, data, ".npy")


def histogram(
    name: str,
    values: Any,
    bins: int | Sequence[float] = 30,
    range: tuple[float, float] | None = None,
    step: float | None = None,
) -> None:
    """Records how many of the values lie in each bin: ``runs.histogram(NAME)`` gives the table of all runs.

    ``bins`` is their number, from the smallest value to the largest or over ``range``, or a list of edges; give a
    range or edges where runs or steps are to be compared. What lies below, above, or is no finite number is counted
    apart. Raises RecordTooLarge, a ValueError, for more than 1,000 bins.
    """
    _checked(name)
    at = None if step is None else _step(step)
    contents = histogram_of(name, values, bins, range)
    run = _run()
    if run is not None:
        keep_contents(run, "histogram", name, at, contents)


def image(name: str, image: Any, step: float | None = None) -> None:
    """Records a picture of this run, as PNG: ``runs.image(NAME)`` gives those of all runs.

    ``image`` is an array or tensor of pixels (rows x columns, with 3 or 4 colours or none; whole numbers up to 255,
    others from 0 to 1), a Pillow image, a matplotlib figure, or the path of a PNG or JPEG file. Raises RecordTooLarge,
    a ValueError, for more than 5 MB or 4,096 pixels a side.
    """
    _checked(name)
    at = None if step is None else _step(step)
    data, suffix = picture_of(name, image)
    run = _run()
    if run is not None:
        keep_bytes(run, "image", name, at, data, suffix)


def text(name: str, text: str, step: float | None = None) -> None:
    """Records words of this run, such as what a model wrote: ``runs.text(NAME)`` gives those of all runs.

    Raises RecordTooLarge, a ValueError, for more than 1 MB.
    """
    _checked(name)
    at = None if step is None else _step(step)
    if not isinstance(text, str):
        raise ValueError(f"record.text({name!r}, …) takes a text, not {type(text).__name__}; str(x) makes one.")
    size = len(text.encode("utf-8", "replace"))
    if size > TEXT_BYTES:
        raise RecordTooLarge(f"record.text({name!r}, …) was given {size / 1e6:.1f} MB; 1 MB is kept. Record a part.")
    run = _run()
    if run is not None:
        keep_contents(run, "text", name, at, text.encode("utf-8", "replace").decode("utf-8"))


def file(name: str, path: str | os.PathLike[str]) -> None:
    """Records a copy of a file that the run made, such as a checkpoint: ``runs.file(NAME)`` gives those of all runs.

    Raises ValueError where there is no such file, and RecordTooLarge, a ValueError, where the files that the run
    records would take more than 100 MB.
    """
    _checked(name)
    source = Path(path)
    if not source.is_file():
        raise ValueError(f"record.file({name!r}, …): there is no file {str(path)!r} in {Path.cwd()}.")
    run = _run()
    if run is not None:
        keep_file(run, name, source)


def model(name: str, module: Any, example: Any = None, step: float | None = None) -> None:
    """Records a network, as ONNX, for a figure that runs it in the page: see :func:`blogkit.charts.live`.

    ``module`` is a torch module, or of any other framework the path or the bytes of an .onnx file. ``example`` is an
    input as the network is given it, or a tuple of inputs; the file must answer it as the module does. ``step`` is the
    epoch or iteration, where a run records the network as it learns. The first call for an architecture takes seconds.

    Raises ValueError for a module that does not export, is too large for a page, or uses an operator that pages lack.
    """
    from blogkit.kernel.models import write_model

    write_model(_run(), _checked(name), module, example, None if step is None else _step(step))


def checkpoint(state: Any) -> None:
    """Keeps where this run stands: if it is killed, preempted or timed out, its next attempt goes on from here.

    ``state`` is anything that Python can pickle, such as the epoch and the ``state_dict()`` of model and optimiser.
    With it are kept the states of the random number generators of Python, NumPy and torch, and all that the run has
    recorded so far; not files that the notebook wrote itself. The newest checkpoint alone stays, and it goes when the
    run is done. Raises TypeError for what cannot be pickled.
    """
    run = _run()
    if run is not None:
        keep_checkpoint(run, state)


def resume() -> Any:
    """The state that an earlier attempt at this very run kept last; None when there is none, so that it begins anew.

    Random number generators and what the run has recorded are then as they were at that checkpoint. Call it after
    everything is set up and seeded, right before the loop::

        state = record.resume()
        if state is not None:
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
        for epoch in range(state["epoch"] + 1 if state else 0, epochs):
            ...
            record.checkpoint({"epoch": epoch, "net": net.state_dict(), "optimizer": optimizer.state_dict()})
    """
    run = _run()
    return None if run is None else read_checkpoint(run)


def _run() -> RunPaths | None:
    """Where this run's records go; None outside a run."""
    folder = os.environ.get(RUN_FOLDER_VARIABLE)
    return RunPaths(folder=Path(folder)) if folder else None


def _write_specification(run: RunPaths, name: str, specification: Mapping[str, Any]) -> None:
    text = json.dumps(specification, ensure_ascii=False, default=str)
    replace_file(run.charts / f"{name}.vl.json", text.encode("utf-8"))


def _checked(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name here: use letters, digits, '_' and '-', beginning with a letter.")
    return name


def _number(name: str, value: Any) -> float:
    detach = getattr(value, "detach", None)  # a tensor that a gradient goes through warns when it is made a number
    try:
        return float(detach() if callable(detach) else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name!r} must be one number, not {type(value).__name__}: {error}") from error


def _step(step: Any) -> float | int:
    number = _number("step", step)
    if not math.isfinite(number):
        raise ValueError(f"a step must be finite, not {number}.")
    return int(number) if number.is_integer() else number


def _check_format(name: str, format: str, number: float) -> None:
    try:
        f"{number:{format}}"
    except ValueError as error:
        raise ValueError(f"{name!r}: {format!r} is no format for a number, such as '.3f' or '.1%'.") from error
