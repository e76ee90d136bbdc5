"""Hands a rendered post over: as a zip, a folder, one HTML file, or a branch."""

from __future__ import annotations
