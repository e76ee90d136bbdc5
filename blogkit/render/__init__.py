"""Turns posts into pages: an engine (Quarto or pandoc), then the finishing pass, the same for both."""

from __future__ import annotations
