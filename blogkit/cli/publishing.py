"""Verbs that hand a post in: check, publish."""

from __future__ import annotations
