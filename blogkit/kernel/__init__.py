"""What runs in the process of a notebook, and nothing else of blogkit.

===============  =====================================================================================================
``startup``      what a run's kernel does before its first cell
``run_folder``   where :mod:`blogkit.record` writes
``recorded``     arrays, pictures and files that a run records, within bounds
``tables``       a data frame as a table of the post
``imports``      what was imported and read; ``children`` notes it in Python processes that the run starts
``altair``       how charts are shown in a run
``linked``       project files that a run sees by a link
``facts``        versions, memory and devices, asked at the end
``batch``        an IPython kernel that nobody watches
``server``       the process that imports once; ``fork`` makes each of its forks a kernel
===============  =====================================================================================================

Importable without the rest, in an environment that has nothing of what blogkit needs (``batch``, ``server`` and
``fork`` need ipykernel). Here alone torch may be touched: lazily, and only when the notebook has imported it.
"""

from __future__ import annotations

from pathlib import Path

STARTUP = Path(__file__).with_name("startup.py")
"""The file that a run's kernel reads first: give its path as ``PYTHONSTARTUP`` in the kernel's environment."""
