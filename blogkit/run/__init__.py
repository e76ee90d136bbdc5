"""Runs a sweep: plan which runs there are, execute those that are not stored."""

from __future__ import annotations
