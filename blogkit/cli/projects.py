"""Verbs that make a site and its projects: init, new, doctor."""

from __future__ import annotations
