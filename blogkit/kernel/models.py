"""A network as an ONNX file: exported from torch, or given by any other framework, and tried before it is written.

Exporting a torch module takes seconds. The graph of an architecture is exported once, for this process and for the
other runs of the project, and a later call puts the module's own weights into it. Every file is tried: the ONNX runtime
must answer as the module does, on the example and beside it; a graph that does not fit is exported anew.

Needs ``onnx``, ``onnxruntime`` and, for a torch module, ``onnxscript``. Torch is touched only when the notebook has
imported it.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hashlib
import importlib
import inspect
import io
import json
import logging
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blogkit.kernel.run_folder import RunPaths, replace_file

MOST_BYTES = 2_000_000
"""Of one model: half a million weights. A reader loads it, and the page must stay small."""
NEWEST_IR, NEWEST_OPSET = 13, 26
"""What the page's runtime reads at most."""
TYPES = {1: "float32", 6: "int32", 7: "int64", 9: "bool", 11: "float64"}
"""Of inputs, by ONNX's number."""
INSTALL = "pip install 'blogkit[starters]'"
_CLOSE = 1e-4
_EXAMPLE_ROWS = 4
_OPERATORS = Path(__file__).with_name("operators.txt")


class ModelError(ValueError):
    """A model that a page cannot run; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class TriedModel:
    """A model and what it answers to its example."""

    onnx: bytes
    about: Mapping[str, Any]


def write_model(run: RunPaths | None, name: str, model: Any, example: Any, step: float | None) -> None:
    """Exports and tries a model, and writes it into a run's folder, where there is a run. Raises ModelError."""
    began = time.perf_counter()
    made = tried_model(name, model, example, graphs=_graphs_folder(run))
    if run is None:
        return
    stem = name if step is None else f"{name}@{step:g}"
    about = {"name": name, "step": step, **made.about, "seconds": round(time.perf_counter() - began, 3)}
    replace_file(run.models / f"{stem}.onnx", made.onnx)
    replace_file(run.models / f"{stem}.json", json.dumps(about).encode("utf-8"))


def tried_model(name: str, model: Any, example: Any, *, graphs: Path | None = None) -> TriedModel:
    """The ONNX file of a torch module, of bytes, of a path, or of what has ``SerializeToString``; tried."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        if example is None:
            raise ModelError(f"record.model({name!r}, …) needs an example: an input as the network is given it.")
        return _of_module(torch, name, model, example, graphs)
    data = _bytes_of(name, model)
    check_model(name, data)
    data = _lean_model(_needed_module("onnx").load_from_string(data))
    about = check_model(name, data)
    feed = _named_feed(about, _example_arrays(example)) if example is not None else None
    answer = _session_answers(name, data, feed) if feed is not None else _open_session(name, data) and {}
    return TriedModel(onnx=data, about={**about, **_kept_example(feed or {}, answer)})


def _bytes_of(name: str, model: Any) -> bytes:
    if isinstance(model, bytes | bytearray):
        return bytes(model)
    if isinstance(model, str | Path):
        path = Path(model)
        if not path.is_file():
            raise ModelError(f"record.model({name!r}, …): there is no file {str(path)!r}.")
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(_too_large(name, path.stat().st_size))
        return path.read_bytes()
    if hasattr(model, "SerializeToString"):
        return bytes(model.SerializeToString())
    raise ModelError(
        f"record.model({name!r}, …) was given a {type(model).__name__}; it takes a torch module, the path or the bytes "
        "of an .onnx file, or an ONNX model."
    )


def _too_large(name: str, size: int) -> str:
    return (
        f"the model {name!r} takes {size / 1e6:.1f} MB, and a page carries models of at most {MOST_BYTES / 1e6:g} MB "
        "(about 500,000 weights): record a smaller network, or the part of it that the figure shows."
    )


# --- torch ----------------------------------------------------------------------------------------------------------


_KNOWN: dict[str, bytes] = {}
"""Graphs by the digest of their architecture, in this process."""


def _of_module(torch: Any, name: str, module: Any, example: Any, graphs: Path | None) -> TriedModel:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        own = _own_copy(name, module)
        inputs = _batch_of_two(torch, example)
        key = _architecture_digest(torch, own, inputs)
        trials = [_tensors_of(torch, example), *_inputs_beside(torch, inputs)]
        for known in _known_graphs(key, graphs):
            data = _with_weights(own, known)
            made = _tried_graph(torch, name, own, data, trials) if data is not None else None
            if made is not None:
                _KNOWN[key] = known
                return made
        data = _fresh_graph(torch, name, own, inputs)
        made = _tried_graph(torch, name, own, data, trials, must=True)
        assert made is not None
        _KNOWN[key] = data
        if graphs is not None:
            with contextlib.suppress(OSError):
                replace_file(graphs / f"{key}.onnx", data)
        return made


def _own_copy(name: str, module: Any) -> Any:
    """The module as it answers, on the processor: the notebook's own goes on training."""
    try:
        return copy.deepcopy(module).cpu().eval()
    except Exception as error:
        raise ModelError(f"the module {name!r} cannot be copied: {_first_line(error)}") from error


