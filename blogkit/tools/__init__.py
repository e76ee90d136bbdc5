"""The outside world, one module a program: papermill, quarto, pandoc, git, chromium, slurm."""

from __future__ import annotations
