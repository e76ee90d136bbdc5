"""A rendered page as every stage reads it."""

from __future__ import annotations