def _tensors_of(torch: Any, example: Any) -> tuple[Any, ...]:
    parts = example if isinstance(example, tuple | list) else (example,)
    return tuple(torch.as_tensor(part).detach().cpu() for part in parts)


def _batch_of_two(torch: Any, example: Any) -> tuple[Any, ...]:
    """The example with at least two rows, so that the number of rows stays open in the graph."""
    parts = _tensors_of(torch, example)
    return tuple(torch.cat([part, part]) if part.ndim and part.shape[0] == 1 else part for part in parts)


def _inputs_beside(torch: Any, inputs: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Other inputs of the same kind: a graph that answers the example alone, such as zeros, would prove little."""
    generator = torch.Generator().manual_seed(0)
    moved = tuple(
        part + torch.randn(part.shape, generator=generator, dtype=part.dtype) if part.is_floating_point() else part
        for part in inputs
    )
    return [moved]


def _architecture_digest(torch: Any, module: Any, inputs: Sequence[Any]) -> str:
    """A digest of all that decides about the graph, and of no weight."""
    parts: list[str] = [torch.__version__, repr(module), str([(part.shape, part.dtype) for part in inputs])]
    parts += [f"{name} {tensor.shape} {tensor.dtype}" for name, tensor in _named_weights(module)]
    plain = (bool, int, float, str, tuple, type(None))
    for inner in module.modules():
        parts.append(str(sorted((key, repr(value)) for key, value in vars(inner).items() if isinstance(value, plain))))
        for kind in type(inner).__mro__:
            if kind.__module__.split(".")[0] not in ("torch", "builtins"):
                with contextlib.suppress(OSError, TypeError):
                    parts.append(inspect.getsource(kind))
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:20]


def _named_weights(module: Any) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _known_graphs(key: str, graphs: Path | None) -> Iterator[bytes]:
    if key in _KNOWN:
        yield _KNOWN[key]
    elif graphs is not None:
        with contextlib.suppress(OSError):
            yield (graphs / f"{key}.onnx").read_bytes()


def _with_weights(module: Any, graph: bytes) -> bytes | None:
    """A graph with the weights of this module in it; None where they do not fit."""
    onnx = _needed_module("onnx")
    model = onnx.load_from_string(graph)
    weights = dict(_named_weights(module))
    for one in model.graph.initializer:
        tensor = weights.get(one.name)
        if tensor is None:
            continue
        fresh = onnx.numpy_helper.from_array(tensor.detach().contiguous().numpy(), one.name)
        if fresh.data_type != one.data_type or list(fresh.dims) != list(one.dims):
            return None
        one.CopyFrom(fresh)
    return bytes(model.SerializeToString())


def _fresh_graph(torch: Any, name: str, module: Any, inputs: tuple[Any, ...]) -> bytes:
    """A fresh graph. It is not optimised, so that its weights are the module's: the runtimes do that themselves."""
    _needed_module("onnxscript")
    automatic = torch.export.Dim.AUTO
    open_shapes = tuple(
        {axis: automatic for axis in range(part.ndim) if axis == 0 or (axis == 1 and not part.is_floating_point())}
        for part in inputs
    )
    first: Exception | None = None
    for shapes in (open_shapes, None):
        try:
            with _quiet_exporter():
                program = torch.onnx.export(
                    module,
                    inputs,
                    dynamo=True,
                    external_data=False,
                    optimize=False,
                    dynamic_shapes=shapes,
                    verbose=False,
                )
                return _lean_model(program.model_proto)
        except Exception as error:
            first = first or error
    hint = "Record a part of the network that has plain operations, or an .onnx file made by other means."
    raise ModelError(f"the module {name!r} does not export to ONNX: {_first_line(first)} {hint}") from first


def _lean_model(model: Any) -> bytes:
    """A model without what is said of its making, by exporters and by people."""
    del model.metadata_props[:]
    for note in ("doc_string", "producer_name", "producer_version", "domain"):
        model.ClearField(note)
    model.graph.ClearField("doc_string")
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        part.ClearField("doc_string")
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
    return bytes(model.SerializeToString())


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter's own warnings, of things that no notebook can change, stay out of it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _tried_graph(
    torch: Any, name: str, module: Any, data: bytes, trials: Sequence[tuple[Any, ...]], must: bool = False
) -> TriedModel | None:
    """The model with what it answers to the example, if it answers as the module does; else None, or ModelError."""
    about = check_model(name, data)
    kept: tuple[dict[str, Any], dict[str, Any]] | None = None
    try:
        for trial in trials:
            feed = _named_feed(about, [part.numpy() for part in trial])
            answer = _session_answers(name, data, feed)
            expected = _flat_tensors(torch, module(*trial))
            if len(expected) != len(answer):
                raise ModelError(f"the module {name!r} answers {len(expected)} tensors, and its ONNX {len(answer)}.")
            for (output, given), want in zip(answer.items(), expected, strict=True):
                _compare_answers(name, output, given, want)
            kept = kept or (feed, answer)
    except ModelError:
        if must and kept is None:
            raise
        if kept is None or not must:
            return None
        # The example is answered, and an input beside it is not: an input of another meaning, such as an index.
    assert kept is not None
    return TriedModel(onnx=data, about={**about, **_kept_example(*kept)})


