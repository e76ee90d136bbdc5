"""Gathers what the runs recorded into results/: small plain files that any Quarto post can show."""

from __future__ import annotations
