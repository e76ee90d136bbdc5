"""The warm start: kernels that are forks of a process which has already imported what the notebook imports.

::

    driver --Unix socket--> server (imports once) --fork--> kernel --Jupyter's protocol--> driver

``server`` imports and forks, ``child`` turns a fork into an ordinary IPython kernel, ``provisioner`` is Jupyter's
extension point that asks the server instead of starting a new Python; Papermill and nbclient notice nothing. A kernel
lives as long as its connection to the server, and the server as long as its driver, so that nothing is left over
whoever is killed. Where a fork is not there or not safe, kernels start the ordinary way, and a note says so once.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from blogkit.tools.execution import ORDINARY, KernelStart
from blogkit.tools.python import ServerProcess, start_server

ADDRESS_VARIABLE = "BLOGKIT_WARM_START"
"""Where kernels are forked, for a Papermill that blogkit did not start."""
PROVISIONER = "blogkit-warm"
"""The provisioner's entry point in the group ``jupyter_client.kernel_provisioners``, for other programs' use."""

_WHILE_IMPORTING = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # pyplot chooses when it is imported, as in any kernel
    "OPENBLAS_NUM_THREADS": "1",  # it starts its threads when it is loaded; a kernel's own number is set after the fork
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a library that asks whether there is a GPU leaves CUDA untouched
}
_STARTED: dict[str, _WarmStart] = {}


class _WarmStart:
    """One server of this process, and its note to the user when it cannot serve."""

    def __init__(self, folder: Path, server: ServerProcess, on_note: Callable[[str], None]) -> None:
        self.folder, self.server, self._on_note = folder, server, on_note
        self._lock = threading.Lock()
        self._noted = False

    @property
    def address(self) -> str:
        return str(self.folder / "fork")

    def tell(self, reason: str) -> None:
        """Says once that kernels start the ordinary way, and why."""
        with self._lock:
            noted, self._noted = self._noted, True
        if not noted:
            self._on_note(f"kernels start the ordinary way, which is slower: {reason}")


@contextmanager
def warm_start(
    modules: Sequence[str],
    *,
    own_folders: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    on_note: Callable[[str], None] = lambda text: None,
) -> Iterator[KernelStart]:
    """How kernels start while the block lasts: as forks of one process that has imported ``modules``.

    Only installed libraries are imported ahead, never a module that lies in one of ``own_folders``. ``env`` is added
    to the server's environment: what libraries read when they are imported, such as ``OMP_NUM_THREADS``. ``on_note``
    hears, once, that the ordinary start took over, and why.
    """
    if sys.platform != "linux":
        # macOS has fork, but its system libraries do not promise to work after it.
        on_note(f"kernels start the ordinary way, which is slower: a warm start needs Linux, this is {sys.platform}")
        yield ORDINARY
        return
    folder = Path(tempfile.mkdtemp(prefix="blogkit-warm-"))
    if len(str(folder)) > 90:  # a socket's path may have 107 bytes
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="blogkit-warm-", dir="/tmp"))  # mkdtemp makes it private
    started: _WarmStart | None = None
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "fork"))
            listener.listen(128)
            server = start_server(
                "blogkit.kernel.server",
                [str(listener.fileno()), *installed(modules, own_folders)],
                env={**(env or {}), **_WHILE_IMPORTING},
                log=folder / "log",
                descriptors=[listener.fileno()],
            )
        started = _WarmStart(folder, server, on_note)
        _STARTED[started.address] = started
        _register()
        yield KernelStart(provisioner=PROVISIONER, config={"address": started.address})
    finally:
        if started is not None:
            _STARTED.pop(started.address, None)
            started.server.close()
        shutil.rmtree(folder, ignore_errors=True)


def _register() -> None:
    """Makes the provisioner known to Jupyter in this process, whatever entry points an older installation has."""
    from importlib.metadata import EntryPoint

    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    place = f"{__name__}.provisioner:WarmProvisioner"
    group = KernelProvisionerFactory.GROUP_NAME
    KernelProvisionerFactory.instance().provisioners[PROVISIONER] = EntryPoint(PROVISIONER, place, group)


def tell(address: str, reason: str) -> bool:
    """Tells the user of the warm start at ``address``; False when this process did not start it."""
    started = _STARTED.get(address)
    if started is not None:
        started.tell(reason)
    return started is not None


def installed(modules: Sequence[str], own_folders: Sequence[Path] = ()) -> list[str]:
    """Those modules that are installed libraries, and not the project's own, whose files may still change.

    A name that one of ``own_folders`` has too is left out: there, the notebook means its own module.
    """
    found: list[str] = []
    for module in modules:
        top = module.split(".")[0]
        own = any((folder / top).is_dir() or (folder / f"{top}.py").exists() for folder in own_folders)
        if own or module in found:
            continue
        if top in sys.stdlib_module_names or _in_site_packages(top):
            found.append(module)
    return found


def _in_site_packages(top: str) -> bool:
    try:
        spec = importlib.machinery.PathFinder.find_spec(top, [path for path in sys.path if _is_site(path)])
    except (ImportError, ValueError):
        return False
    return spec is not None


def _is_site(path: str) -> bool:
    return Path(path).name in {"site-packages", "dist-packages"}