def _flat_tensors(torch: Any, answer: Any) -> list[Any]:
    if isinstance(answer, torch.Tensor):
        return [answer.detach().cpu().numpy()]
    parts = answer.values() if isinstance(answer, Mapping) else answer if isinstance(answer, tuple | list) else ()
    return [tensor for part in parts for tensor in _flat_tensors(torch, part)]


def _compare_answers(name: str, output: str, given: Any, want: Any) -> None:
    import numpy as np

    if given.shape != want.shape:
        raise ModelError(f"the ONNX of {name!r} answers {output!r} of shape {given.shape}, the module {want.shape}.")
    there = np.isfinite(want)
    span = float(np.abs(want[there]).max()) if there.any() else 0.0
    if (np.isfinite(given) != there).any() or (
        there.any() and float(np.abs(given[there] - want[there]).max()) > _CLOSE * max(span, 1e-6)
    ):
        raise ModelError(
            f"the ONNX of {name!r} answers otherwise than the module, in {output!r}: does its answer depend on chance, "
            "or on Python code that looks at the values?"
        )


# --- ONNX -----------------------------------------------------------------------------------------------------------


def _needed_module(name: str) -> Any:
    """A module of the starters' extra. Raises ModelError with the command that brings it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(f"record.model needs {name}, which is not installed: {INSTALL}") from error


def check_model(name: str, data: bytes) -> dict[str, Any]:
    """What a model takes and gives. Raises ModelError for one that is too large or that a page's runtime cannot run."""
    if len(data) > MOST_BYTES:
        raise ModelError(_too_large(name, len(data)))
    onnx = _needed_module("onnx")
    try:
        model = onnx.load_from_string(data)
    except Exception as error:
        raise ModelError(f"the model {name!r} is no ONNX file: {_first_line(error)}") from error
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in model.graph.initializer):
        raise ModelError(f"the model {name!r} keeps weights in another file: save it with its weights inside.")
    opsets = {one.domain: one.version for one in model.opset_import}
    if model.ir_version > NEWEST_IR or opsets.get("", 0) > NEWEST_OPSET:
        raise ModelError(
            f"the model {name!r} is of ONNX version {model.ir_version} with operators {opsets.get('', 0)}; "
            f"the page's runtime reads up to {NEWEST_IR} and {NEWEST_OPSET}: save it for an older one."
        )
    lacking = sorted(set(_operators_in(model)) - known_operators())
    if lacking:
        raise ModelError(
            f"the model {name!r} uses {', '.join(lacking)}, which the page's runtime does not have: write that part "
            "of the network with other operations, or record the part before it."
        )
    weights = {one.name for one in model.graph.initializer}
    inputs = [_described_tensor(one) for one in model.graph.input if one.name not in weights]
    return {
        "inputs": inputs,
        "outputs": [_described_tensor(one) for one in model.graph.output],
        "weights": sum(_count_of(one.dims) for one in model.graph.initializer),
    }


