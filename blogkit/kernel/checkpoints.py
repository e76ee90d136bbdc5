"""Where a run stands, kept so that it can go on from there when it was killed, preempted or timed out.

A checkpoint holds what the notebook gives, the states of the random number generators, and what the run has recorded
so far. Checkpoints lie in ``runs/.checkpoints/ID/``, beside the folders that appear by rename, and go when the run is
done. Each is a folder that gets its number by a rename when it is whole, so the newest number is always whole. They are
read by whoever wrote them alone: no pack and no post carries one.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import shutil
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from blogkit.kernel.run_folder import RunPaths, replace_file

CHECKPOINTS_FOLDER = ".checkpoints"
_WORK_FOLDER = re.compile(r"([0-9a-f]{12})-[0-9a-f]{8}")
_NUMBER = re.compile(r"\d{8}")
_STATE = "state"
_FACTS = "facts.json"
_RECORDS = ("metrics", "values", "index")
_FOLDERS = ("charts", "tables", "recorded", "models")


def checkpoints_of(run: RunPaths) -> Path | None:
    """Where the checkpoints of a run under way lie; None of a folder that is no run's, as when one is verified."""
    match = _WORK_FOLDER.fullmatch(run.folder.name)
    return run.folder.parent.parent / CHECKPOINTS_FOLDER / match[1] if match else None


def keep_checkpoint(run: RunPaths, state: Any) -> None:
    """Keeps a state with all that belongs to it, in place of the run's earlier one.

    Raises TypeError when the state cannot be pickled, and OSError when the disk refuses; the earlier one stays then.
    """
    place = checkpoints_of(run)
    if place is None:
        return
    place.mkdir(parents=True, exist_ok=True)
    earlier = _numbered_checkpoints(place)
    beside = place / f"part-{uuid.uuid4().hex[:8]}"
    beside.mkdir()
    try:
        _write_state(beside / _STATE, {"state": state, "random": random_states()})
        _copy_records(run, beside)
        resumed = read_resumption(run)
        facts = {"times": resumed["times"], "seconds": resumed["seconds"] + _seconds_so_far(run)}
        _write_synced(beside / _FACTS, json.dumps(facts).encode("utf-8"))
        os.rename(beside, place / f"{(int(earlier[-1].name) if earlier else 0) + 1:08d}")
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    for old in earlier:
        shutil.rmtree(old, ignore_errors=True)


def read_checkpoint(run: RunPaths) -> Any:
    """The state of a run's newest checkpoint, or None; random states and records are as they were when it was kept.

    One that cannot be read is removed, with a word on stderr, and the run begins anew.
    """
    place = checkpoints_of(run)
    for folder in reversed(_numbered_checkpoints(place) if place else []):
        try:
            kept = _read_state(folder / _STATE)
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            state, states = kept["state"], kept["random"]
            restore_random_states(states)
        except Exception as error:  # whatever a damaged pickle raises
            sys.stderr.write(f"blogkit: a checkpoint could not be read ({error!r}) and is left out.\n")
            shutil.rmtree(folder, ignore_errors=True)
            continue
        _restore_records(run, folder)
        resumed = {"times": int(facts["times"]) + 1, "seconds": float(facts["seconds"])}
        _write_synced(resumption_file(run), json.dumps(resumed).encode("utf-8"))
        replace_file(folder / _FACTS, json.dumps(resumed).encode("utf-8"))  # it may be resumed from once more
        return state
    return None


def read_resumption(run: RunPaths) -> dict[str, Any]:
    """How often a run went on from a checkpoint (``times``), and the ``seconds`` that were spent before."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(resumption_file(run).read_text(encoding="utf-8"))
        return {"times": int(said["times"]), "seconds": float(said["seconds"])}
    return {"times": 0, "seconds": 0.0}


def resumption_file(run: RunPaths) -> Path:
    """Says of a run under way that it went on from a checkpoint."""
    return run.folder / ".resumed.json"


def _numbered_checkpoints(place: Path) -> list[Path]:
    """The whole checkpoints in a folder, the oldest first."""
    try:
        return sorted(path for path in place.iterdir() if _NUMBER.fullmatch(path.name) and path.is_dir())
    except OSError:
        return []


def _seconds_so_far(run: RunPaths) -> float:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return max(0.0, time.time() - float(json.loads(run.progress.read_text(encoding="utf-8"))["began"]))
    return 0.0


# --- the state ------------------------------------------------------------------------------------------------------


def _write_state(path: Path, value: Any) -> None:
    """The pickle of a value; by torch, where the notebook has it, so that tensors which share numbers still do."""
    torch = sys.modules.get("torch")
    with open(path, "wb") as stream:
        try:
            if torch is not None:
                torch.save(value, stream)
            else:
                pickle.dump(value, stream)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"record.checkpoint(…) was given something that cannot be kept ({error}). Give numbers, arrays, and "
                "the state_dict() of models and optimisers."
            ) from error
        stream.flush()
        os.fsync(stream.fileno())


def _read_state(path: Path) -> Any:
    with open(path, "rb") as stream:
        is_torch = stream.read(2) == b"PK"
    if is_torch:
        import torch

        return torch.load(path, weights_only=False)
    with open(path, "rb") as stream:
        return pickle.load(stream)  # noqa: S301  # this run's own file


def random_states() -> dict[str, Any]:
    """The states of the generators that a notebook uses without naming them: Python's, NumPy's, torch's."""
    states: dict[str, Any] = {"python": random.getstate()}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and hasattr(numpy, "random"):
        states["numpy"] = numpy.random.get_state()
    if torch is not None:
        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: dict[str, Any]) -> None:
    """Sets the generators as they were."""
    random.setstate(states["python"])
    if "numpy" in states:
        import numpy as np

        np.random.set_state(states["numpy"])
    if "torch" in states:
        import torch

        torch.set_rng_state(states["torch"])
        if "cuda" in states:
            torch.cuda.set_rng_state_all(states["cuda"])


# --- what was recorded ----------------------------------------------------------------------------------------------


def _copy_records(run: RunPaths, folder: Path) -> None:
    """What the run has recorded so far. Files that are only ever replaced are linked; those that grow are copied."""
    for name in _RECORDS:
        source: Path = getattr(run, name)
        if source.exists():
            _write_synced(folder / source.name, source.read_bytes())
    for name in _FOLDERS:
        source = getattr(run, name)
        if source.is_dir():
            shutil.copytree(source, folder / source.name, copy_function=_link_or_copy)


def _restore_records(run: RunPaths, folder: Path) -> None:
    """Makes what the run has recorded what it was; what it recorded since it began anew goes."""
    for name in _RECORDS:
        place: Path = getattr(run, name)
        place.unlink(missing_ok=True)
        if (folder / place.name).exists():
            shutil.copyfile(folder / place.name, place)
    for name in _FOLDERS:
        place = getattr(run, name)
        shutil.rmtree(place, ignore_errors=True)
        if (folder / place.name).is_dir():
            shutil.copytree(folder / place.name, place, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def _write_synced(path: Path, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
