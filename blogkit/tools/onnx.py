"""The ONNX runtime in Python: what a model answers. Files of others are untrusted, and opened in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from blogkit.errors import ToolFailed, ToolMissing
from blogkit.kernel.models import INSTALL, ModelError, check_model, quiet_session
from blogkit.tools.workers import Limits, run_bounded

ModelFeed = Mapping[str, Any]
ModelAnswer = dict[str, Any]
LIMITS = Limits(seconds=60, memory=2_000_000_000)
"""For one model and all that it is asked."""


def answer(data: bytes, feed: ModelFeed) -> ModelAnswer:
    """What a model of one's own answers, by the names of its outputs. Raises ToolMissing, ValueError, RuntimeError."""
    session = _open_session(data)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))


def answers(asked: Sequence[tuple[bytes, Sequence[ModelFeed]]]) -> Iterator[list[ModelAnswer] | str]:
    """What each model answers to each of its inputs; for one that cannot be opened or takes too much, why.

    Every model is opened in a process of bounded time and memory, once its size, depth and operators are found sound.
    """
    for outcome in run_bounded(_open_runtime, asked, limits=LIMITS):
        if outcome.stop is not None:
            yield f"it {outcome.reason}"
        elif outcome.error is not None:
            if isinstance(outcome.error, ToolFailed | ToolMissing):
                raise outcome.error
            lines = str(outcome.error).splitlines()
            yield lines[0] if lines else type(outcome.error).__name__
        else:
            assert outcome.value is not None
            yield outcome.value


@contextmanager
def _open_runtime() -> Iterator[Callable[[tuple[bytes, Sequence[ModelFeed]]], list[ModelAnswer]]]:
    _imported_runtime()

    def handle(item: tuple[bytes, Sequence[ModelFeed]]) -> list[ModelAnswer]:
        data, feeds = item
        check_model("model", data)
        session = _open_session(data)
        names = [one.name for one in session.get_outputs()]
        return [dict(zip(names, session.run(names, dict(feed)), strict=True)) for feed in feeds]

    yield handle


def _open_session(data: bytes) -> Any:
    runtime = _imported_runtime()
    try:
        return quiet_session(runtime, data)
    except Exception as error:
        raise ModelError(f"the ONNX runtime cannot open it: {str(error).splitlines()[0][:300]}") from error


def _imported_runtime() -> Any:
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ToolMissing("A live figure needs onnx and onnxruntime.", hint=INSTALL) from error
    assert onnx is not None
    return onnxruntime