def known_operators() -> frozenset[str]:
    """The operators that the page's runtime has."""
    return frozenset(_OPERATORS.read_text(encoding="utf-8").split())


def _operators_in(model: Any) -> Iterator[str]:
    """The operators of a model, also of those inside its branches, loops and functions."""
    own = {(function.domain, function.name) for function in model.functions}
    waiting = [model.graph, *model.functions]
    while waiting:
        for node in waiting.pop().node:
            if (node.domain, node.op_type) not in own:
                yield node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
            for attribute in node.attribute:
                waiting += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _described_tensor(one: Any) -> dict[str, Any]:
    kind = one.type.tensor_type
    shape = [size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim]
    return {"name": one.name, "type": TYPES.get(kind.elem_type, str(kind.elem_type)), "shape": shape}


def _count_of(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _example_arrays(example: Any) -> list[Any]:
    """An example for a model of another framework: one array or several, by order or by name."""
    import numpy as np

    if isinstance(example, Mapping):
        example = list(example.values())
    parts = example if isinstance(example, tuple | list) else [example]
    return [np.asarray(part) for part in parts]


def _named_feed(about: Mapping[str, Any], arrays: Sequence[Any]) -> dict[str, Any]:
    names = [one["name"] for one in about["inputs"]]
    if len(names) != len(arrays):
        raise ModelError(
            f"the model takes {len(names)} inputs ({', '.join(names)}), and the example has {len(arrays)}."
        )
    return dict(zip(names, arrays, strict=True))


def quiet_session(runtime: Any, data: bytes) -> Any:
    """A session of the ONNX runtime for a model's bytes: one thread, the processor alone, nothing on stderr."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _open_session(name: str, data: bytes) -> Any:
    runtime = _needed_module("onnxruntime")
    try:
        return quiet_session(runtime, data)
    except Exception as error:
        raise ModelError(f"the ONNX runtime cannot open the model {name!r}: {_first_line(error)}") from error


def _session_answers(name: str, data: bytes, feed: Mapping[str, Any]) -> dict[str, Any]:
    session = _open_session(name, data)
    outputs = [one.name for one in session.get_outputs()]
    try:
        return dict(zip(outputs, session.run(outputs, dict(feed)), strict=True))
    except Exception as error:
        raise ModelError(f"the model {name!r} does not answer its example: {_first_line(error)}") from error


def _kept_example(feed: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """The example's first rows with what was answered, for whoever runs the file later."""
    if not feed:
        return {}
    rows = {array.shape[0] if array.ndim else 0 for array in (*feed.values(), *answer.values())}
    most = _EXAMPLE_ROWS if len(rows) == 1 else None
    return {
        "example": {key: _packed_array(array[:most] if array.ndim else array) for key, array in feed.items()},
        "answer": {key: _packed_array(array[:most] if array.ndim else array) for key, array in answer.items()},
    }


def _packed_array(array: Any) -> dict[str, Any]:
    import numpy as np

    plain = np.ascontiguousarray(array)
    data = base64.b64encode(plain.tobytes()).decode("ascii")
    return {"type": str(plain.dtype), "shape": list(array.shape), "data": data}


def _graphs_folder(run: RunPaths | None) -> Path | None:
    """Where the runs of a project keep exported graphs for each other."""
    if run is None or run.folder.parent.name != ".work":
        return None
    return run.folder.parent.parent / ".graphs"


def _first_line(error: BaseException | None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
