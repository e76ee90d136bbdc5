"""Verbs that make pages: render, preview, build."""

from __future__ import annotations
